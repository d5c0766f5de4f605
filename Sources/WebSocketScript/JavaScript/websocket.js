// WebSocket (WebSockets 3).
//
// Uses of `host.native`: openSocket, sendText, sendBytes, closeSocket, readyState, bufferedAmount,
// socketProtocol, socketExtensions, setHeard, register.
(function (host) {
    "use strict";

    const { webidl, native, isObject, bytesOf, handOver, MessageEvent, CloseEvent, Event } = host;
    const {
        Map, Set, Uint8Array, WeakRef, deref, iteratorSymbol, mapDelete, mapGet, mapSet, setAdd, setDelete, setHas,
        setSize,
    } = host.primordials;

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
        const method = isObject(value) ? value[iteratorSymbol] : undefined;
        const isList = method !== undefined && method !== null;
        return isList ? readProtocolList(value, context, method) : [webidl.DOMString(value, context)];
    }

    function updateHeard(socket) {
        const types = listenersThatCount[internals.state(socket)];
        let isHeard = false;
        for (let index = 0; index < types.length && !isHeard; index += 1) {
            isHeard = host.hasListener(socket, types[index]);
        }
        if (isHeard !== setHas(heard, socket)) {
            (isHeard ? setAdd : setDelete)(heard, socket);
            native.setHeard(setSize(heard));
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

        constructor(url, protocols = undefined) {
            webidl.arguments(arguments.length, 1, "WebSocket");
            url = webidl.USVString(url, "WebSocket: url");
            protocols = readProtocols(protocols);
            super();
            count += 1;
            const opened = native.openSocket(count, url, protocols);
            this.#handle = opened[0];
            this.#url = opened[1];
            this.#origin = opened[2];
            mapSet(sockets, count, new WeakRef(this));
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
                code = webidl.unsignedShort(code, "WebSocket.close: code", "clamp");
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
    host.onListenersChanged(WebSocket, updateHeard);
    host.expose(WebSocket);

    // Each answers whether there are listeners yet to be called.
    const fire = (socket, Class, type, init, then = () => updateHeard(socket)) =>
        host.dispatchAsTask(socket, host.createEvent(Class, type, init), then);

    const events = {
        __proto__: null,

        open: (socket) => fire(socket, Event, "open"),

        message(socket, data) {
            if (typeof data !== "string") {
                data = internals.binary(socket, data);
            }
            return fire(socket, MessageEvent, "message", {
                __proto__: null, data, origin: internals.origin(socket),
            });
        },

        close(socket, code, reason, wasClean, failed) {
            const close = () => fire(socket, CloseEvent, "close", { __proto__: null, code, reason, wasClean });
            return failed ? fire(socket, Event, "error", undefined, close) : close();
        },
    };

    // The most details are those of the close: code, reason, wasClean, failed.
    native.register("socket", (number, event, first, second, third, fourth) => {
        const reference = mapGet(sockets, number);
        const socket = reference && deref(reference);
        if (event === "close") {
            mapDelete(sockets, number);
        }
        return socket !== undefined && events[event](socket, first, second, third, fourth);
    });
})
