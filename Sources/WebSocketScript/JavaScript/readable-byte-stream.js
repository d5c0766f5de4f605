// What pages see of byte streams beside ReadableStream itself: the BYOB reader, the controller and its
// request (Streams Standard, sections 4.5, 4.7 and 4.8).
(function (host) {
    "use strict";

    const { RangeError, TypeError } = host.global;
    const { webidl } = host;
    const { token, attempt, Deferred, readableOf, ByobReaderCore } = host.streams;
    const { arrayBufferView, partsOf, isDetached, bufferLength } = host.streams.buffers;

    const enforcedLength = (value, context) => webidl.unsignedLongLong(value, context, "enforceRange");
    const readOptionsOf = webidl.dictionary([["min", enforcedLength, { default: 1 }]]);
    const readableStream = webidl.interface(host.ReadableStream);

    class ReadableStreamBYOBReader {
        #core;

        constructor(stream) {
            webidl.arguments(arguments.length, 1, "ReadableStreamBYOBReader's constructor");
            this.#core = new ByobReaderCore(readableOf(readableStream(stream, "The reader's stream")));
        }

        get closed() {
            return attempt(() => this.#core.closed.promise);
        }

        cancel(reason = undefined) {
            return attempt(() => attached(this.#core).stream.cancel(reason));
        }

        read(view, options = undefined) {
            return attempt(() => {
                const reader = this.#core;
                webidl.arguments(arguments.length, 1, "ReadableStreamBYOBReader.read");
                arrayBufferView(view, "The view to read into");
                const { min } = readOptionsOf(options, "read's options");
                const { buffer, byteLength, elementSize } = partsOf(view);
                if (byteLength === 0 || bufferLength(buffer) === 0) {
                    throw new TypeError("The view to read into must not be empty or detached");
                }
                if (min === 0) {
                    throw new TypeError("read's min must not be 0");
                }
                if (min > byteLength / elementSize) {
                    throw new RangeError("read's min must not be more than the view has room for");
                }
                attached(reader);
                const result = new Deferred();
                reader.read(view, min, {
                    chunk: (value) => result.resolve({ value, done: false }),
                    close: (value) => result.resolve({ value, done: true }),
                    error: (reason) => result.reject(reason),
                });
                return result.promise;
            });
        }

        releaseLock() {
            if (this.#core.stream !== undefined) {
                this.#core.release();
            }
        }

        static {
            host.brand(ReadableStreamBYOBReader, (value) => #core in value);
        }
    }

    function attached(reader) {
        if (reader.stream === undefined) {
            throw new TypeError("The reader was released and no longer has a stream");
        }
        return reader;
    }

    class ReadableByteStreamController {
        #core;

        constructor() {
            if (arguments[0] !== token) {
                throw new TypeError("A ReadableByteStreamController is made by its stream only");
            }
            this.#core = arguments[1];
        }

        get byobRequest() {
            const request = this.#core.currentRequest();
            return request === undefined
                ? null : request.object ??= new ReadableStreamBYOBRequest(token, request);
        }

        get desiredSize() {
            return this.#core.desiredSize;
        }

        close() {
            if (!this.#core.isOpen) {
                throw new TypeError("The stream is not in a state that permits close");
            }
            this.#core.close();
        }

        enqueue(chunk) {
            const controller = this.#core;
            webidl.arguments(arguments.length, 1, "ReadableByteStreamController.enqueue");
            const { buffer, byteLength } = partsOf(arrayBufferView(chunk, "The chunk"));
            if (byteLength === 0 || bufferLength(buffer) === 0) {
                throw new TypeError("The chunk must not be empty or detached");
            }
            if (!controller.isOpen) {
                throw new TypeError("The stream is not in a state that permits enqueue");
            }
            controller.enqueue(chunk);
        }

        error(e = undefined) {
            this.#core.fail(e);
        }

        static {
            host.brand(ReadableByteStreamController, (value) => #core in value);
        }
    }

    class ReadableStreamBYOBRequest {
        #request;

        constructor() {
            if (arguments[0] !== token) {
                throw new TypeError("A ReadableStreamBYOBRequest is made by its controller only");
            }
            this.#request = arguments[1];
        }

        get view() {
            return this.#request.view;
        }

        respond(bytesWritten) {
            const request = this.#request;
            webidl.arguments(arguments.length, 1, "ReadableStreamBYOBRequest.respond");
            const count = enforcedLength(bytesWritten, "The number of bytes written");
            valid(request);
            if (isDetached(partsOf(request.view).buffer)) {
                throw new TypeError("The request's buffer is detached, and so cannot be written to");
            }
            request.controller.respond(count);
        }

        respondWithNewView(view) {
            const request = this.#request;
            webidl.arguments(arguments.length, 1, "ReadableStreamBYOBRequest.respondWithNewView");
            arrayBufferView(view, "The view");
            valid(request);
            if (isDetached(partsOf(view).buffer)) {
                throw new TypeError("The view's buffer is detached, and so has nothing in it");
            }
            request.controller.respondWithView(view);
        }

        static {
            host.brand(ReadableStreamBYOBRequest, (value) => #request in value);
        }
    }

    function valid(request) {
        if (request.controller === undefined) {
            throw new TypeError("The request was answered already");
        }
    }

    host.expose(ReadableStreamBYOBReader);
    host.expose(ReadableByteStreamController);
    host.expose(ReadableStreamBYOBRequest);

    Object.assign(host.streams, {
        newByobReader: (stream) => new ReadableStreamBYOBReader(stream),
        newByteController: (core) => new ReadableByteStreamController(token, core),
    });
})
