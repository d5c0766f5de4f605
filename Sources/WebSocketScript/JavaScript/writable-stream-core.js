// The algorithms of writable streams and their writers (Streams Standard, sections 5.5.1 to 5.5.3). They work
// on records that no page can reach; the public classes in writable-stream.js are thin shells around them.
(function (host) {
    "use strict";

    const { TypeError } = host.global;
    const { signalAbort } = host;
    const { then, Deferred, Fifo, resolvedWith, rejectedWith } = host.streams;

    class WritableCore {
        state = "writable";
        error = undefined;
        writer = undefined;
        controller = undefined;
        writeRequests = new Fifo();
        writeInFlight = undefined;
        closeRequest = undefined;
        closeInFlight = undefined;
        // { deferred, reason, wasErroring } of an abort() that waits for the sink.
        pendingAbort = undefined;
        backpressure = false;
        object = undefined;

        get locked() {
            return this.writer !== undefined;
        }

        // WritableStreamCloseQueuedOrInFlight
        get isClosing() {
            return this.closeRequest !== undefined || this.closeInFlight !== undefined;
        }

        get isOver() {
            return this.state === "closed" || this.state === "errored";
        }

        // WritableStreamAbort
        abort(reason) {
            if (this.isOver) {
                return resolvedWith(undefined);
            }
            signalAbort(this.controller.signal, reason);
            // A listener of the signal may have changed the state.
            if (this.isOver) {
                return resolvedWith(undefined);
            }
            if (this.pendingAbort !== undefined) {
                return this.pendingAbort.deferred.promise;
            }
            const wasErroring = this.state === "erroring";
            const deferred = new Deferred();
            this.pendingAbort = { deferred, reason: wasErroring ? undefined : reason, wasErroring };
            if (!wasErroring) {
                this.startErroring(reason);
            }
            return deferred.promise;
        }

        // WritableStreamClose
        close() {
            if (this.isOver) {
                return rejectedWith(new TypeError(`The stream is ${this.state} and cannot be closed`));
            }
            const request = this.closeRequest = new Deferred();
            if (this.writer !== undefined && this.backpressure && this.state === "writable") {
                this.writer.ready.resolve(undefined);
            }
            this.controller.close();
            return request.promise;
        }

        // WritableStreamAddWriteRequest
        addWriteRequest() {
            const request = new Deferred();
            this.writeRequests.push(request);
            return request.promise;
        }

        // WritableStreamStartErroring
        startErroring(reason) {
            this.state = "erroring";
            this.error = reason;
            this.writer?.failReady(reason);
            if (this.writeInFlight === undefined && this.closeInFlight === undefined
                && this.controller.started) {
                this.finishErroring();
            }
        }

        // WritableStreamDealWithRejection
        sinkFailed(error) {
            if (this.state === "writable") {
                this.startErroring(error);
            } else {
                this.finishErroring();
            }
        }

        // WritableStreamFinishErroring
        finishErroring() {
            this.state = "errored";
            this.controller.queue.reset();
            const { error, writeRequests } = this;
            while (writeRequests.length > 0) {
                writeRequests.shift().reject(error);
            }
            const { pendingAbort } = this;
            this.pendingAbort = undefined;
            if (pendingAbort === undefined) {
                this.failClosed();
            } else if (pendingAbort.wasErroring) {
                pendingAbort.deferred.reject(error);
                this.failClosed();
            } else {
                then(this.controller.abortSteps(pendingAbort.reason), () => {
                    pendingAbort.deferred.resolve(undefined);
                    this.failClosed();
                }, (reason) => {
                    pendingAbort.deferred.reject(reason);
                    this.failClosed();
                });
            }
        }

        // WritableStreamRejectCloseAndClosedPromiseIfNeeded
        failClosed() {
            if (this.closeRequest !== undefined) {
                this.closeRequest.reject(this.error);
                this.closeRequest = undefined;
            }
            if (this.writer !== undefined) {
                this.writer.closed.reject(this.error);
                this.writer.closed.silence();
            }
        }

        // WritableStreamFinishInFlightWrite
        writeFinished() {
            this.writeInFlight.resolve(undefined);
            this.writeInFlight = undefined;
        }

        // WritableStreamFinishInFlightWriteWithError
        writeFailed(error) {
            this.writeInFlight.reject(error);
            this.writeInFlight = undefined;
            this.sinkFailed(error);
        }

        // WritableStreamFinishInFlightClose
        closeFinished() {
            this.closeInFlight.resolve(undefined);
            this.closeInFlight = undefined;
            if (this.state === "erroring") {
                // The sink closed well, so what was to become an error is moot.
                this.error = undefined;
                if (this.pendingAbort !== undefined) {
                    this.pendingAbort.deferred.resolve(undefined);
                    this.pendingAbort = undefined;
                }
            }
            this.state = "closed";
            this.writer?.closed.resolve(undefined);
        }

        // WritableStreamFinishInFlightCloseWithError
        closeFailed(error) {
            this.closeInFlight.reject(error);
            this.closeInFlight = undefined;
            if (this.pendingAbort !== undefined) {
                this.pendingAbort.deferred.reject(error);
                this.pendingAbort = undefined;
            }
            this.sinkFailed(error);
        }

        // WritableStreamUpdateBackpressure
        updateBackpressure(backpressure) {
            if (this.writer !== undefined && backpressure !== this.backpressure) {
                if (backpressure) {
                    this.writer.ready = new Deferred();
                } else {
                    this.writer.ready.resolve(undefined);
                }
            }
            this.backpressure = backpressure;
        }
    }

    class WriterCore {
        stream = undefined;
        closed = undefined;
        ready = undefined;

        // SetUpWritableStreamDefaultWriter
        constructor(stream) {
            if (stream.locked) {
                throw new TypeError("The stream is locked to a writer already");
            }
            this.stream = stream;
            stream.writer = this;
            const { state, error } = stream;
            if (state === "writable") {
                this.ready = !stream.isClosing && stream.backpressure
                    ? new Deferred() : Deferred.resolved(undefined);
                this.closed = new Deferred();
            } else if (state === "erroring") {
                this.ready = Deferred.rejected(error).silence();
                this.closed = new Deferred();
            } else if (state === "closed") {
                this.ready = Deferred.resolved(undefined);
                this.closed = Deferred.resolved(undefined);
            } else {
                this.ready = Deferred.rejected(error).silence();
                this.closed = Deferred.rejected(error).silence();
            }
        }

        // WritableStreamDefaultWriterEnsureReadyPromiseRejected
        failReady(error) {
            if (!this.ready.pending) {
                this.ready = new Deferred();
            }
            this.ready.reject(error);
            this.ready.silence();
        }

        // WritableStreamDefaultWriterEnsureClosedPromiseRejected
        failClosed(error) {
            if (!this.closed.pending) {
                this.closed = new Deferred();
            }
            this.closed.reject(error);
            this.closed.silence();
        }

        get desiredSize() {
            const { state, controller } = this.stream;
            if (state === "errored" || state === "erroring") {
                return null;
            }
            return state === "closed" ? 0 : controller.desiredSize;
        }

        // WritableStreamDefaultWriterCloseWithErrorPropagation
        closeUnlessOver() {
            const { stream } = this;
            if (stream.isClosing || stream.state === "closed") {
                return resolvedWith(undefined);
            }
            return stream.state === "errored" ? rejectedWith(stream.error) : stream.close();
        }

        release() {
            const error = new TypeError("The writer was released and no longer has a stream");
            this.failReady(error);
            this.failClosed(error);
            this.stream.writer = undefined;
            this.stream = undefined;
        }

        write(chunk) {
            const { stream } = this;
            const { controller } = stream;
            const size = controller.sizeOfChunk(chunk);
            // A strategy's size() may have released this writer, or ended the stream.
            if (stream !== this.stream) {
                return rejectedWith(new TypeError("The writer was released and no longer has a stream"));
            }
            if (stream.state === "errored") {
                return rejectedWith(stream.error);
            }
            if (stream.isClosing || stream.state === "closed") {
                return rejectedWith(new TypeError("The stream is closing or closed"));
            }
            if (stream.state === "erroring") {
                return rejectedWith(stream.error);
            }
            const promise = stream.addWriteRequest();
            controller.write(chunk, size);
            return promise;
        }
    }

    Object.assign(host.streams, { WritableCore, WriterCore });
})
