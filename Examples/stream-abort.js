// A signal gives a connection up for as long as it is not open. Later it has no effect: then close() does that.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";

async function example() {
    const controller = new AbortController();
    const given = new WebSocketStream(url, { signal: controller.signal });
    controller.abort();
    try {
        await given.opened;
        console.log("open after all");
    } catch (error) {
        console.log("given up:", error.name);
    }

    const later = new AbortController();
    const stream = new WebSocketStream(url, { signal: later.signal });
    await stream.opened;
    later.abort();
    stream.close({ closeCode: 1000 });
    const { closeCode } = await stream.closed;
    console.log("aborted too late, closed with", closeCode);
}

example();
