// TransformStream and its controller (Streams Standard, section 6).
(function (host) {
    "use strict";

    const { RangeError, TypeError } = host.global;
    const { apply } = Reflect;
    const { webidl } = host;
    const {
        token, then, attempt, Deferred, resolvedWith, promiseCallback,
        strategyOf, highWaterMarkOf, sizeOf, optionalObject,
        newReadable, newWritable, publicReadable, publicWritable,
    } = host.streams;

    const transformerOf = webidl.dictionary([
        ["cancel", webidl.callback],
        ["flush", webidl.callback],
        ["readableType", webidl.any],
        ["start", webidl.callback],
        ["transform", webidl.callback],
        ["writableType", webidl.any],
    ]);

    class TransformCore {
        readable = undefined;
        writable = undefined;
        object = undefined;
        backpressure = undefined;
        backpressureChange = undefined;
        // Settled when the end of the stream, from whichever side, is dealt with.
        finished = undefined;
        transform = undefined;
        flush = undefined;
        cancel = undefined;

        // InitializeTransformStream
        constructor(started, writableStrategy, readableStrategy) {
            const start = () => started;
            this.writable = newWritable(start, {
                write: (chunk) => this.sinkWrite(chunk),
                close: () => this.sinkClose(),
                abort: (reason) => this.sinkAbort(reason),
            }, writableStrategy.highWaterMark, writableStrategy.size);
            this.readable = newReadable(
                start,
                () => this.sourcePull(),
                (reason) => this.sourceCancel(reason),
                readableStrategy.highWaterMark, readableStrategy.size,
            );
            this.setBackpressure(true);
        }

        // TransformStreamError
        fail(error) {
            this.readable.controller.fail(error);
            this.failWritable(error);
        }

        // TransformStreamErrorWritableAndUnblockWrite
        failWritable(error) {
            this.clearAlgorithms();
            this.writable.controller.failIfWritable(error);
            this.unblockWrite();
        }

        unblockWrite() {
            if (this.backpressure) {
                this.setBackpressure(false);
            }
        }

        setBackpressure(backpressure) {
            this.backpressureChange?.resolve(undefined);
            this.backpressureChange = new Deferred();
            this.backpressure = backpressure;
        }

        clearAlgorithms() {
            this.transform = this.flush = this.cancel = undefined;
        }

        enqueue(chunk) {
            const { controller } = this.readable;
            if (!controller.isOpen) {
                throw new TypeError("The readable side is not in a state that permits enqueue");
            }
            try {
                controller.enqueue(chunk);
            } catch (error) {
                this.failWritable(error);
                throw this.readable.error;
            }
            const backpressure = !controller.wantsChunks;
            if (backpressure !== this.backpressure) {
                this.setBackpressure(true);
            }
        }

        terminate() {
            this.readable.controller.close();
            this.failWritable(new TypeError("The stream was terminated"));
        }

        // TransformStreamDefaultControllerPerformTransform
        performTransform(chunk) {
            const { transform } = this;
            return then(transform(chunk), undefined, (reason) => {
                this.fail(reason);
                throw reason;
            });
        }

        sinkWrite(chunk) {
            if (!this.backpressure) {
                return this.performTransform(chunk);
            }
            return then(this.backpressureChange.promise, () => {
                const { writable } = this;
                if (writable.state === "erroring") {
                    throw writable.error;
                }
                return this.performTransform(chunk);
            });
        }

        sinkAbort(reason) {
            const { readable } = this;
            return this.finish(() => apply(this.cancel, undefined, [reason]), {
                failed: () => readable.state === "errored",
                error: () => readable.error,
                done: () => readable.controller.fail(reason),
                fail: (error) => readable.controller.fail(error),
            });
        }

        sinkClose() {
            const { readable } = this;
            return this.finish(() => apply(this.flush, undefined, []), {
                failed: () => readable.state === "errored",
                error: () => readable.error,
                done: () => readable.controller.close(),
                fail: (error) => readable.controller.fail(error),
            });
        }

        sourcePull() {
            this.setBackpressure(false);
            return this.backpressureChange.promise;
        }

        sourceCancel(reason) {
            const { writable } = this;
            const fail = (error) => {
                writable.controller.failIfWritable(error);
                this.unblockWrite();
            };
            return this.finish(() => apply(this.cancel, undefined, [reason]), {
                failed: () => writable.state === "errored",
                error: () => writable.error,
                done: () => fail(reason),
                fail,
            });
        }

        // One of flush() and cancel() is called, and once: whichever side ends first decides. `other` is the
        // side that has to be told.
        finish(callTransformer, other) {
            if (this.finished !== undefined) {
                return this.finished.promise;
            }
            const finished = this.finished = new Deferred();
            const result = callTransformer();
            this.clearAlgorithms();
            then(result, () => {
                if (other.failed()) {
                    finished.reject(other.error());
                } else {
                    other.done();
                    finished.resolve(undefined);
                }
            }, (reason) => {
                other.fail(reason);
                finished.reject(reason);
            });
            return finished.promise;
        }
    }

    class TransformStream {
        #core;

        constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
            const context = "TransformStream's transformer";
            const object = optionalObject(transformer, context);
            const writableQueuing = strategyOf(writableStrategy, "TransformStream's writable strategy");
            const readableQueuing = strategyOf(readableStrategy, "TransformStream's readable strategy");
            const {
                cancel, flush, readableType, start, transform, writableType,
            } = transformerOf(object, context);
            if (readableType !== undefined) {
                throw new RangeError(`${context} must have no readableType`);
            }
            if (writableType !== undefined) {
                throw new RangeError(`${context} must have no writableType`);
            }
            const readableHighWaterMark = highWaterMarkOf(readableQueuing, 0);
            const readableSize = sizeOf(readableQueuing);
            const writableHighWaterMark = highWaterMarkOf(writableQueuing, 1);
            const writableSize = sizeOf(writableQueuing);
            const started = new Deferred();
            const core = this.#core = new TransformCore(
                started.promise,
                { highWaterMark: writableHighWaterMark, size: writableSize },
                { highWaterMark: readableHighWaterMark, size: readableSize },
            );
            const controller = new TransformStreamDefaultController(token, core);
            const fulfilled = () => resolvedWith(undefined);
            core.transform = (chunk) => attempt(() => {
                if (transform !== undefined) {
                    return resolvedWith(apply(transform, object, [chunk, controller]));
                }
                core.enqueue(chunk);
                return resolvedWith(undefined);
            });
            core.flush = flush === undefined ? fulfilled
                : () => attempt(() => resolvedWith(apply(flush, object, [controller])));
            core.cancel = cancel === undefined ? fulfilled : promiseCallback(cancel, object);
            started.resolve(start === undefined ? undefined : apply(start, object, [controller]));
        }

        get readable() {
            return publicReadable(this.#core.readable);
        }

        get writable() {
            return publicWritable(this.#core.writable);
        }

        static {
            host.brand(TransformStream, (value) => #core in value);
        }
    }

    class TransformStreamDefaultController {
        #core;

        constructor() {
            if (arguments[0] !== token) {
                throw new TypeError("A TransformStreamDefaultController is made by its stream only");
            }
            this.#core = arguments[1];
        }

        get desiredSize() {
            return this.#core.readable.controller.desiredSize;
        }

        enqueue(chunk = undefined) {
            this.#core.enqueue(chunk);
        }

        error(reason = undefined) {
            this.#core.fail(reason);
        }

        terminate() {
            this.#core.terminate();
        }

        static {
            host.brand(TransformStreamDefaultController, (value) => #core in value);
        }
    }

    host.expose(TransformStream);
    host.expose(TransformStreamDefaultController);
})
