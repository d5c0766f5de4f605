// ReadableStream, WritableStream, TransformStream and the queuing strategies.
(function () {
    "use strict";

    const failure = new RangeError("of the test");

    // Enough ticks for everything that waits for nothing but promises.
    async function settled() {
        for (let tick = 0; tick < 50; tick += 1) {
            await undefined;
        }
    }

    // "pending", "fulfilled" or the reason of the rejection.
    async function outcome(promise) {
        let state = "pending";
        promise.then(() => { state = "fulfilled"; }, (reason) => { state = reason; });
        await settled();
        return state;
    }

    function gate() {
        let open;
        const promise = new Promise((resolve) => { open = resolve; });
        return { promise, open };
    }

    const streamOf = (...chunks) => ReadableStream.from(chunks);

    async function collect(stream) {
        const chunks = [];
        for await (const chunk of stream) {
            chunks.push(chunk);
        }
        return chunks;
    }

    // A source that stays open, with all that happens to it.
    function openSource(...chunks) {
        const calls = [];
        let controller;
        const stream = new ReadableStream({
            start(given) {
                controller = given;
                chunks.forEach((chunk) => controller.enqueue(chunk));
            },
            cancel(reason) {
                calls.push(["cancel", reason]);
            },
        }, { highWaterMark: 10 });
        return { stream, controller, calls };
    }

    function recordingSink(overrides = {}, strategy = { highWaterMark: 10 }) {
        const calls = [];
        let controller;
        const stream = new WritableStream({
            start(given) { controller = given; },
            write(chunk) { calls.push(["write", chunk]); },
            close() { calls.push(["close"]); },
            abort(reason) { calls.push(["abort", reason]); },
            ...overrides,
        }, strategy);
        return { stream, controller, calls };
    }

    // ---- Reading ----

    check("a source is asked for chunks only as long as the queue wants some", async () => {
        let pulls = 0;
        const stream = new ReadableStream({
            pull(controller) {
                pulls += 1;
                controller.enqueue(pulls);
            },
        }, { highWaterMark: 3 });
        await settled();
        same(pulls, 3, "the pulls before reading");
        const reader = stream.getReader();
        same(await reader.read(), { value: 1, done: false });
        await settled();
        same(pulls, 4, "the pulls after reading one chunk");
    });

    check("pull is not called again before its promise is settled", async () => {
        const { promise, open } = gate();
        let pulls = 0;
        const stream = new ReadableStream({
            pull(controller) {
                pulls += 1;
                controller.enqueue(pulls);
                return promise;
            },
        }, { highWaterMark: 0 });
        const reader = stream.getReader();
        const reads = [reader.read(), reader.read()];
        await settled();
        same(pulls, 1);
        open();
        same((await Promise.all(reads)).map(({ value }) => value), [1, 2]);
    });

    check("desiredSize counts what is queued, and says null and 0 at an end", async () => {
        const { stream, controller } = openSource("a");
        same(controller.desiredSize, 9);
        controller.close();
        same(controller.desiredSize, 9, "while the queue drains");
        same(await collect(stream), ["a"]);
        same(controller.desiredSize, 0);
        throws("TypeError", () => controller.enqueue("late"));
        throws("TypeError", () => controller.close());

        const { controller: failing } = openSource();
        failing.error(failure);
        same(failing.desiredSize, null);
    });

    check("a reader locks the stream until it is released, and its reads are refused then", async () => {
        const { stream, controller } = openSource();
        const reader = stream.getReader();
        same(stream.locked, true);
        throws("TypeError", () => stream.getReader());
        await rejects("TypeError", stream.cancel());
        const read = reader.read();
        reader.releaseLock();
        await rejects("TypeError", read);
        await rejects("TypeError", reader.read());
        await rejects("TypeError", reader.closed);
        same(stream.locked, false);
        controller.enqueue("kept");
        same((await stream.getReader().read()).value, "kept");
    });

    check("cancelling drops the queue and tells the source why", async () => {
        const { stream, calls } = openSource("a", "b");
        same(await stream.cancel("enough"), undefined);
        same(calls, [["cancel", "enough"]]);
        same(await stream.getReader().read(), { value: undefined, done: true });
    });

    check("an error in start, pull, cancel or size reaches the reader", async () => {
        const failing = () => { throw failure; };
        throws("RangeError", () => new ReadableStream({ start: failing }));
        const later = new ReadableStream({ start: async () => { throw failure; } });
        await rejects("RangeError", later.getReader().read());
        await rejects("RangeError", new ReadableStream({ pull: failing }).getReader().closed);
        await rejects("RangeError", new ReadableStream({ cancel: failing }).cancel());

        let controller;
        const sized = new ReadableStream({ start(given) { controller = given; } }, { size: failing });
        throws("RangeError", () => controller.enqueue("a"));
        await rejects("RangeError", sized.getReader().read());
    });

    check("promise-returning operations reject instead of throwing, others throw", async () => {
        const { prototype } = ReadableStream;
        await rejects("TypeError", prototype.cancel.call({}));
        await rejects("TypeError", prototype.pipeTo.call({}, new WritableStream()));
        await rejects("TypeError", new ReadableStream().pipeTo("elsewhere"));
        throws("TypeError", () => prototype.getReader.call({}));
        throws("TypeError", () => new ReadableStream({ pull: "not a function" }));
        throws("TypeError", () => new ReadableStream(null));
        throws("TypeError", () => new ReadableStreamDefaultController());
        const { get } = Object.getOwnPropertyDescriptor(ReadableStreamDefaultReader.prototype, "closed");
        await rejects("TypeError", get.call({}));
    });

    // ---- Iterating ----

    check("leaving a loop cancels the stream, unless that is prevented", async () => {
        const left = openSource("a", "b");
        for await (const chunk of left.stream) {
            same(chunk, "a");
            break;
        }
        same(left.calls, [["cancel", undefined]]);
        same(left.stream.locked, false);

        const kept = openSource("a", "b");
        for await (const chunk of kept.stream.values({ preventCancel: true })) {
            same(chunk, "a");
            break;
        }
        same(kept.calls, []);
        same((await kept.stream.getReader().read()).value, "b");
    });

    check("a loop ends with the stream and throws its error", async () => {
        same(await collect(streamOf(1, 2, 3)), [1, 2, 3]);
        const { stream, controller } = openSource("a");
        const iterator = stream[Symbol.asyncIterator]();
        same(await iterator.next(), { value: "a", done: false });
        const next = iterator.next();
        controller.error(failure);
        same(await outcome(next), failure);
        same(await iterator.next(), { value: undefined, done: true });
        same(stream.locked, false);
    });

    check("a stream comes from anything iterable and closes it when cancelled", async () => {
        same(await collect(ReadableStream.from([Promise.resolve("waited for"), "b"])), ["waited for", "b"]);
        same(await collect(ReadableStream.from(new Set(["a"]))), ["a"]);
        let returned;
        const stream = ReadableStream.from({
            [Symbol.asyncIterator]: () => ({
                next: async () => ({ value: "again", done: false }),
                return: async (reason) => {
                    returned = reason;
                    return {};
                },
            }),
        });
        const reader = stream.getReader();
        same((await reader.read()).value, "again");
        await reader.cancel("why");
        same(returned, "why");
        throws("TypeError", () => ReadableStream.from(5));
    });

    // ---- Teeing ----

    check("both branches of a tee get every chunk, at the pace of the faster", async () => {
        const [left, right] = streamOf("a", "b").tee();
        same(await collect(left), ["a", "b"]);
        same(await collect(right), ["a", "b"]);
    });

    check("a teed source is cancelled with both reasons, once both branches are", async () => {
        const { stream, calls } = openSource();
        const [left, right] = stream.tee();
        const cancelled = left.cancel("left");
        same(await outcome(cancelled), "pending");
        same(calls, []);
        await right.cancel("right");
        await cancelled;
        same(calls, [["cancel", ["left", "right"]]]);
    });

    check("an error of the source reaches both branches", async () => {
        const { stream, controller } = openSource();
        const [left, right] = stream.tee();
        controller.error(failure);
        same(await outcome(left.getReader().closed), failure);
        same(await outcome(right.getReader().closed), failure);
    });

    // ---- Writing ----

    check("ready and desiredSize tell of backpressure", async () => {
        const writing = gate();
        const { stream } = recordingSink({ write: () => writing.promise }, { highWaterMark: 2 });
        const writer = stream.getWriter();
        same([writer.desiredSize, await outcome(writer.ready)], [2, "fulfilled"]);
        const writes = [writer.write("a"), writer.write("b")];
        same([writer.desiredSize, await outcome(writer.ready)], [0, "pending"]);
        writing.open();
        await Promise.all(writes);
        same([writer.desiredSize, await outcome(writer.ready)], [2, "fulfilled"]);
    });

    check("writes reach the sink one after the other, and close after them", async () => {
        const { stream, calls } = recordingSink();
        const writer = stream.getWriter();
        writer.write("a");
        writer.write("b");
        await writer.close();
        same(calls, [["write", "a"], ["write", "b"], ["close"]]);
        same([writer.desiredSize, await outcome(writer.closed)], [0, "fulfilled"]);
        await rejects("TypeError", writer.write("late"));
        await rejects("TypeError", writer.close());
    });

    check("an error in write, close or abort reaches the writer", async () => {
        const fail = () => { throw failure; };
        const writer = recordingSink({ write: fail }).stream.getWriter();
        const [first, second] = [writer.write("a"), writer.write("b")];
        same([await outcome(first), await outcome(second)], [failure, failure]);
        same([await outcome(writer.ready), await outcome(writer.closed)], [failure, failure]);
        same(writer.desiredSize, null);
        same(await outcome(recordingSink({ close: fail }).stream.close()), failure);
        same(await outcome(recordingSink({ abort: fail }).stream.abort()), failure);
        throws("RangeError", () => new WritableStream({ start: fail }));
    });

    check("aborting during a write signals the sink, and waits for it", async () => {
        const writing = gate();
        const { stream, controller, calls } = recordingSink({ write: () => writing.promise });
        const writer = stream.getWriter();
        await writer.ready;
        const [first, second] = [writer.write("a"), writer.write("b")];
        await settled();
        same(controller.signal.aborted, false);
        const aborted = writer.abort(failure);
        same([controller.signal.aborted, controller.signal.reason], [true, failure]);
        same([await outcome(aborted), calls.length, writer.desiredSize], ["pending", 0, null]);
        writing.open();
        await aborted;
        same(calls, [["abort", failure]]);
        same([await outcome(first), await outcome(second)], ["fulfilled", failure]);
        same(await outcome(writer.closed), failure);
    });

    check("the controller's error ends the stream, and abort then changes nothing", async () => {
        const { stream, controller, calls } = recordingSink();
        await settled();
        controller.error(failure);
        await stream.abort("late");
        same(calls, []);
        same(await outcome(stream.getWriter().closed), failure);
    });

    check("a released writer refuses everything", async () => {
        const { stream } = recordingSink();
        const writer = stream.getWriter();
        same(stream.locked, true);
        writer.releaseLock();
        same(stream.locked, false);
        for (const promise of [writer.ready, writer.closed, writer.write(), writer.close(), writer.abort()]) {
            await rejects("TypeError", promise);
        }
        throws("TypeError", () => writer.desiredSize);
        throws("RangeError", () => new WritableStream({ type: "anything" }));
    });

    // ---- Piping ----

    check("a pipe carries all chunks and closes the destination, unless that is prevented", async () => {
        for (const preventClose of [false, true]) {
            const { stream, calls } = recordingSink();
            await streamOf("a", "b").pipeTo(stream, { preventClose });
            same(calls, [["write", "a"], ["write", "b"], ...(preventClose ? [] : [["close"]])]);
            same(stream.locked, false);
        }
    });

    check("an error of the source aborts the destination, unless that is prevented", async () => {
        for (const preventAbort of [false, true]) {
            const source = openSource();
            const { stream, calls } = recordingSink();
            const piped = source.stream.pipeTo(stream, { preventAbort });
            source.controller.error(failure);
            same(await outcome(piped), failure);
            same(calls, preventAbort ? [] : [["abort", failure]]);
        }
    });

    check("an error of the destination cancels the source, unless that is prevented", async () => {
        for (const preventCancel of [false, true]) {
            const { stream, calls } = openSource();
            const sink = recordingSink();
            const piped = stream.pipeTo(sink.stream, { preventCancel });
            await settled();
            sink.controller.error(failure);
            same(await outcome(piped), failure);
            same(calls, preventCancel ? [] : [["cancel", failure]]);
        }
    });

    check("a signal ends a pipe on both sides", async () => {
        const source = openSource("a");
        const sink = recordingSink();
        const abort = new AbortController();
        const piped = source.stream.pipeTo(sink.stream, { signal: abort.signal });
        await settled();
        abort.abort(failure);
        same(await outcome(piped), failure);
        same(sink.calls, [["write", "a"], ["abort", failure]]);
        same(source.calls, [["cancel", failure]]);

        const untouched = recordingSink();
        const refused = streamOf("a").pipeTo(untouched.stream, {
            signal: abort.signal, preventAbort: true, preventCancel: true,
        });
        same([await outcome(refused), untouched.calls], [failure, []]);
        await rejects("TypeError", streamOf().pipeTo(new WritableStream(), { signal: {} }));
    });

    check("a pipe reads no more than the destination wants", async () => {
        const writing = gate();
        let pulls = 0;
        const source = new ReadableStream({
            pull(controller) {
                pulls += 1;
                controller.enqueue(pulls);
            },
        }, { highWaterMark: 0 });
        const { stream } = recordingSink({ write: () => writing.promise }, { highWaterMark: 1 });
        source.pipeTo(stream);
        await settled();
        same(pulls, 1);
    });

    // ---- Transforming ----

    check("a transform may give several chunks for one, and more at the end", async () => {
        const doubled = new TransformStream({
            transform(chunk, controller) {
                controller.enqueue(chunk);
                controller.enqueue(chunk);
            },
            flush(controller) {
                controller.enqueue("end");
            },
        });
        same(await collect(streamOf(1, 2).pipeThrough(doubled)), [1, 1, 2, 2, "end"]);
        same(await collect(streamOf("as it is").pipeThrough(new TransformStream())), ["as it is"]);
    });

    check("what transform throws ends both sides, and terminate closes the readable one", async () => {
        const failing = new TransformStream({ transform() { throw failure; } });
        const writer = failing.writable.getWriter();
        const read = failing.readable.getReader().read();
        same([await outcome(writer.write("a")), await outcome(read)], [failure, failure]);

        const ending = new TransformStream({ transform(chunk, controller) { controller.terminate(); } });
        const ended = ending.writable.getWriter();
        ended.write("a");
        same(await collect(ending.readable), []);
        await rejects("TypeError", ended.closed);
    });

    check("a transformer's cancel is told once of either side's end", async () => {
        const reasons = [];
        const transformer = { cancel(reason) { reasons.push(reason); } };
        const cancelled = new TransformStream(transformer);
        await Promise.all([cancelled.readable.cancel("read enough"), cancelled.writable.abort("late")]);
        await new TransformStream(transformer).writable.abort("no more");
        same(reasons, ["read enough", "no more"]);
    });

    check("a transform's readable side holds its writable side back", async () => {
        const { readable, writable } = new TransformStream();
        const writer = writable.getWriter();
        const written = writer.write("a");
        same(await outcome(written), "pending");
        same((await readable.getReader().read()).value, "a");
        await written;
    });

    // ---- Strategies ----

    check("strategies count chunks or their bytes", async () => {
        const count = new CountQueuingStrategy({ highWaterMark: 4 });
        const bytes = new ByteLengthQueuingStrategy({ highWaterMark: 8 });
        same([count.highWaterMark, count.size({ byteLength: 9 })], [4, 1]);
        same([bytes.highWaterMark, bytes.size({ byteLength: 9 })], [8, 9]);
        same(new ByteLengthQueuingStrategy({ highWaterMark: 1 }).size, bytes.size, "the one function");
        throws("TypeError", () => new CountQueuingStrategy({}));

        let controller;
        new ReadableStream({ start(given) { controller = given; } }, bytes);
        controller.enqueue(new Uint8Array(5));
        same(controller.desiredSize, 3);
    });

    check("a strategy must be of use", () => {
        throws("RangeError", () => new ReadableStream({}, { highWaterMark: -1 }));
        throws("RangeError", () => new WritableStream({}, { highWaterMark: NaN }));
        throws("TypeError", () => new ReadableStream({}, { size: 1 }));
        let controller;
        new ReadableStream({ start(given) { controller = given; } }, { size: () => -1 });
        throws("RangeError", () => controller.enqueue("a"));
    });

    // ---- Bytes ----

    const hasByteStreams = ArrayBuffer.prototype.transfer !== undefined;

    if (hasByteStreams) {
        check("a source fills the memory that a BYOB reader brings", async () => {
            const stream = new ReadableStream({
                type: "bytes",
                pull(controller) {
                    const { view } = controller.byobRequest;
                    view.set([1, 2, 3]);
                    controller.byobRequest.respond(3);
                },
            });
            const reader = stream.getReader({ mode: "byob" });
            const memory = new Uint8Array(4);
            const { value, done } = await reader.read(memory);
            same([value, done], [new Uint8Array([1, 2, 3]), false]);
            same(memory.byteLength, 0, "what is left of the memory that was handed over");
        });

        check("bytes are read as whole elements, at least so many as asked for", async () => {
            let controller;
            const stream = new ReadableStream({ type: "bytes", start(given) { controller = given; } });
            const reader = stream.getReader({ mode: "byob" });
            const read = reader.read(new Uint16Array(4), { min: 2 });
            controller.enqueue(new Uint8Array([1, 1, 2]));
            same(await outcome(read), "pending");
            controller.enqueue(new Uint8Array([2, 3]));
            same((await read).value, new Uint16Array([0x101, 0x202]));
            same((await reader.read(new Uint8Array(9))).value, new Uint8Array([3]));
        });

        check("a byte stream gives chunks to a default reader and to both branches of a tee", async () => {
            const bytes = () => new ReadableStream({
                type: "bytes",
                start(controller) {
                    controller.enqueue(new Uint8Array([1, 2]));
                    controller.close();
                },
            });
            same(await collect(bytes()), [new Uint8Array([1, 2])]);
            const [left, right] = bytes().tee();
            const [[ofLeft], [ofRight]] = [await collect(left), await collect(right)];
            same([ofLeft, ofRight], [new Uint8Array([1, 2]), new Uint8Array([1, 2])]);
            same(ofLeft.buffer !== ofRight.buffer, true, "whether the branches have memory of their own");
        });
    }

    check("only byte streams have BYOB readers, and what they refuse", async () => {
        throws("TypeError", () => new ReadableStream().getReader({ mode: "byob" }));
        throws("TypeError", () => new ReadableStream({ type: "characters" }));
        throws("RangeError", () => new ReadableStream({ type: "bytes" }, { size: () => 1 }));
        if (hasByteStreams) {
            const reader = new ReadableStream({ type: "bytes" }).getReader({ mode: "byob" });
            await rejects("TypeError", reader.read(new Uint8Array(0)));
            await rejects("RangeError", reader.read(new Uint8Array(1), { min: 2 }));
        }
    });

    // ---- Pages that change what is built in ----

    check("streams do not stumble over changed prototypes", async () => {
        const { then } = Promise.prototype;
        const { push, shift } = Array.prototype;
        const iterate = Array.prototype[Symbol.iterator];
        const refuse = () => { throw new Error("called"); };
        let written = "";
        Promise.prototype.then = Array.prototype.push = Array.prototype.shift = refuse;
        Array.prototype[Symbol.iterator] = refuse;
        Object.defineProperty(Object.prototype, "highWaterMark", { get: refuse, configurable: true });
        try {
            const source = new ReadableStream({
                start(controller) {
                    controller.enqueue("a");
                    controller.enqueue("b");
                    controller.close();
                },
            }, { __proto__: null });
            await source.tee()[0].pipeTo(new WritableStream({
                write(chunk) { written += chunk; },
                close() { written += "."; },
            }, { __proto__: null }));
        } finally {
            Promise.prototype.then = then;
            Array.prototype.push = push;
            Array.prototype.shift = shift;
            Array.prototype[Symbol.iterator] = iterate;
            delete Object.prototype.highWaterMark;
        }
        same(written, "ab.");
    });
})();
