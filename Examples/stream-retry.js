// Trying again until a server is there, after longer and longer pauses.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const addresses = ["ws://127.0.0.1:2/", "ws://127.0.0.1:2/", url];

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function example() {
    let pause = 10;
    for (const address of addresses) {
        const stream = new WebSocketStream(address);
        try {
            await stream.opened;
            console.log("open");
            stream.close();
            await stream.closed;
        } catch (error) {
            console.log("failed, next try in", pause, "ms:", error instanceof WebSocketError);
            await sleep(pause);
            pause *= 2;
        }
    }
    console.log("done");
}

example();
