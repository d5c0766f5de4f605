// Piping a readable stream into a writable one (Streams Standard, ReadableStreamPipeTo).
(function (host) {
    "use strict";

    const { TypeError } = host.global;
    const { onAbort, uncurry } = host;
    const { getOwnPropertyDescriptor } = Object;
    const { then, nothing, afterMicrotask, resolvedWith } = host.streams;
    const { Deferred, DefaultReaderCore, WriterCore } = host.streams;
    const isAborted = uncurry(getOwnPropertyDescriptor(host.AbortSignal.prototype, "aborted").get);
    const abortReason = uncurry(getOwnPropertyDescriptor(host.AbortSignal.prototype, "reason").get);

    // Settles once both promises are fulfilled or one is rejected (Web IDL, "wait for all").
    function both(first, second) {
        const result = new Deferred();
        let left = 2;
        const fulfilled = () => {
            left -= 1;
            if (left === 0) {
                result.resolve(undefined);
            }
        };
        const rejected = (reason) => result.reject(reason);
        then(first, fulfilled, rejected);
        then(second, fulfilled, rejected);
        return result.promise;
    }

    class Pipe {
        #source;
        #destination;
        #reader;
        #writer;
        #options;
        #result = new Deferred();
        #shuttingDown = false;
        // Fulfilled when the chunk read last is written, whether well or not.
        #lastWrite = resolvedWith(undefined);
        #ignoreSignal = nothing;

        constructor(source, destination, options) {
            this.#source = source;
            this.#destination = destination;
            this.#options = options;
            this.#reader = new DefaultReaderCore(source);
            this.#writer = new WriterCore(destination);
            source.disturbed = true;
        }

        start() {
            const { signal } = this.#options;
            if (signal !== undefined) {
                if (isAborted(signal)) {
                    this.#aborted(abortReason(signal));
                    return this.#result.promise;
                }
                this.#ignoreSignal = onAbort(signal, () => this.#aborted(abortReason(signal)));
            }
            this.#propagate();
            this.#next();
            return this.#result.promise;
        }

        // The four ways a pipe ends by itself; of those that hold at the start, the first counts.
        #propagate() {
            const source = this.#source;
            const destination = this.#destination;
            const { preventAbort, preventCancel, preventClose } = this.#options;

            const sourceFailed = () => this.#shutDown(
                preventAbort ? undefined : () => destination.abort(source.error), source,
            );
            const destinationFailed = () => this.#shutDown(
                preventCancel ? undefined : () => source.cancel(destination.error), destination,
            );
            const sourceClosed = () => this.#shutDown(
                preventClose ? undefined : () => this.#writer.closeUnlessOver(),
            );

            if (source.state === "errored") {
                sourceFailed();
            } else {
                then(this.#reader.closed.promise, undefined, sourceFailed);
            }
            if (destination.state === "errored") {
                destinationFailed();
            } else {
                then(this.#writer.closed.promise, undefined, destinationFailed);
            }
            if (source.state === "closed") {
                sourceClosed();
            } else {
                then(this.#reader.closed.promise, sourceClosed, nothing);
            }
            if (destination.isClosing || destination.state === "closed") {
                const error = new TypeError("The destination of the pipe is closing or closed");
                this.#shutDown(preventCancel ? undefined : () => source.cancel(error), { error });
            }
        }

        #aborted(error) {
            const { preventAbort, preventCancel } = this.#options;
            const source = this.#source;
            const destination = this.#destination;
            this.#shutDown(() => both(
                preventAbort || destination.state !== "writable"
                    ? resolvedWith(undefined) : destination.abort(error),
                preventCancel || source.state !== "readable"
                    ? resolvedWith(undefined) : source.cancel(error),
            ), { error });
        }

        // Reads as long as the destination wants chunks.
        #next() {
            if (!this.#shuttingDown) {
                then(this.#writer.ready.promise, () => this.#read(), nothing);
            }
        }

        #read() {
            // Nothing may be read that cannot be written any more.
            if (this.#shuttingDown) {
                return;
            }
            this.#reader.read({
                chunk: (chunk) => {
                    const finished = new Deferred();
                    const finish = () => finished.resolve(undefined);
                    this.#lastWrite = finished.promise;
                    // A microtask later: whoever enqueued the chunk must not find the sink's write() running.
                    afterMicrotask(() => {
                        if (this.#writer.stream === undefined) {
                            finish();
                            return;
                        }
                        then(this.#writer.write(chunk), finish, finish);
                        this.#next();
                    });
                },
                close: nothing,
                error: nothing,
            });
        }

        // Waits for what was read to be written, takes the action and ends the pipe with the error of
        // `failure` or that of the action, if any.
        #shutDown(action, failure = undefined) {
            if (this.#shuttingDown) {
                return;
            }
            this.#shuttingDown = true;
            const error = failure?.error;
            const end = () => {
                if (action === undefined) {
                    this.#finish(failure !== undefined, error);
                    return;
                }
                then(
                    action(),
                    () => this.#finish(failure !== undefined, error),
                    (actionError) => this.#finish(true, actionError),
                );
            };
            if (this.#destination.state === "writable" && !this.#destination.isClosing) {
                then(this.#lastWrite, end);
            } else {
                end();
            }
        }

        #finish(failed, error) {
            this.#writer.release();
            this.#reader.release();
            this.#ignoreSignal();
            if (failed) {
                this.#result.reject(error);
            } else {
                this.#result.resolve(undefined);
            }
        }
    }

    host.streams.pipe = (source, destination, options) => new Pipe(source, destination, options).start();
})
