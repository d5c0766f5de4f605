// Splitting a readable byte stream in two (Streams Standard, ReadableByteStreamTee): the branch that asks
// first lends its memory to the source if it has some, and the other one gets a copy.
(function (host) {
    "use strict";

    const { then, nothing, afterMicrotask, resolvedWith, Deferred, DefaultReaderCore } = host.streams;
    const { ByobReaderCore, newReadableBytes } = host.streams;
    const { partsOf, copyOf } = host.streams.buffers;

    function copyOfView(view) {
        const { buffer, byteOffset, byteLength } = partsOf(view);
        return copyOf(buffer, byteOffset, byteLength);
    }

    class Branch {
        stream = undefined;
        other = undefined;
        isCancelled = false;
        reason = undefined;
        readAgain = false;

        get controller() {
            return this.stream.controller;
        }
    }

    function byteTee(stream) {
        const first = new Branch();
        const second = new Branch();
        first.other = second;
        second.other = first;
        const cancelled = new Deferred();
        let reader = new DefaultReaderCore(stream);
        let reading = false;

        function forwardError() {
            const watched = reader;
            then(watched.closed.promise, undefined, (error) => {
                if (watched === reader) {
                    fail(error);
                    finish();
                }
            });
        }

        function fail(error) {
            first.controller.fail(error);
            second.controller.fail(error);
        }

        function finish() {
            if (!first.isCancelled || !second.isCancelled) {
                cancelled.resolve(undefined);
            }
        }

        // The copy for a second reader of a chunk; undefined if there is no memory for it, which ends the
        // stream.
        function copyOrFail(chunk) {
            try {
                return copyOfView(chunk);
            } catch (error) {
                fail(error);
                cancelled.resolve(stream.cancel(error));
                return undefined;
            }
        }

        function switchReader(Reader) {
            if (!(reader instanceof Reader)) {
                reader.release();
                reader = new Reader(stream);
                forwardError();
            }
        }

        function readOn() {
            reading = false;
            if (first.readAgain) {
                pull(first);
            } else if (second.readAgain) {
                pull(second);
            }
        }

        // A branch that has closed while its reader's memory was lent gives that memory back.
        function returnMemory(branch) {
            if (branch.controller.pullIntos.length > 0) {
                branch.controller.respond(0);
            }
        }

        function pullChunk() {
            switchReader(DefaultReaderCore);
            reader.read({
                chunk(chunk) {
                    afterMicrotask(() => {
                        first.readAgain = second.readAgain = false;
                        let copy = chunk;
                        if (!first.isCancelled && !second.isCancelled) {
                            copy = copyOrFail(chunk);
                            if (copy === undefined) {
                                return;
                            }
                        }
                        if (!first.isCancelled) {
                            first.controller.enqueue(chunk);
                        }
                        if (!second.isCancelled) {
                            second.controller.enqueue(copy);
                        }
                        readOn();
                    });
                },
                close() {
                    reading = false;
                    if (!first.isCancelled) {
                        first.controller.close();
                    }
                    if (!second.isCancelled) {
                        second.controller.close();
                    }
                    returnMemory(first);
                    returnMemory(second);
                    finish();
                },
                error() {
                    reading = false;
                },
            });
        }

        function pullInto(branch, view) {
            const { other } = branch;
            switchReader(ByobReaderCore);
            reader.read(view, 1, {
                chunk(chunk) {
                    afterMicrotask(() => {
                        first.readAgain = second.readAgain = false;
                        let copy;
                        if (!other.isCancelled) {
                            copy = copyOrFail(chunk);
                            if (copy === undefined) {
                                return;
                            }
                        }
                        if (!branch.isCancelled) {
                            branch.controller.respondWithView(chunk);
                        }
                        if (copy !== undefined) {
                            other.controller.enqueue(copy);
                        }
                        readOn();
                    });
                },
                close(chunk) {
                    reading = false;
                    if (!branch.isCancelled) {
                        branch.controller.close();
                    }
                    if (!other.isCancelled) {
                        other.controller.close();
                    }
                    // Without a chunk the memory is lost: the stream was cancelled.
                    if (chunk !== undefined) {
                        if (!branch.isCancelled) {
                            branch.controller.respondWithView(chunk);
                        }
                        if (!other.isCancelled) {
                            returnMemory(other);
                        }
                    }
                    finish();
                },
                error() {
                    reading = false;
                },
            });
        }

        function pull(branch) {
            if (reading) {
                branch.readAgain = true;
            } else {
                reading = true;
                const request = branch.controller.currentRequest();
                if (request === undefined) {
                    pullChunk();
                } else {
                    pullInto(branch, request.view);
                }
            }
            return resolvedWith(undefined);
        }

        function cancel(branch, reason) {
            branch.isCancelled = true;
            branch.reason = reason;
            if (branch.other.isCancelled) {
                cancelled.resolve(stream.cancel([first.reason, second.reason]));
            }
            return cancelled.promise;
        }

        first.stream = newReadableBytes(nothing, () => pull(first), (reason) => cancel(first, reason));
        second.stream = newReadableBytes(nothing, () => pull(second), (reason) => cancel(second, reason));
        forwardError();
        return { first: first.stream, second: second.stream };
    }

    host.streams.byteTee = byteTee;
})
