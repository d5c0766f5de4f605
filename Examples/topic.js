// Two sockets on one topic of duplex serve: what one sends, all hear, the sender too.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const topic = new URL("/topic/examples", url).href;

function join(name) {
    const socket = new WebSocket(topic);
    socket.onopen = () => socket.send(`${name} is here`);
    return socket;
}

const alice = join("Alice");
let bob;

alice.onmessage = (event) => {
    console.log("Alice hears:", event.data);
    if (event.data === "Alice is here") {
        bob = join("Bob");
    } else {
        bob.close();
        alice.close();
    }
};

alice.onclose = () => {
    console.log("Alice has left");
};
