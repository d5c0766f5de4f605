// A connection from its beginning to its end: it opens, a message goes each way, it closes.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url);

socket.onopen = () => {
    console.log("open");
    socket.send("Hello, server");
};

socket.onmessage = (event) => {
    console.log("the server says:", event.data);
    socket.close();
};

socket.onclose = (event) => {
    console.log("closed with", event.code);
};
