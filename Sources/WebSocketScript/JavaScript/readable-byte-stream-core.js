// The controller of a readable byte stream (Streams Standard, section 4.9.5): memory moves from the page to
// the source and back without being shared by both at any time.
(function (host) {
    "use strict";

    const { ArrayBuffer, Uint8Array, RangeError, TypeError } = host.global;
    const { min } = Math;
    const { Fifo, PullInto, ControllerCore, ReadableCore } = host.streams;
    const {
        canTransfer, partsOf, isDetached, transfer, bufferOf, bufferLength, setElements, copyOf,
    } = host.streams.buffers;

    class ByteControllerCore extends ControllerCore {
        isBytes = true;
        autoAllocateChunkSize = undefined;
        // { buffer, byteOffset, byteLength } each, `queued` bytes in all.
        chunks = new Fifo();
        queued = 0;
        pullIntos = new Fifo();
        // What the source sees of the first of `pullIntos`: { controller, view, object }.
        request = undefined;

        constructor(stream, pull, cancel, highWaterMark, autoAllocateChunkSize) {
            if (!canTransfer) {
                throw new TypeError("Byte streams need ArrayBuffer.prototype.transfer");
            }
            if (autoAllocateChunkSize === 0) {
                throw new TypeError("autoAllocateChunkSize must not be 0");
            }
            super(stream, pull, cancel, highWaterMark);
            this.autoAllocateChunkSize = autoAllocateChunkSize;
        }

        get reader() {
            return this.stream.reader;
        }

        drop() {
            this.invalidateRequest();
            this.pullIntos.clear();
            this.chunks.clear();
            this.queued = 0;
        }

        // ReadableByteStreamControllerGetBYOBRequest
        currentRequest() {
            if (this.request === undefined && this.pullIntos.length > 0) {
                const first = this.pullIntos.peek();
                this.request = {
                    controller: this,
                    view: new Uint8Array(
                        first.buffer, first.byteOffset + first.filled, first.byteLength - first.filled,
                    ),
                    object: undefined,
                };
            }
            return this.request;
        }

        invalidateRequest() {
            if (this.request !== undefined) {
                this.request.controller = undefined;
                this.request.view = null;
                this.request = undefined;
            }
        }

        close() {
            if (!this.isOpen) {
                return;
            }
            if (this.queued > 0) {
                this.closeRequested = true;
                return;
            }
            if (this.pullIntos.length > 0) {
                const first = this.pullIntos.peek();
                if (first.filled % first.elementSize !== 0) {
                    const error = new TypeError("The stream was closed with a part of an element read");
                    this.fail(error);
                    throw error;
                }
            }
            this.clearAlgorithms();
            this.stream.close();
        }

        enqueue(view) {
            if (!this.isOpen) {
                return;
            }
            const { buffer, byteOffset, byteLength } = partsOf(view);
            if (isDetached(buffer)) {
                throw new TypeError("The chunk's buffer is detached");
            }
            const transferred = transfer(buffer);
            if (this.pullIntos.length > 0) {
                const first = this.pullIntos.peek();
                if (isDetached(first.buffer)) {
                    throw new TypeError("The BYOB request's buffer is detached, and so cannot be filled");
                }
                this.invalidateRequest();
                first.buffer = transfer(first.buffer);
                if (first.reader === "none") {
                    this.queueReleased(first);
                }
            }
            if (this.reader === undefined) {
                this.push(transferred, byteOffset, byteLength);
            } else if (this.reader.isByob) {
                this.push(transferred, byteOffset, byteLength);
                this.commitAll(this.fillFromQueue());
            } else {
                this.serveRequests();
                if (this.stream.waiting === 0) {
                    this.push(transferred, byteOffset, byteLength);
                } else {
                    // What was allocated for the source to fill is not needed then.
                    if (this.pullIntos.length > 0) {
                        this.shiftPullInto();
                    }
                    this.reader.requests.shift().chunk(new Uint8Array(transferred, byteOffset, byteLength));
                }
            }
            this.pullIfNeeded();
        }

        // ReadableByteStreamControllerEnqueueChunkToQueue
        push(buffer, byteOffset, byteLength) {
            this.chunks.push({ buffer, byteOffset, byteLength });
            this.queued += byteLength;
        }

        // ReadableByteStreamControllerEnqueueClonedChunkToQueue
        pushCopy(buffer, byteOffset, byteLength) {
            let copy;
            try {
                copy = copyOf(buffer, byteOffset, byteLength);
            } catch (error) {
                this.fail(error);
                throw error;
            }
            this.push(bufferOf(copy), 0, byteLength);
        }

        // ReadableByteStreamControllerEnqueueDetachedPullIntoToQueue: the bytes that a released reader had
        // been given already are for the next one.
        queueReleased(pullInto) {
            if (pullInto.filled > 0) {
                this.pushCopy(pullInto.buffer, pullInto.byteOffset, pullInto.filled);
            }
            this.shiftPullInto();
        }

        shiftPullInto() {
            return this.pullIntos.shift();
        }

        // ReadableByteStreamControllerHandleQueueDrain
        queueShrank() {
            if (this.queued === 0 && this.closeRequested) {
                this.clearAlgorithms();
                this.stream.close();
            } else {
                this.pullIfNeeded();
            }
        }

        // ReadableByteStreamControllerFillReadRequestFromQueue
        serve(request) {
            const { buffer, byteOffset, byteLength } = this.chunks.shift();
            this.queued -= byteLength;
            this.queueShrank();
            request.chunk(new Uint8Array(buffer, byteOffset, byteLength));
        }

        // ReadableByteStreamControllerProcessReadRequestsUsingQueue
        serveRequests() {
            const { reader } = this;
            while (reader.requests.length > 0 && this.queued > 0) {
                this.serve(reader.requests.shift());
            }
        }

        pullSteps(request) {
            if (this.queued > 0) {
                this.serve(request);
                return;
            }
            const size = this.autoAllocateChunkSize;
            if (size !== undefined) {
                let buffer;
                try {
                    buffer = new ArrayBuffer(size);
                } catch (error) {
                    request.error(error);
                    return;
                }
                this.pullIntos.push(new PullInto(buffer, 0, size));
            }
            this.reader.requests.push(request);
            this.pullIfNeeded();
        }

        releaseSteps() {
            if (this.pullIntos.length > 0) {
                const first = this.pullIntos.peek();
                first.reader = "none";
                this.pullIntos = new Fifo();
                this.pullIntos.push(first);
            }
        }

        // ReadableByteStreamControllerPullInto
        pullInto(view, minimum, request) {
            const { stream } = this;
            const { View, elementSize, buffer, byteOffset, byteLength } = partsOf(view);
            let transferred;
            try {
                transferred = transfer(buffer);
            } catch (error) {
                request.error(error);
                return;
            }
            const pullInto = new PullInto(transferred, byteOffset, byteLength);
            pullInto.minimumFill = minimum * elementSize;
            pullInto.elementSize = elementSize;
            pullInto.View = View;
            pullInto.reader = "byob";

            if (this.pullIntos.length > 0) {
                this.pullIntos.push(pullInto);
                this.reader.requests.push(request);
                return;
            }
            if (stream.state === "closed") {
                request.close(new View(transferred, byteOffset, 0));
                return;
            }
            if (this.queued > 0) {
                if (this.fill(pullInto)) {
                    const filled = pullInto.toView();
                    this.queueShrank();
                    request.chunk(filled);
                    return;
                }
                if (this.closeRequested) {
                    const error = new TypeError("The stream ends with a part of an element");
                    this.fail(error);
                    request.error(error);
                    return;
                }
            }
            this.pullIntos.push(pullInto);
            this.reader.requests.push(request);
            this.pullIfNeeded();
        }

        // ReadableByteStreamControllerFillPullIntoDescriptorFromQueue: says whether the minimum is reached.
        // Only then a remainder of an element stays in the queue.
        fill(pullInto) {
            let left = min(this.queued, pullInto.byteLength - pullInto.filled);
            const reachable = pullInto.filled + left;
            const aligned = reachable - reachable % pullInto.elementSize;
            const isReady = aligned >= pullInto.minimumFill;
            if (isReady) {
                left = aligned - pullInto.filled;
            }
            while (left > 0) {
                const head = this.chunks.peek();
                const count = min(left, head.byteLength);
                setElements(
                    new Uint8Array(pullInto.buffer, pullInto.byteOffset + pullInto.filled, count),
                    new Uint8Array(head.buffer, head.byteOffset, count),
                );
                if (count === head.byteLength) {
                    this.chunks.shift();
                } else {
                    head.byteOffset += count;
                    head.byteLength -= count;
                }
                this.queued -= count;
                pullInto.filled += count;
                left -= count;
            }
            return isReady;
        }

        // ReadableByteStreamControllerProcessPullIntoDescriptorsUsingQueue
        fillFromQueue() {
            const filled = new Fifo();
            while (this.pullIntos.length > 0 && this.queued > 0) {
                if (this.fill(this.pullIntos.peek())) {
                    filled.push(this.shiftPullInto());
                }
            }
            return filled;
        }

        // ReadableByteStreamControllerCommitPullIntoDescriptor
        commit(pullInto) {
            const request = this.reader.requests.shift();
            const view = pullInto.toView();
            if (this.stream.state !== "closed") {
                request.chunk(view);
            } else {
                request.close(view);
            }
        }

        commitAll(pullIntos) {
            while (pullIntos.length > 0) {
                this.commit(pullIntos.shift());
            }
        }

        // ReadableByteStreamControllerRespond
        respond(count) {
            const first = this.pullIntos.peek();
            if (this.stream.state === "closed") {
                if (count !== 0) {
                    throw new TypeError("Nothing can be written once the stream is closed");
                }
            } else if (count === 0) {
                throw new TypeError("At least one byte must be written while the stream is open");
            } else if (first.filled + count > first.byteLength) {
                throw new RangeError("More bytes are said to be written than there is room for");
            }
            first.buffer = transfer(first.buffer);
            this.responded(count);
        }

        // ReadableByteStreamControllerRespondWithNewView
        respondWithView(view) {
            const { buffer, byteOffset, byteLength } = partsOf(view);
            const first = this.pullIntos.peek();
            if (this.stream.state === "closed") {
                if (byteLength !== 0) {
                    throw new TypeError("The view must be empty once the stream is closed");
                }
            } else if (byteLength === 0) {
                throw new TypeError("The view must not be empty while the stream is open");
            }
            if (first.byteOffset + first.filled !== byteOffset) {
                throw new RangeError("The view must begin where the BYOB request's view does");
            }
            if (first.bufferLength !== bufferLength(buffer)) {
                throw new RangeError("The view's buffer must be as long as the BYOB request's");
            }
            if (first.filled + byteLength > first.byteLength) {
                throw new RangeError("The view must not be longer than the BYOB request's");
            }
            first.buffer = transfer(buffer);
            this.responded(byteLength);
        }

        // ReadableByteStreamControllerRespondInternal
        responded(count) {
            const first = this.pullIntos.peek();
            this.invalidateRequest();
            if (this.stream.state === "closed") {
                this.respondedClosed(first);
            } else {
                this.respondedOpen(first, count);
            }
            this.pullIfNeeded();
        }

        respondedClosed(first) {
            if (first.reader === "none") {
                this.shiftPullInto();
            }
            if (this.reader?.isByob) {
                const done = new Fifo();
                while (done.length < this.stream.waiting) {
                    done.push(this.shiftPullInto());
                }
                this.commitAll(done);
            }
        }

        respondedOpen(first, count) {
            first.filled += count;
            if (first.reader === "none") {
                this.queueReleased(first);
                this.commitAll(this.fillFromQueue());
                return;
            }
            if (first.filled < first.minimumFill) {
                return;
            }
            this.shiftPullInto();
            const rest = first.filled % first.elementSize;
            if (rest > 0) {
                this.pushCopy(first.buffer, first.byteOffset + first.filled - rest, rest);
            }
            first.filled -= rest;
            const filled = this.fillFromQueue();
            this.commit(first);
            this.commitAll(filled);
        }
    }

    // CreateReadableByteStream
    function newReadableBytes(start, pull, cancel) {
        const stream = new ReadableCore();
        new ByteControllerCore(stream, pull, cancel, 0, undefined).begin(start);
        return stream;
    }

    Object.assign(host.streams, { ByteControllerCore, newReadableBytes });
})
