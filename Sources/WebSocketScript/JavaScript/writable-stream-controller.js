// The controller of a writable stream: the queue of chunks on their way into the sink (Streams Standard,
// section 5.5.4).
(function (host) {
    "use strict";

    const { createAbortSignal } = host;
    const { then, SizedQueue, resolvedWith, sizeOne, WritableCore } = host.streams;

    // Stands in the queue for the close.
    const closeMark = { __proto__: null };

    class WritableControllerCore {
        stream = undefined;
        object = undefined;
        queue = new SizedQueue();
        started = false;
        signal = createAbortSignal();
        highWaterMark = 0;
        size = undefined;
        sinkWrite = undefined;
        sinkClose = undefined;
        sinkAbort = undefined;

        constructor(stream, { write, close, abort }, highWaterMark, size) {
            this.stream = stream;
            this.sinkWrite = write;
            this.sinkClose = close;
            this.sinkAbort = abort;
            this.highWaterMark = highWaterMark;
            this.size = size;
            stream.controller = this;
            stream.updateBackpressure(this.hasBackpressure);
        }

        // The rest of SetUpWritableStreamDefaultController
        begin(start) {
            then(resolvedWith(start()), () => {
                this.started = true;
                this.advance();
            }, (reason) => {
                this.started = true;
                this.stream.sinkFailed(reason);
            });
        }

        get desiredSize() {
            return this.highWaterMark - this.queue.total;
        }

        get hasBackpressure() {
            return this.desiredSize <= 0;
        }

        clearAlgorithms() {
            this.sinkWrite = this.sinkClose = this.sinkAbort = this.size = undefined;
        }

        abortSteps(reason) {
            const { sinkAbort } = this;
            const result = sinkAbort(reason);
            this.clearAlgorithms();
            return result;
        }

        // WritableStreamDefaultControllerGetChunkSize
        sizeOfChunk(chunk) {
            const { size } = this;
            if (size === undefined) {
                return 1;
            }
            try {
                return size(chunk);
            } catch (error) {
                this.failIfWritable(error);
                return 1;
            }
        }

        // WritableStreamDefaultControllerError
        fail(error) {
            this.clearAlgorithms();
            this.stream.startErroring(error);
        }

        failIfWritable(error) {
            if (this.stream.state === "writable") {
                this.fail(error);
            }
        }

        close() {
            this.queue.enqueue(closeMark, 0);
            this.advance();
        }

        write(chunk, size) {
            try {
                this.queue.enqueue(chunk, size);
            } catch (error) {
                this.failIfWritable(error);
                return;
            }
            this.updateBackpressure();
            this.advance();
        }

        updateBackpressure() {
            if (!this.stream.isClosing && this.stream.state === "writable") {
                this.stream.updateBackpressure(this.hasBackpressure);
            }
        }

        // WritableStreamDefaultControllerAdvanceQueueIfNeeded
        advance() {
            const { stream } = this;
            if (!this.started || stream.writeInFlight !== undefined) {
                return;
            }
            if (stream.state === "erroring") {
                stream.finishErroring();
            } else if (!this.queue.isEmpty) {
                const chunk = this.queue.peek();
                if (chunk === closeMark) {
                    this.processClose();
                } else {
                    this.processWrite(chunk);
                }
            }
        }

        processClose() {
            const { stream, sinkClose } = this;
            stream.closeInFlight = stream.closeRequest;
            stream.closeRequest = undefined;
            this.queue.dequeue();
            const closed = sinkClose();
            this.clearAlgorithms();
            then(closed, () => stream.closeFinished(), (reason) => stream.closeFailed(reason));
        }

        processWrite(chunk) {
            const { stream, sinkWrite } = this;
            stream.writeInFlight = stream.writeRequests.shift();
            then(sinkWrite(chunk), () => {
                stream.writeFinished();
                // Only now, for desiredSize counts the chunk until the sink is done with it.
                this.queue.dequeue();
                this.updateBackpressure();
                this.advance();
            }, (reason) => {
                if (stream.state === "writable") {
                    this.clearAlgorithms();
                }
                stream.writeFailed(reason);
            });
        }
    }

    // CreateWritableStream: the sink is { write, close, abort }, which all return promises; `start` returns
    // anything.
    function newWritable(start, sink, highWaterMark = 1, size = sizeOne) {
        const stream = new WritableCore();
        new WritableControllerCore(stream, sink, highWaterMark, size).begin(start);
        return stream;
    }

    Object.assign(host.streams, { WritableControllerCore, newWritable });
})
