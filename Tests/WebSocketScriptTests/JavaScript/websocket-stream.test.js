// WebSocketStream and WebSocketError, against the server of the tests.
(function () {
    "use strict";

    const server = duplex.arguments[0];

    check("the constructor checks its arguments", () => {
        throws("TypeError", () => WebSocketStream(server));
        throws("TypeError", () => new WebSocketStream());
        throws("SyntaxError", () => new WebSocketStream("mailto:x"));
        throws("SyntaxError", () => new WebSocketStream(server, { protocols: ["a b"] }));
        throws("TypeError", () => new WebSocketStream(server, { protocols: "chat" }));
        throws("TypeError", () => new WebSocketStream(server, { signal: {} }));
        throws("TypeError", () => new WebSocketStream(server, 1));
        same([WebSocketStream.length, WebSocketStream.prototype.close.length], [1, 0]);
    });

    check("messages go through its streams", async () => {
        const stream = new WebSocketStream(`${server}/echo`, { protocols: ["second"] });
        same(stream.url, `${server}/echo`);
        same(stream.opened, stream.opened);
        const { readable, writable, protocol, extensions } = await stream.opened;
        same([readable.constructor, writable.constructor], [ReadableStream, WritableStream]);
        same(protocol, "second");
        same(extensions.startsWith("permessage-deflate"), true);
        const [reader, writer] = [readable.getReader(), writable.getWriter()];
        for (const [sent, came] of [
            ["text", "text"], ["", ""], [5, "5"], ["\ud800", "\ufffd"],
            [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
            [new Uint8Array([1, 2, 3, 4]).buffer, new Uint8Array([1, 2, 3, 4])],
            [new Uint16Array([258]).subarray(0), new Uint8Array([2, 1])],
            [new Uint8Array(200000).fill(3), new Uint8Array(200000).fill(3)],
        ]) {
            await writer.write(sent);
            same((await reader.read()).value, came);
        }
        stream.close({ closeCode: 4000, reason: "done" });
        same({ ...await stream.closed }, { closeCode: 4000, reason: "done" });
        same((await reader.read()).done, true);
        await rejects("InvalidStateError", writer.write("late"));
    });

    check("all that came before the close can be read after it", async () => {
        const stream = new WebSocketStream(`${server}/flood/40/1000`);
        const { readable } = await stream.opened;
        const { closeCode } = await stream.closed;
        same(closeCode, 1000);
        let count = 0;
        for await (const chunk of readable) {
            same(chunk.length, count % 2 === 0 ? 1000 : 0);
            count += 1;
        }
        same(count, 40);
    });

    check("what cannot be opened rejects both promises with one error", async () => {
        const stream = new WebSocketStream(`${server}/nowhere`);
        const error = await rejects("WebSocketError", stream.opened);
        same(error.message.includes("WebSocketError"), false);
        same([error.constructor, error.closeCode, error.reason], [WebSocketError, null, ""]);
        same(await stream.closed.catch((reason) => reason), error);
    });

    check("close while connecting rejects both promises", async () => {
        const stream = new WebSocketStream(`${server}/echo`);
        stream.close();
        await rejects("WebSocketError", stream.opened);
        await rejects("WebSocketError", stream.closed);
    });

    check("a signal abandons what is connecting, and nothing else", async () => {
        const reason = new RangeError("enough");
        for (const signal of [AbortSignal.abort(reason), AbortSignal.any([AbortSignal.abort(reason)])]) {
            const stream = new WebSocketStream(`${server}/echo`, { signal });
            same(await stream.opened.catch((error) => error), reason);
            same(await stream.closed.catch((error) => error), reason);
        }
        const controller = new AbortController();
        const stream = new WebSocketStream(`${server}/echo`, { signal: controller.signal });
        controller.abort(reason);
        same(await stream.opened.catch((error) => error), reason);

        const later = new AbortController();
        const other = new WebSocketStream(`${server}/echo`, { signal: later.signal });
        const { readable, writable } = await other.opened;
        later.abort();
        await writable.getWriter().write("still");
        same((await readable.getReader().read()).value, "still");
        other.close();
        await other.closed;
    });

    check("a signal that is aborted late takes no error's place, and no close's", async () => {
        const outcome = (stream) => Promise.allSettled([stream.opened, stream.closed]);
        const controller = new AbortController();
        const { signal } = controller;
        const failed = new WebSocketStream(`${server}/nowhere`, { signal });
        const error = await rejects("WebSocketError", failed.opened);
        const givenUp = new WebSocketStream(`${server}/echo`, { signal });
        givenUp.close();
        const opened = new WebSocketStream(`${server}/echo`, { signal });
        await opened.opened;
        opened.close({ closeCode: 3000 });
        await opened.closed;
        controller.abort(new RangeError("late"));
        same((await outcome(failed)).map(({ reason }) => reason), [error, error]);
        same((await outcome(givenUp)).map(({ reason }) => reason.name), ["WebSocketError", "WebSocketError"]);
        same((await opened.closed).closeCode, 3000);
        same((await outcome(opened)).map(({ status }) => status), ["fulfilled", "fulfilled"]);

        const early = new AbortController();
        const aborted = new WebSocketStream(`${server}/echo`, { signal: early.signal });
        early.abort("reason");
        aborted.close({ closeCode: 3000 });
        same((await outcome(aborted)).map(({ reason }) => reason), ["reason", "reason"]);
    });

    check("close checks its arguments", async () => {
        const stream = new WebSocketStream(`${server}/echo`);
        await stream.opened;
        throws("TypeError", () => stream.close(true));
        throws("TypeError", () => stream.close({ closeCode: -1 }));
        throws("InvalidAccessError", () => stream.close({ closeCode: 1001 }));
        throws("SyntaxError", () => stream.close({ reason: "x".repeat(124) }));
        stream.close({ reason: "why" });
        same({ ...await stream.closed }, { closeCode: 1000, reason: "why" });
    });

    check("closing the writable side closes the connection, and waits for it", async () => {
        const stream = new WebSocketStream(`${server}/echo`);
        const { writable } = await stream.opened;
        await writable.close();
        same((await stream.closed).closeCode, 1005);
    });

    check("aborting and cancelling close with what an error of ours says", async () => {
        const abort = ({ writable }, reason) => writable.abort(reason);
        const cancel = ({ readable }, reason) => readable.cancel(reason);
        for (const act of [abort, cancel]) {
            for (const [reason, code, text] of [
                [undefined, 1005, ""], [new Error("x"), 1005, ""],
                [new WebSocketError("", { closeCode: 3333, reason: "r" }), 3333, "r"],
                [new WebSocketError("", { reason: "r" }), 1000, "r"],
            ]) {
                const stream = new WebSocketStream(`${server}/echo`);
                await act(await stream.opened, reason);
                same({ ...await stream.closed }, { closeCode: code, reason: text });
            }
        }
    });

    check("a lost connection is one error everywhere", async () => {
        const stream = new WebSocketStream(`${server}/abrupt`);
        const { readable, writable } = await stream.opened;
        const [reader, writer] = [readable.getReader(), writable.getWriter()];
        await writer.write("now");
        const error = await rejects("WebSocketError", stream.closed);
        same([error.closeCode, error.reason], [1006, ""]);
        same(await reader.read().catch((reason) => reason), error);
        same(await writer.closed.catch((reason) => reason), error);
    });

    check("the server's close ends reading and fails writing", async () => {
        const stream = new WebSocketStream(`${server}/close/4001`);
        const { readable, writable } = await stream.opened;
        same({ ...await stream.closed }, { closeCode: 4001, reason: "of the server" });
        same((await readable.getReader().read()).done, true);
        await rejects("InvalidStateError", writable.getWriter().ready);
    });

    check("streams can be piped, with backpressure", async () => {
        const stream = new WebSocketStream(`${server}/flood/400/50000`);
        const { readable } = await stream.opened;
        let bytes = 0;
        await readable.pipeTo(new WritableStream({
            async write(chunk) {
                await undefined;
                bytes += chunk.length;
            },
        }));
        same(bytes, 200 * 50000);
        await stream.closed;
    });

    check("what has no text is refused", async () => {
        const stream = new WebSocketStream(`${server}/echo`);
        const { writable } = await stream.opened;
        await rejects("TypeError", writable.getWriter().write({ toString() { return this; } }));
        // The stream is in error, the connection is not.
        stream.close();
        same((await stream.closed).closeCode, 1005);
    });

    check("WebSocketError is a DOMException with a code and a reason", () => {
        const error = new WebSocketError();
        same([error.name, error.message, error.code], ["WebSocketError", "", 0]);
        same([error.closeCode, error.reason], [null, ""]);
        same([error instanceof DOMException, error instanceof Error], [true, true]);
        same(new WebSocketError("m", { reason: "r" }).closeCode, 1000);
        same(new WebSocketError("m", { closeCode: 3000 }).closeCode, 3000);
        throws("InvalidAccessError", () => new WebSocketError("", { closeCode: 1001 }));
        throws("SyntaxError", () => new WebSocketError("", { reason: "🔌".repeat(32) }));
        throws("TypeError", () => new WebSocketError("", 1));
        throws("TypeError", () => WebSocketError());
    });
})();
