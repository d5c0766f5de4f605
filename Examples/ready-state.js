// The four states of a socket, and when it is in which.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url);
console.log("created:", socket.readyState, socket.readyState === WebSocket.CONNECTING);

socket.onopen = () => {
    console.log("open:", socket.readyState, socket.readyState === WebSocket.OPEN);
    socket.close();
    console.log("close() was called:", socket.readyState, socket.readyState === WebSocket.CLOSING);
};

socket.onclose = () => {
    console.log("closed:", socket.readyState, socket.readyState === WebSocket.CLOSED);
};
