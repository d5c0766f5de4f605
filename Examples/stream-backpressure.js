// Who writes faster than the other end reads has to wait: here nobody reads the echoes at first, so that the server
// cannot get rid of them and stops reading, too.

const url = globalThis.duplex?.arguments[0] ?? "ws://127.0.0.1:9001/echo";
const count = 512;
const block = Uint8Array.from({ length: 64 * 1024 }, () => Math.random() * 256);

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function example() {
    const stream = new WebSocketStream(url);
    const { readable, writable } = await stream.opened;
    const writer = writable.getWriter();
    let written = 0;
    let received = 0;

    async function write() {
        while (written < count) {
            await writer.write(block);
            written += 1;
        }
    }

    const writing = write();
    await sleep(300);
    console.log("all written while nobody reads:", written === count);

    for await (const message of readable) {
        received += message.byteLength;
        if (received === count * block.length) {
            stream.close();
        }
    }

    await writing;
    console.log("all written at the end:", written === count);
    console.log("received:", received, "bytes");
}

example();
