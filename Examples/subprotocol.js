// What the two ends will speak: the client offers, the server takes one of it.
// The server: duplex serve --subprotocol chat.v2 --subprotocol chat.v1

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url, ["chat.v3", "chat.v2"]);
console.log("before it is open:", socket.protocol === "" ? "none" : socket.protocol);

socket.onopen = () => {
    console.log("the server chose:", socket.protocol);
    socket.close();
};

socket.onclose = (event) => {
    console.log("clean:", event.wasClean);
};
