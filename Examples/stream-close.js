// How a stream ends: with a code and a reason, which both ends learn.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";

async function example() {
    const stream = new WebSocketStream(url, { protocols: [] });
    const { protocol } = await stream.opened;
    console.log("subprotocol:", protocol === "" ? "none" : protocol);

    try {
        stream.close({ closeCode: 1001 });
    } catch (error) {
        console.log("a code that is not for programs:", error.name);
    }

    stream.close({ closeCode: 4002, reason: "that was all" });
    const { closeCode, reason } = await stream.closed;
    console.log("closed with", closeCode, "-", reason);
}

example();
