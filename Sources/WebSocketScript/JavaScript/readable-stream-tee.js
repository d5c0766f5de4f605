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
                        for (let i = 0; i < 2; i += 1) {
                            if (!branches[i].isCancelled) {
                                branches[i].stream.controller.enqueue(chunk);
                            }
                        }
                        reading = false;
                        if (readAgain) {
                            pull();
                        }
                    });
                },
                close() {
                    reading = false;
                    for (let i = 0; i < 2; i += 1) {
                        if (!branches[i].isCancelled) {
                            branches[i].stream.controller.close();
                        }
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
        function cancelBranch(branch, reason) {
            branch.isCancelled = true;
            branch.reason = reason;
            if (branches[0].isCancelled && branches[1].isCancelled) {
                cancelled.resolve(stream.cancel([branches[0].reason, branches[1].reason]));
            }
            return cancelled.promise;
        }

        // The source has ended by itself: whoever cancelled only one branch need not wait any longer.
        function finish() {
            if (!branches[0].isCancelled || !branches[1].isCancelled) {
                cancelled.resolve(undefined);
            }
        }

        function newBranch() {
            const branch = { stream: undefined, isCancelled: false, reason: undefined };
            branch.stream = newReadable(nothing, pull, (reason) => cancelBranch(branch, reason));
            return branch;
        }

        const branches = [newBranch(), newBranch()];
        then(reader.closed.promise, undefined, (error) => {
            branches[0].stream.controller.fail(error);
            branches[1].stream.controller.fail(error);
            finish();
        });
        return [branches[0].stream, branches[1].stream];
    }

    host.streams.tee = tee;
})
