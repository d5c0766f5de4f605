// WebSocketStream and WebSocketError (WebSockets, as extended by the proposal that Chromium ships).
//
// Uses of `host.native`: openStream, checkStream, readStream, writeStream, closeStream, register.
(function (host) {
    "use strict";

    const { webidl, native, DOMException, bytesOf, handOver } = host;
    const { createReadable, createWritable } = host.streams;
    const { Map, Promise, Uint8Array, mapDelete, mapGet, mapSet, then } = host.primordials;
    const nothing = () => {};

    const readCloseInfo = webidl.dictionary([
        ["closeCode", (value, context) => webidl.unsignedShort(value, context, "enforceRange")],
        ["reason", webidl.USVString, { default: "" }],
    ]);

    let errorOf;
    let codeOf;
    let reasonOf;

    class WebSocketError extends DOMException {
        #closeCode;
        #reason;

        static {
            host.brand(WebSocketError, (value) => #closeCode in value);
        }

        constructor(message = "", init = undefined) {
            message = webidl.DOMString(message, "WebSocketError: message");
            const { closeCode, reason } = readCloseInfo(init, "WebSocketError: init");
            // For a stream that is none, this only checks.
            native.closeStream(undefined, closeCode, reason);
            super(message, "WebSocketError");
            this.#closeCode = closeCode ?? (reason === "" ? null : 1000);
            this.#reason = reason;
        }

        get closeCode() {
            return this.#closeCode;
        }

        get reason() {
            return this.#reason;
        }

        // A code of the connection's end need not be one that a script may close with.
        static {
            codeOf = (error) => error.#closeCode;
            reasonOf = (error) => error.#reason;
            errorOf = (message, code, reason) => {
                const error = new WebSocketError(message);
                error.#closeCode = code;
                error.#reason = reason;
                return error;
            };
        }
    }

    host.expose(WebSocketError);

    function deferred() {
        const result = {};
        result.promise = new Promise((resolve, reject) => {
            result.resolve = resolve;
            result.reject = reject;
        });
        // Whether anybody looks at it is not the stream's business.
        then(result.promise, nothing, nothing);
        return result;
    }

    // Those that have something to be told.
    const streams = new Map();
    let count = 0;

    // What is behind a stream; the native side tells it what happens.
    class Connection {
        opened = deferred();
        closed = deferred();
        url;
        #number;
        #handle;
        #state = "connecting";
        #readable;
        #writable;
        #read;
        #write;
        #isWriting = false;
        #forget = nothing;
        #ended = deferred();
        // Reads and writes that have not been answered.
        #tasks = 0;

        constructor(url, protocols, signal) {
            const abortion = signal === undefined ? undefined : host.abortion(signal);
            if (abortion !== undefined) {
                // Still a URL that is none throws.
                this.url = native.checkStream(url, protocols);
                this.#fail(abortion.reason);
                return;
            }
            count += 1;
            this.#number = count;
            const opened = native.openStream(count, url, protocols);
            this.#handle = opened[0];
            this.url = opened[1];
            mapSet(streams, count, this);
            if (signal !== undefined) {
                this.#forget = host.onAbort(signal, (reason) => {
                    if (this.#state === "connecting") {
                        this.#fail(reason);
                        native.closeStream(this.#handle, undefined, "");
                    }
                }) ?? nothing;
            }
        }

        #begin() {
            this.#tasks += 1;
            mapSet(streams, this.#number, this);
        }

        #finish() {
            this.#tasks -= 1;
            this.#leave();
        }

        #leave() {
            if (this.#tasks === 0 && this.#state === "closed") {
                mapDelete(streams, this.#number);
            }
        }

        #fail(reason) {
            this.#state = "closed";
            this.#forget();
            this.opened.reject(reason);
            this.closed.reject(reason);
        }

        close(closeCode, reason) {
            native.closeStream(this.#handle, closeCode, reason);
            if (this.#state === "connecting") {
                this.#fail(errorOf("Closed before the connection was open", null, ""));
            }
        }

        // As the streams close it: only an error of our own kind says with which code.
        #closeBecause(reason) {
            if (this.#state === "open") {
                const isOurs = host.is(WebSocketError, reason);
                // A code that came from a peer may be one that must not be sent.
                try {
                    native.closeStream(this.#handle, isOurs ? codeOf(reason) ?? undefined : undefined,
                        isOurs ? reasonOf(reason) : "");
                } catch {
                    native.closeStream(this.#handle, undefined, "");
                }
            }
        }

        // ---- What the native side tells ----

        whenOpened(extensions, protocol) {
            if (this.#state !== "connecting") {
                return;
            }
            this.#state = "open";
            this.#forget();
            this.#readable = createReadable({
                highWaterMark: 1,
                pull: () => {
                    this.#read = deferred();
                    this.#begin();
                    native.readStream(this.#handle);
                    return this.#read.promise;
                },
                cancel: (reason) => {
                    this.#readable = undefined;
                    this.#closeBecause(reason);
                },
            });
            this.#writable = createWritable({
                highWaterMark: 1,
                write: (chunk) => this.#writeChunk(chunk),
                close: () => {
                    this.#closeBecause();
                    return then(this.closed.promise, nothing);
                },
                abort: (reason) => this.#closeBecause(reason),
            });
            this.opened.resolve({
                extensions, protocol, readable: this.#readable.stream, writable: this.#writable.stream,
            });
        }

        whenFailed(message) {
            if (this.#state === "connecting") {
                this.#fail(errorOf(message, null, ""));
            }
            this.#leave();
        }

        whenMessage(data) {
            this.#finish();
            if (this.#readable !== undefined) {
                this.#readable.enqueue(typeof data === "string" ? data : new Uint8Array(data));
            }
            this.#read.resolve();
        }

        // There is nothing more to read; whether that is an end or an error, the end of the connection tells.
        whenEnd() {
            this.#finish();
            const { promise } = this.closed;
            const close = () => {
                this.#readable?.close();
                this.#readable = undefined;
            };
            then(promise, close, nothing);
            then(promise, this.#read.resolve, this.#read.resolve);
        }

        whenWritten(isWritten) {
            const { resolve, reject } = this.#write;
            this.#isWriting = false;
            this.#finish();
            if (isWritten) {
                resolve();
            } else {
                // The stream is in error by then, with an error that says why.
                then(this.#ended.promise, reject);
            }
        }

        whenClosed(wasClean, code, reason, message) {
            this.#state = "closed";
            this.#leave();
            if (this.#writable === undefined) {
                // It opened after all when it had been given up; nobody was told.
                return;
            }
            if (wasClean && this.#isWriting) {
                // The connection ended before it had taken the chunk.
                wasClean = false;
                message = "Not all that was written could be sent";
            }
            const error = wasClean ? undefined : errorOf(message, code, reason);
            // Where the closing handshake was made, only writing is over too early.
            const writeError = code === 1006
                ? error
                : new DOMException("The connection is closed", "InvalidStateError");
            this.#ended.resolve(writeError);
            this.#writable.error(writeError);
            if (wasClean) {
                this.closed.resolve({ closeCode: code, reason });
            } else {
                this.#readable?.error(error);
                this.#readable = undefined;
                this.closed.reject(error);
            }
        }

        #writeChunk(chunk) {
            const context = "WebSocketStream: chunk";
            const data = host.isBufferSource(chunk)
                ? handOver(bytesOf(webidl.BufferSource(chunk, context)))
                : webidl.USVString(chunk, context);
            this.#write = deferred();
            this.#isWriting = true;
            this.#begin();
            native.writeStream(this.#handle, data);
            return this.#write.promise;
        }
    }

    const readOptions = webidl.dictionary([
        ["protocols", webidl.sequence(webidl.USVString), { default: () => [] }],
        ["signal", webidl.interface(host.AbortSignal)],
    ]);

    class WebSocketStream {
        #connection;

        static {
            host.brand(WebSocketStream, (value) => #connection in value);
        }

        constructor(url, options = undefined) {
            webidl.arguments(arguments.length, 1, "WebSocketStream");
            url = webidl.USVString(url, "WebSocketStream: url");
            const { protocols, signal } = readOptions(options, "WebSocketStream: options");
            this.#connection = new Connection(url, protocols, signal);
        }

        get url() {
            return this.#connection.url;
        }

        get opened() {
            return this.#connection.opened.promise;
        }

        get closed() {
            return this.#connection.closed.promise;
        }

        close(closeInfo = undefined) {
            const connection = this.#connection;
            const { closeCode, reason } = readCloseInfo(closeInfo, "WebSocketStream.close: closeInfo");
            connection.close(closeCode, reason);
        }
    }

    host.expose(WebSocketStream);

    const events = {
        __proto__: null,
        opened: (stream, extensions, protocol) => stream.whenOpened(extensions, protocol),
        failed: (stream, message) => stream.whenFailed(message),
        message: (stream, data) => stream.whenMessage(data),
        end: (stream) => stream.whenEnd(),
        written: (stream, isWritten) => stream.whenWritten(isWritten),
        closed: (stream, wasClean, code, reason, message) => stream.whenClosed(wasClean, code, reason, message),
    };

    native.register("stream", (number, event, first, second, third, fourth) => {
        const stream = mapGet(streams, number);
        if (stream !== undefined) {
            events[event](stream, first, second, third, fourth);
        }
    });
})
