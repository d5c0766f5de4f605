// Splitting a readable stream in two (Streams Standard, ReadableStreamDefaultTee).
(function (host) {
    "use strict";

    const { then, nothing, afterMicrotask, resolvedWith } = host.streams;
    const { Deferred, DefaultReaderCore, newReadable } = host.streams;

    function tee(stream) {
        const reader = new DefaultReaderCore(stream);
        const cancelled = new Deferred();
        let reading = false;
        let readAgain = false;

        const first = newBranch();
        const second = newBranch();

        function newBranch() {
            const branch = { stream: undefined, isCancelled: false, reason: undefined };
            branch.stream = newReadable(nothing, pull, (reason) => cancel(branch, reason));
            return branch;
        }

        function pull() {
            if (reading) {
                readAgain = true;
                return resolvedWith(undefined);
            }
            reading = true;
            reader.read({
                chunk(chunk) {
                    // A microtask later, for the source's error to reach the branches before a chunk that was
                    // enqueued ahead of it is handed out: errors are seen at once, chunks asynchronously.
                    afterMicrotask(() => {
                        readAgain = false;
                        if (!first.isCancelled) {
                            first.stream.controller.enqueue(chunk);
                        }
                        if (!second.isCancelled) {
                            second.stream.controller.enqueue(chunk);
                        }
                        reading = false;
                        if (readAgain) {
                            pull();
                        }
                    });
                },
                close() {
                    reading = false;
                    if (!first.isCancelled) {
                        first.stream.controller.close();
                    }
                    if (!second.isCancelled) {
                        second.stream.controller.close();
                    }
                    finish();
                },
                error() {
                    reading = false;
                },
            });
            return resolvedWith(undefined);
        }

        // Cancelling reaches the source once both branches want it, with both reasons.
        function cancel(branch, reason) {
            branch.isCancelled = true;
            branch.reason = reason;
            if (first.isCancelled && second.isCancelled) {
                cancelled.resolve(stream.cancel([first.reason, second.reason]));
            }
            return cancelled.promise;
        }

        // The source has ended by itself: whoever cancelled only one branch need not wait any longer.
        function finish() {
            if (!first.isCancelled || !second.isCancelled) {
                cancelled.resolve(undefined);
            }
        }

        then(reader.closed.promise, undefined, (error) => {
            first.stream.controller.fail(error);
            second.stream.controller.fail(error);
            finish();
        });
        return { first: first.stream, second: second.stream };
    }

    host.streams.tee = tee;
})
