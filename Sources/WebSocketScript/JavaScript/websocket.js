// WebSocket (WebSockets 3).
//
// Uses of `host.native`: openSocket, sendText, sendBytes, closeSocket, readyState, bufferedAmount,
// socketProtocol, socketExtensions, setHeard, register.
(function (host) {
    "use strict";

    const { webidl, native, isObject, bytesOf, handOver, MessageEvent, CloseEvent, Event } = host;
    const deref = host.uncurry(WeakRef.prototype.deref);

    const CONNECTING = 0;
    const OPEN = 1;
    const CLOSING = 2;
    const CLOSED = 3;

    // WebSockets 7: which listeners keep a socket alive, by its state.
    const listenersThatCount = [
        ["open", "message", "error", "close"],
        ["message", "error", "close"],
        ["error", "close"],
        [],
    ];

    // All that are not closed, by number, as far as they are still there.
    const sockets = new Map();
    // Those that have to be there because a listener may be called yet.
    const heard = new Set();
    let count = 0;
    let internals;

    const readProtocolList = webidl.sequence(webidl.DOMString);

    // Web IDL 3.2.24: whatever is iterable and an object is the list.
    function readProtocols(value) {
        const context = "WebSocket: protocols";
        if (value === undefined) {
            return [];
        }
        const method = isObject(value) ? value[Symbol.iterator] : undefined;
        const isList = method !== undefined && method !== null;
        return isList ? readProtocolList(value, context) : [webidl.DOMString(value, context)];
    }

    function updateHeard(socket) {
        const state = internals.state(socket);
        const isHeard = listenersThatCount[state].some((type) => host.hasListener(socket, type));
        if (isHeard !== heard.has(socket)) {
            heard[isHeard ? "add" : "delete"](socket);
            native.setHeard(heard.size);
        }
    }

    class WebSocket extends host.EventTarget {
        #handle;
        #url;
        #origin;
        #binaryType = "blob";

        static {
            host.brand(WebSocket, (value) => #handle in value);
            internals = {
                state: (socket) => native.readyState(socket.#handle),
                origin: (socket) => socket.#origin,
                // File API: a blob is made of the buffer as it is.
                binary: (socket, buffer) =>
                    (socket.#binaryType === "blob" ? host.createBlob(new Uint8Array(buffer)) : buffer),
            };
        }

        constructor(url, protocols = []) {
            webidl.arguments(arguments.length, 1, "WebSocket");
            url = webidl.USVString(url, "WebSocket: url");
            protocols = readProtocols(protocols);
            super();
            count += 1;
            [this.#handle, this.#url, this.#origin] = native.openSocket(count, url, protocols);
            sockets.set(count, new WeakRef(this));
        }

        get url() {
            return this.#url;
        }

        get readyState() {
            return native.readyState(this.#handle);
        }

        get bufferedAmount() {
            return native.bufferedAmount(this.#handle);
        }

        get extensions() {
            return native.socketExtensions(this.#handle);
        }

        get protocol() {
            return native.socketProtocol(this.#handle);
        }

        close(code = undefined, reason = undefined) {
            const handle = this.#handle;
            if (code !== undefined) {
                code = webidl.unsignedShort(code, "WebSocket.close: code", { clamp: true });
            }
            if (reason !== undefined) {
                reason = webidl.USVString(reason, "WebSocket.close: reason");
            }
            native.closeSocket(handle, code, reason);
            updateHeard(this);
        }

        get binaryType() {
            return this.#binaryType;
        }

        // Web IDL 3.7.6: an attribute whose type is an enumeration ignores what is none of its values.
        set binaryType(value) {
            void this.#handle;
            webidl.arguments(arguments.length, 1, "WebSocket.binaryType");
            const text = webidl.DOMString(value, "WebSocket.binaryType");
            if (text === "blob" || text === "arraybuffer") {
                this.#binaryType = text;
            }
        }

        send(data) {
            const handle = this.#handle;
            webidl.arguments(arguments.length, 1, "WebSocket.send");
            if (host.isBufferSource(data)) {
                const bytes = bytesOf(webidl.BufferSource(data, "WebSocket.send: data"));
                native.sendBytes(handle, handOver(bytes));
            } else if (host.is(host.Blob, data)) {
                native.sendBytes(handle, handOver(host.blobBytes(data)));
            } else {
                native.sendText(handle, webidl.USVString(data, "WebSocket.send: data"));
            }
        }
    }

    host.constants(WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED });
    for (const type of ["open", "error", "close", "message"]) {
        host.handlerAttribute(WebSocket, type);
    }
    Reflect.defineProperty(WebSocket.prototype, host.listenersChanged, {
        value() {
            updateHeard(this);
        },
    });
    host.expose(WebSocket);

    // Each answers whether there are listeners yet to be called.
    const fire = (socket, Class, type, init, then = () => updateHeard(socket)) =>
        host.dispatchAsTask(socket, host.createEvent(Class, type, init), then);

    const events = {
        open: (socket) => fire(socket, Event, "open"),

        message(socket, data) {
            if (typeof data !== "string") {
                data = internals.binary(socket, data);
            }
            return fire(socket, MessageEvent, "message", { data, origin: internals.origin(socket) });
        },

        close(socket, code, reason, wasClean, failed) {
            const close = () => fire(socket, CloseEvent, "close", { code, reason, wasClean });
            return failed ? fire(socket, Event, "error", undefined, close) : close();
        },
    };

    native.register("socket", (number, event, ...details) => {
        const reference = sockets.get(number);
        const socket = reference && deref(reference);
        if (event === "close") {
            sockets.delete(number);
        }
        return socket !== undefined && events[event](socket, ...details);
    });
})
