// ReadableStream, its reader and controller as pages see them (Streams Standard, sections 4.2 to 4.6).
(function (host) {
    "use strict";

    const { RangeError, TypeError } = host.global;
    const { apply } = Reflect;
    const { webidl } = host;
    const {
        token, then, silence, attempt, resolvedWith, rejectedWith, promiseCallback, ownCallback, nothing,
        strategyOf, highWaterMarkOf, sizeOf, optionalObject, Deferred,
        ReadableCore, DefaultReaderCore, DefaultControllerCore, ByteControllerCore, newReadable, readableFrom,
        tee, byteTee, pipe,
    } = host.streams;

    const sourceOf = webidl.dictionary([
        ["autoAllocateChunkSize", (value, context) =>
            webidl.unsignedLongLong(value, context, "enforceRange")],
        ["cancel", webidl.callback],
        ["pull", webidl.callback],
        ["start", webidl.callback],
        ["type", webidl.enumeration("ReadableStreamType", ["bytes"])],
    ]);
    const readerOptionsOf = webidl.dictionary([
        ["mode", webidl.enumeration("ReadableStreamReaderMode", ["byob"])],
    ]);
    const iteratorOptionsOf = webidl.dictionary([
        ["preventCancel", webidl.boolean, { default: false }],
    ]);
    const pipeOptionsOf = webidl.dictionary([
        ["preventAbort", webidl.boolean, { default: false }],
        ["preventCancel", webidl.boolean, { default: false }],
        ["preventClose", webidl.boolean, { default: false }],
        ["signal", webidl.interface(host.AbortSignal)],
    ]);

    // What stands behind a public object, by the private fields of its class.
    let coreOf;

    class ReadableStream {
        #core;

        constructor(underlyingSource = undefined, strategy = undefined) {
            if (underlyingSource === token) {
                this.#core = strategy;
                this.#core.object = this;
                return;
            }
            const source = optionalObject(underlyingSource, "ReadableStream's underlying source");
            const queuing = strategyOf(strategy, "ReadableStream's strategy");
            const {
                autoAllocateChunkSize, start, pull, cancel, type,
            } = sourceOf(source, "ReadableStream's underlying source");
            const isBytes = type === "bytes";
            if (isBytes && queuing.size !== undefined) {
                throw new RangeError("A byte stream's strategy must have no size");
            }
            const size = sizeOf(queuing);
            const highWaterMark = highWaterMarkOf(queuing, isBytes ? 0 : 1);
            const core = this.#core = new ReadableCore();
            core.object = this;
            const pullSource = pull === undefined ? () => resolvedWith(undefined)
                : () => attempt(() => resolvedWith(apply(pull, source, [publicController(controller)])));
            const cancelSource = cancel === undefined
                ? () => resolvedWith(undefined) : promiseCallback(cancel, source);
            const controller = isBytes
                ? new ByteControllerCore(core, pullSource, cancelSource, highWaterMark, autoAllocateChunkSize)
                : new DefaultControllerCore(core, pullSource, cancelSource, highWaterMark, size);
            controller.begin(start === undefined
                ? nothing : () => apply(start, source, [publicController(controller)]));
        }

        static from(asyncIterable) {
            webidl.arguments(arguments.length, 1, "ReadableStream.from");
            return publicReadable(readableFrom(asyncIterable));
        }

        get locked() {
            return this.#core.locked;
        }

        cancel(reason = undefined) {
            return attempt(() => {
                const core = this.#core;
                return core.locked
                    ? rejectedWith(new TypeError("A locked stream is cancelled through its reader"))
                    : core.cancel(reason);
            });
        }

        getReader(options = undefined) {
            this.#core;
            const { mode } = readerOptionsOf(options, "getReader's options");
            return mode === "byob"
                ? host.streams.newByobReader(this) : new ReadableStreamDefaultReader(this);
        }

        pipeThrough(transform, options = undefined) {
            const source = this.#core;
            webidl.arguments(arguments.length, 1, "ReadableStream.pipeThrough");
            const { readable, writable } = pairOf(transform, "pipeThrough's transform");
            const settings = pipeOptionsOf(options, "pipeThrough's options");
            const destination = host.streams.writableOf(writable);
            if (source.locked || destination.locked) {
                throw new TypeError("pipeThrough needs two streams that are not locked");
            }
            silence(pipe(source, destination, settings));
            return readable;
        }

        pipeTo(destination, options = undefined) {
            return attempt(() => {
                const source = this.#core;
                webidl.arguments(arguments.length, 1, "ReadableStream.pipeTo");
                const target = host.streams.writableOf(writableStream(destination, "pipeTo's destination"));
                const settings = pipeOptionsOf(options, "pipeTo's options");
                if (source.locked || target.locked) {
                    return rejectedWith(new TypeError("pipeTo needs two streams that are not locked"));
                }
                return pipe(source, target, settings);
            });
        }

        tee() {
            const core = this.#core;
            const { first, second } = core.controller.isBytes ? byteTee(core) : tee(core);
            return [publicReadable(first), publicReadable(second)];
        }

        values(options = undefined) {
            const core = this.#core;
            const { preventCancel } = iteratorOptionsOf(options, "values's options");
            return newIterator(new DefaultReaderCore(core), preventCancel);
        }

        static {
            host.brand(ReadableStream, (value) => #core in value);
            coreOf = (stream) => stream.#core;
        }
    }

    class ReadableStreamDefaultReader {
        #core;

        constructor(stream) {
            webidl.arguments(arguments.length, 1, "ReadableStreamDefaultReader's constructor");
            this.#core = new DefaultReaderCore(coreOf(readableStream(stream, "The reader's stream")));
        }

        get closed() {
            return attempt(() => this.#core.closed.promise);
        }

        cancel(reason = undefined) {
            return attempt(() => attached(this.#core).stream.cancel(reason));
        }

        read() {
            return attempt(() => {
                const reader = attached(this.#core);
                const result = new Deferred();
                reader.read({
                    chunk: (value) => result.resolve({ value, done: false }),
                    close: () => result.resolve({ value: undefined, done: true }),
                    error: (reason) => result.reject(reason),
                });
                return result.promise;
            });
        }

        releaseLock() {
            if (this.#core.stream !== undefined) {
                this.#core.release();
            }
        }

        static {
            host.brand(ReadableStreamDefaultReader, (value) => #core in value);
        }
    }

    function attached(reader) {
        if (reader.stream === undefined) {
            throw new TypeError("The reader was released and no longer has a stream");
        }
        return reader;
    }

    class ReadableStreamDefaultController {
        #core;

        constructor() {
            if (arguments[0] !== token) {
                throw new TypeError("A ReadableStreamDefaultController is made by its stream only");
            }
            this.#core = arguments[1];
        }

        get desiredSize() {
            return this.#core.desiredSize;
        }

        close() {
            if (!this.#core.isOpen) {
                throw new TypeError("The stream is not in a state that permits close");
            }
            this.#core.close();
        }

        enqueue(chunk = undefined) {
            if (!this.#core.isOpen) {
                throw new TypeError("The stream is not in a state that permits enqueue");
            }
            this.#core.enqueue(chunk);
        }

        error(e = undefined) {
            this.#core.fail(e);
        }

        static {
            host.brand(ReadableStreamDefaultController, (value) => #core in value);
        }
    }

    function publicController(core) {
        return core.object ??= core.isBytes
            ? host.streams.newByteController(core) : new ReadableStreamDefaultController(token, core);
    }

    function publicReadable(core) {
        return core.object ?? new ReadableStream(token, core);
    }

    // ---- Asynchronous iteration (section 4.2.5; Web IDL 3.7.10) ----

    const end = { __proto__: null };
    let newIterator;

    class StreamIterator {
        #reader;
        #preventCancel;
        #ongoing = undefined;
        #finished = false;

        next() {
            return attempt(() => this.#inTurn(() => this.#nextResult()));
        }

        return(value) {
            return attempt(() => then(
                this.#inTurn(() => this.#returnResult(value)), () => ({ value, done: true }),
            ));
        }

        // Calls are served one after the other, however many a page makes at once.
        #inTurn(steps) {
            this.#ongoing = this.#ongoing === undefined ? steps() : then(this.#ongoing, steps, steps);
            return this.#ongoing;
        }

        #nextResult() {
            if (this.#finished) {
                return resolvedWith({ value: undefined, done: true });
            }
            const reader = this.#reader;
            const read = new Deferred();
            reader.read({
                chunk: (chunk) => read.resolve(chunk),
                close() {
                    reader.release();
                    read.resolve(end);
                },
                error(reason) {
                    reader.release();
                    read.reject(reason);
                },
            });
            return then(read.promise, (value) => {
                this.#ongoing = undefined;
                if (value === end) {
                    this.#finished = true;
                    return { value: undefined, done: true };
                }
                return { value, done: false };
            }, (reason) => {
                this.#ongoing = undefined;
                this.#finished = true;
                throw reason;
            });
        }

        #returnResult(value) {
            if (this.#finished) {
                return resolvedWith({ value, done: true });
            }
            this.#finished = true;
            const reader = this.#reader;
            const result = this.#preventCancel ? resolvedWith(undefined) : reader.stream.cancel(value);
            reader.release();
            return result;
        }

        static {
            newIterator = (reader, preventCancel) => {
                const iterator = new StreamIterator();
                iterator.#reader = reader;
                iterator.#preventCancel = preventCancel;
                return iterator;
            };

            // No interface of its own: a prototype object with two methods and no constructor.
            const { prototype } = StreamIterator;
            const { defineProperty, setPrototypeOf, getPrototypeOf, deleteProperty } = Reflect;
            deleteProperty(prototype, "constructor");
            defineProperty(prototype, "next", { enumerable: true });
            defineProperty(prototype, "return", { enumerable: true });
            defineProperty(prototype, Symbol.toStringTag, {
                value: "ReadableStream AsyncIterator", writable: false, enumerable: false, configurable: true,
            });
            setPrototypeOf(prototype, getPrototypeOf(getPrototypeOf(async function* () {}.prototype)));
        }
    }

    Reflect.defineProperty(ReadableStream.prototype, Symbol.asyncIterator, {
        value: ReadableStream.prototype.values, writable: true, enumerable: false, configurable: true,
    });

    const readableStream = webidl.interface(ReadableStream);
    const writableStream = webidl.interface(host.WritableStream);
    const pairOf = webidl.dictionary([
        ["readable", readableStream, { required: true }],
        ["writable", writableStream, { required: true }],
    ]);

    host.expose(ReadableStream);
    host.expose(ReadableStreamDefaultReader);
    host.expose(ReadableStreamDefaultController);

    // Makes a stream fed by the host. `pull` and `cancel` give a promise of ours or nothing.
    function createReadable(options) {
        const { start, pull, cancel, highWaterMark, size } = { __proto__: null, ...options };
        const core = newReadable(
            start ?? nothing,
            ownCallback(pull ?? nothing),
            ownCallback(cancel ?? nothing),
            highWaterMark, size,
        );
        const { controller } = core;
        return {
            stream: publicReadable(core),
            enqueue: (chunk) => controller.enqueue(chunk),
            close: () => controller.close(),
            error: (reason) => controller.fail(reason),
            desiredSize: () => controller.desiredSize,
        };
    }

    Object.assign(host.streams, { readableOf: (stream) => coreOf(stream), publicReadable, createReadable });
})
