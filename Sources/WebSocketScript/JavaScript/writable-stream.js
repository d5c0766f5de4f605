// WritableStream, its writer and controller as pages see them (Streams Standard, sections 5.2 to 5.4).
(function (host) {
    "use strict";

    const { RangeError, TypeError } = host.global;
    const { apply } = Reflect;
    const { webidl } = host;
    const {
        token, attempt, resolvedWith, rejectedWith, promiseCallback, ownCallback, nothing,
        strategyOf, highWaterMarkOf, sizeOf, optionalObject,
        WritableCore, WriterCore, WritableControllerCore, newWritable,
    } = host.streams;

    const sinkOf = webidl.dictionary([
        ["abort", webidl.callback],
        ["close", webidl.callback],
        ["start", webidl.callback],
        ["type", webidl.any],
        ["write", webidl.callback],
    ]);

    let coreOf;

    class WritableStream {
        #core;

        constructor(underlyingSink = undefined, strategy = undefined) {
            if (underlyingSink === token) {
                this.#core = strategy;
                this.#core.object = this;
                return;
            }
            const sink = optionalObject(underlyingSink, "WritableStream's underlying sink");
            const queuing = strategyOf(strategy, "WritableStream's strategy");
            const { abort, close, start, type, write } = sinkOf(sink, "WritableStream's underlying sink");
            if (type !== undefined) {
                throw new RangeError("A WritableStream's underlying sink must have no type");
            }
            const size = sizeOf(queuing);
            const highWaterMark = highWaterMarkOf(queuing, 1);
            const core = this.#core = new WritableCore();
            core.object = this;
            const fulfilled = () => resolvedWith(undefined);
            const controller = new WritableControllerCore(core, {
                write: write === undefined ? fulfilled : (chunk) => attempt(
                    () => resolvedWith(apply(write, sink, [chunk, publicController(controller)])),
                ),
                close: close === undefined ? fulfilled : promiseCallback(close, sink),
                abort: abort === undefined ? fulfilled : promiseCallback(abort, sink),
            }, highWaterMark, size);
            controller.begin(start === undefined
                ? nothing : () => apply(start, sink, [publicController(controller)]));
        }

        get locked() {
            return this.#core.locked;
        }

        abort(reason = undefined) {
            return attempt(() => {
                const core = this.#core;
                return core.locked
                    ? rejectedWith(new TypeError("A locked stream is aborted through its writer"))
                    : core.abort(reason);
            });
        }

        close() {
            return attempt(() => {
                const core = this.#core;
                if (core.locked) {
                    return rejectedWith(new TypeError("A locked stream is closed through its writer"));
                }
                return closeOnce(core);
            });
        }

        getWriter() {
            this.#core;
            return new WritableStreamDefaultWriter(this);
        }

        static {
            host.brand(WritableStream, (value) => #core in value);
            coreOf = (stream) => stream.#core;
        }
    }

    function closeOnce(core) {
        return core.isClosing
            ? rejectedWith(new TypeError("The stream is being closed already")) : core.close();
    }

    class WritableStreamDefaultWriter {
        #core;

        constructor(stream) {
            webidl.arguments(arguments.length, 1, "WritableStreamDefaultWriter's constructor");
            this.#core = new WriterCore(coreOf(writableStream(stream, "The writer's stream")));
        }

        get closed() {
            return attempt(() => this.#core.closed.promise);
        }

        get desiredSize() {
            return attached(this.#core).desiredSize;
        }

        get ready() {
            return attempt(() => this.#core.ready.promise);
        }

        abort(reason = undefined) {
            return attempt(() => attached(this.#core).stream.abort(reason));
        }

        close() {
            return attempt(() => closeOnce(attached(this.#core).stream));
        }

        releaseLock() {
            if (this.#core.stream !== undefined) {
                this.#core.release();
            }
        }

        write(chunk = undefined) {
            return attempt(() => attached(this.#core).write(chunk));
        }

        static {
            host.brand(WritableStreamDefaultWriter, (value) => #core in value);
        }
    }

    function attached(writer) {
        if (writer.stream === undefined) {
            throw new TypeError("The writer was released and no longer has a stream");
        }
        return writer;
    }

    class WritableStreamDefaultController {
        #core;

        constructor() {
            if (arguments[0] !== token) {
                throw new TypeError("A WritableStreamDefaultController is made by its stream only");
            }
            this.#core = arguments[1];
        }

        get signal() {
            return this.#core.signal;
        }

        error(e = undefined) {
            this.#core.failIfWritable(e);
        }

        static {
            host.brand(WritableStreamDefaultController, (value) => #core in value);
        }
    }

    function publicController(core) {
        return core.object ??= new WritableStreamDefaultController(token, core);
    }

    function publicWritable(core) {
        return core.object ?? new WritableStream(token, core);
    }

    const writableStream = webidl.interface(WritableStream);

    host.expose(WritableStream);
    host.expose(WritableStreamDefaultWriter);
    host.expose(WritableStreamDefaultController);

    // Makes a stream that ends in the host. `write`, `close` and `abort` give a promise of ours or
    // nothing.
    function createWritable(options) {
        const { start, write, close, abort, highWaterMark, size } = { __proto__: null, ...options };
        const core = newWritable(start ?? nothing, {
            write: ownCallback(write ?? nothing),
            close: ownCallback(close ?? nothing),
            abort: ownCallback(abort ?? nothing),
        }, highWaterMark, size);
        const { controller } = core;
        return {
            stream: publicWritable(core),
            error: (reason) => controller.failIfWritable(reason),
            signal: controller.signal,
        };
    }

    Object.assign(host.streams, { writableOf: (stream) => coreOf(stream), publicWritable, createWritable });
})
