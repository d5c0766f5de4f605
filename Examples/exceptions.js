// What is refused at once, with an exception whose name says why.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";

try {
    new WebSocket("ws://127.0.0.1:99999/");
} catch (error) {
    console.log("no URL, its port is too large:", error.name);
}

try {
    new WebSocket(url, ["chat", "chat"]);
} catch (error) {
    console.log("a subprotocol twice:", error.name);
}

const socket = new WebSocket(url);

try {
    socket.send("too early");
} catch (error) {
    console.log("sending before it is open:", error.name);
}

socket.onopen = () => {
    try {
        socket.close(1001);
    } catch (error) {
        console.log("a code that is not for programs:", error.name);
    }
    try {
        socket.close(3000, "r".repeat(124));
    } catch (error) {
        console.log("a reason of 124 bytes:", error.name);
    }
    socket.close(3000, "r".repeat(123));
};

socket.onclose = (event) => {
    console.log("a reason of", event.reason.length, "bytes is taken");
};
