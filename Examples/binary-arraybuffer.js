// Bytes as an ArrayBuffer, for those who compute with them.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url);
socket.binaryType = "arraybuffer";

socket.onopen = () => {
    socket.send(new Uint8Array([0, 0, 1, 44]));
    socket.send("300, as text");
};

socket.onmessage = (event) => {
    if (event.data instanceof ArrayBuffer) {
        const bytes = new Uint8Array(event.data);
        const number = bytes.reduce((number, byte) => number * 256 + byte, 0);
        console.log(bytes.length, "bytes, which are the number", number);
    } else {
        console.log("text:", event.data);
        socket.close();
    }
};
