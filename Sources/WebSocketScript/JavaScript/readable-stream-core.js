// The algorithms of readable streams (Streams Standard, sections 4.9.1 to 4.9.4). They work on records that
// no page can reach; the public classes in readable-stream.js are thin shells around them.
(function (host) {
    "use strict";

    const { TypeError } = host.global;
    const { then, Deferred, Fifo, SizedQueue, resolvedWith, rejectedWith, sizeOne } = host.streams;

    class ReadableCore {
        state = "readable";
        error = undefined;
        reader = undefined;
        controller = undefined;
        disturbed = false;
        object = undefined;

        get locked() {
            return this.reader !== undefined;
        }

        // Reads that wait for a chunk.
        get waiting() {
            return this.reader === undefined ? 0 : this.reader.requests.length;
        }

        // ReadableStreamCancel
        cancel(reason) {
            this.disturbed = true;
            if (this.state === "closed") {
                return resolvedWith(undefined);
            }
            if (this.state === "errored") {
                return rejectedWith(this.error);
            }
            this.close();
            this.reader?.cancelled();
            return then(this.controller.cancelSteps(reason), () => undefined);
        }

        // ReadableStreamClose
        close() {
            this.state = "closed";
            if (this.reader !== undefined) {
                this.reader.closed.resolve(undefined);
                this.reader.streamClosed();
            }
        }

        // ReadableStreamError
        fail(error) {
            this.state = "errored";
            this.error = error;
            if (this.reader !== undefined) {
                this.reader.closed.reject(error);
                this.reader.closed.silence();
                this.reader.failRequests(error);
            }
        }
    }

    // What default and BYOB readers have in common (section 4.9.3).
    class ReaderCore {
        stream = undefined;
        closed = undefined;
        // Reads that wait for a chunk.
        requests = new Fifo();
        isByob = false;

        constructor(stream) {
            if (stream.locked) {
                throw new TypeError("The stream is locked to a reader already");
            }
            this.stream = stream;
            stream.reader = this;
            if (stream.state === "readable") {
                this.closed = new Deferred();
            } else if (stream.state === "closed") {
                this.closed = Deferred.resolved(undefined);
            } else {
                this.closed = Deferred.rejected(stream.error).silence();
            }
        }

        cancelled() {}

        failRequests(error) {
            const { requests } = this;
            this.requests = new Fifo();
            while (requests.length > 0) {
                requests.shift().error(error);
            }
        }

        // ReadableStreamDefaultReaderRelease, ReadableStreamBYOBReaderRelease
        release() {
            const { stream } = this;
            const error = new TypeError("The reader was released and no longer has a stream");
            if (!this.closed.pending) {
                this.closed = new Deferred();
            }
            this.closed.reject(error);
            this.closed.silence();
            stream.controller.releaseSteps();
            stream.reader = undefined;
            this.stream = undefined;
            this.failRequests(error);
        }
    }

    class DefaultReaderCore extends ReaderCore {
        // Not left out: engines' own default constructors may go through the iterator of arrays.
        constructor(stream) {
            super(stream);
        }

        streamClosed() {
            const { requests } = this;
            this.requests = new Fifo();
            while (requests.length > 0) {
                requests.shift().close();
            }
        }

        // ReadableStreamDefaultReaderRead. A request is { chunk(value), close(), error(reason) }.
        read(request) {
            const { stream } = this;
            stream.disturbed = true;
            if (stream.state === "closed") {
                request.close();
            } else if (stream.state === "errored") {
                request.error(stream.error);
            } else {
                stream.controller.pullSteps(request);
            }
        }
    }

    // What default and byte controllers have in common: when to ask the source for more.
    class ControllerCore {
        stream = undefined;
        object = undefined;
        started = false;
        pulling = false;
        pullAgain = false;
        closeRequested = false;
        isBytes = false;
        highWaterMark = 0;
        pull = undefined;
        cancel = undefined;

        // SetUpReadableStreamDefaultController, SetUpReadableByteStreamController; `begin` calls start().
        constructor(stream, pull, cancel, highWaterMark) {
            this.stream = stream;
            this.pull = pull;
            this.cancel = cancel;
            this.highWaterMark = highWaterMark;
            stream.controller = this;
        }

        begin(start) {
            then(resolvedWith(start()), () => {
                this.started = true;
                this.pullIfNeeded();
            }, (reason) => this.fail(reason));
        }

        get desiredSize() {
            const { state } = this.stream;
            return state === "errored" ? null : state === "closed" ? 0 : this.highWaterMark - this.queued;
        }

        // ReadableStreamDefaultControllerCanCloseOrEnqueue
        get isOpen() {
            return !this.closeRequested && this.stream.state === "readable";
        }

        // ReadableStreamDefaultControllerShouldCallPull
        get wantsChunks() {
            return this.isOpen && this.started && (this.stream.waiting > 0 || this.desiredSize > 0);
        }

        pullIfNeeded() {
            if (!this.wantsChunks) {
                return;
            }
            if (this.pulling) {
                this.pullAgain = true;
                return;
            }
            this.pulling = true;
            then(this.pull(), () => {
                this.pulling = false;
                if (this.pullAgain) {
                    this.pullAgain = false;
                    this.pullIfNeeded();
                }
            }, (reason) => this.fail(reason));
        }

        // What a source closed over can be collected once it is not going to be called any more.
        clearAlgorithms() {
            this.pull = this.cancel = undefined;
        }

        fail(error) {
            if (this.stream.state === "readable") {
                this.drop();
                this.clearAlgorithms();
                this.stream.fail(error);
            }
        }

        cancelSteps(reason) {
            this.drop();
            const { cancel } = this;
            const result = cancel(reason);
            this.clearAlgorithms();
            return result;
        }
    }

    class DefaultControllerCore extends ControllerCore {
        queue = new SizedQueue();
        size = undefined;

        constructor(stream, pull, cancel, highWaterMark, size) {
            super(stream, pull, cancel, highWaterMark);
            this.size = size;
        }

        get queued() {
            return this.queue.total;
        }

        drop() {
            this.queue.reset();
        }

        clearAlgorithms() {
            super.clearAlgorithms();
            this.size = undefined;
        }

        close() {
            if (!this.isOpen) {
                return;
            }
            this.closeRequested = true;
            if (this.queue.isEmpty) {
                this.clearAlgorithms();
                this.stream.close();
            }
        }

        enqueue(chunk) {
            if (!this.isOpen) {
                return;
            }
            if (this.stream.waiting > 0) {
                this.stream.reader.requests.shift().chunk(chunk);
            } else {
                try {
                    const { size } = this;
                    this.queue.enqueue(chunk, size(chunk));
                } catch (error) {
                    this.fail(error);
                    throw error;
                }
            }
            this.pullIfNeeded();
        }

        pullSteps(request) {
            if (this.queue.isEmpty) {
                this.stream.reader.requests.push(request);
                this.pullIfNeeded();
                return;
            }
            const chunk = this.queue.dequeue();
            if (this.closeRequested && this.queue.isEmpty) {
                this.clearAlgorithms();
                this.stream.close();
            } else {
                this.pullIfNeeded();
            }
            request.chunk(chunk);
        }

        releaseSteps() {}
    }

    // CreateReadableStream: `pull` and `cancel` return promises, `start` anything.
    function newReadable(start, pull, cancel, highWaterMark = 1, size = sizeOne) {
        const stream = new ReadableCore();
        new DefaultControllerCore(stream, pull, cancel, highWaterMark, size).begin(start);
        return stream;
    }

    Object.assign(host.streams, {
        ReadableCore, ReaderCore, DefaultReaderCore, ControllerCore, DefaultControllerCore, newReadable,
    });
})
