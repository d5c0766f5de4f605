// A connection for asynchronous code: messages are written and read, and what has been closed ends the loop.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";

async function example() {
    const stream = new WebSocketStream(url);
    const { readable, writable } = await stream.opened;
    const writer = writable.getWriter();

    for (const word of ["one", "two", "three"]) {
        await writer.write(word);
    }

    for await (const message of readable) {
        console.log("read:", message);
        if (message === "three") {
            stream.close();
        }
    }

    const { closeCode } = await stream.closed;
    console.log("closed with", closeCode);
}

example();
