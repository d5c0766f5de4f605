// Three ways to stop listening: after the first event, by a signal, by name.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const socket = new WebSocket(url);
const controller = new AbortController();

socket.addEventListener("open", () => {
    for (const word of ["one", "two", "three", "four"]) {
        socket.send(word);
    }
});

socket.addEventListener("message", (event) => {
    console.log("once:", event.data);
}, { once: true });

socket.addEventListener("message", (event) => {
    console.log("until the abort:", event.data);
}, { signal: controller.signal });

const listener = (event) => {
    console.log("until removed:", event.data);
};
socket.addEventListener("message", listener);

socket.addEventListener("message", (event) => {
    switch (event.data) {
        case "two": controller.abort(); break;
        case "three": socket.removeEventListener("message", listener); break;
        case "four": socket.close(); break;
    }
});

socket.addEventListener("close", () => {
    console.log("closed");
});
