// Codes from 3000 to 4999 mean what the two ends agree on. A server answers with the code that it was sent.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url);

socket.onopen = () => {
    socket.close(4001, "gone to lunch");
};

socket.onclose = (event) => {
    console.log("code:", event.code);
    console.log("reason:", event.reason);
    console.log("clean:", event.wasClean);
};
