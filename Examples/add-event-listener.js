// Any number of listeners for one kind of event: they are called in the order in which they were added.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url);

socket.addEventListener("open", (event) => {
    console.log("1:", event.type);
    socket.send("Hello, listeners");
});

socket.addEventListener("open", () => {
    console.log("2: it is open");
});

socket.addEventListener("message", (event) => {
    console.log("1:", event.type, "-", event.data);
});

socket.addEventListener("message", () => {
    console.log("2: enough");
    socket.close(1000);
});

socket.addEventListener("close", (event) => {
    console.log("1:", event.type, "-", event.code);
});
