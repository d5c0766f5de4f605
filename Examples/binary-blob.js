// Bytes as a Blob, which is how binary messages come unless binaryType says otherwise.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url);
console.log("binaryType:", socket.binaryType);

socket.onopen = () => {
    const blob = new Blob(["a caf", new Uint8Array([0xc3, 0xa9])], { type: "text/plain" });
    console.log("sent:", blob.size, "bytes of", blob.type);
    socket.send(blob);
};

socket.onmessage = async (event) => {
    const blob = event.data;
    console.log("received:", blob.size, "bytes");
    console.log("as text:", await blob.text());
    console.log("without its first two bytes:", await blob.slice(2).text());
    socket.close();
};
