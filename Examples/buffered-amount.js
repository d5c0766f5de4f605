// How many bytes have been given to send() and have not left yet.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url);
let answers = 0;

socket.onopen = () => {
    console.log("at first:", socket.bufferedAmount);
    socket.send("x".repeat(1000));
    socket.send(new Uint8Array(500));
    console.log("after two messages:", socket.bufferedAmount);
};

socket.onmessage = () => {
    answers += 1;
    if (answers === 2) {
        console.log("after their echoes:", socket.bufferedAmount);
        socket.close();
    }
};
