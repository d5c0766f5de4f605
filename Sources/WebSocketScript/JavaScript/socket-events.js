// The events that a socket fires and those beside them: MessageEvent and ErrorEvent (HTML 9.1 and 8.1.4.6),
// CloseEvent (WebSockets 6).
//
// Adds to `host`: MessageEvent, CloseEvent, ErrorEvent.
(function (host) {
    "use strict";

    const { webidl, Event } = host;
    const { freeze } = Object;
    const { TypeError } = host.primordials;
    const { DOMString, USVString, any } = webidl;

    // Message ports exist only where an application's own context has them.
    const isOf = (name, value) => {
        const Class = host.global[name];
        return typeof Class === "function" && value instanceof Class;
    };

    function port(value, context = "value") {
        if (!isOf("MessagePort", value)) {
            throw new TypeError(`${context} must be a MessagePort`);
        }
        return value;
    }

    // MessageEventSource: a window, a MessagePort or a ServiceWorker.
    function source(value, context = "value") {
        if (value !== host.global && !isOf("MessagePort", value) && !isOf("ServiceWorker", value)) {
            throw new TypeError(`${context} must be a window, a MessagePort or a ServiceWorker`);
        }
        return value;
    }

    const ports = webidl.sequence(port);
    const nullableSource = webidl.nullable(source);
    const noPorts = () => [];

    const readMessageInit = webidl.dictionary([
        ["data", any, { default: null }],
        ["origin", USVString, { default: "" }],
        ["lastEventId", DOMString, { default: "" }],
        ["source", nullableSource, { default: null }],
        ["ports", ports, { default: noPorts }],
    ]);

    class MessageEvent extends Event {
        #message;

        static {
            host.brand(MessageEvent, (value) => #message in value);
        }

        constructor(type, eventInitDict = undefined) {
            webidl.arguments(arguments.length, 1, "MessageEvent");
            super(type, eventInitDict);
            const init = readMessageInit(eventInitDict, "MessageEvent: eventInitDict");
            freeze(init.ports);
            this.#message = init;
        }

        get data() {
            return this.#message.data;
        }

        get origin() {
            return this.#message.origin;
        }

        get lastEventId() {
            return this.#message.lastEventId;
        }

        get source() {
            return this.#message.source;
        }

        get ports() {
            return this.#message.ports;
        }

        initMessageEvent(
            type, bubbles = false, cancelable = false, data = null, origin = "", lastEventId = "",
            eventSource = null, messagePorts = [],
        ) {
            const context = "MessageEvent.initMessageEvent";
            void this.#message;
            webidl.arguments(arguments.length, 1, context);
            type = DOMString(type, `${context}: type`);
            const message = {
                data,
                origin: USVString(origin, `${context}: origin`),
                lastEventId: DOMString(lastEventId, `${context}: lastEventId`),
                source: nullableSource(eventSource, `${context}: source`),
                ports: freeze(ports(messagePorts, `${context}: ports`)),
            };
            if (host.initializeEvent(this, type, !!bubbles, !!cancelable)) {
                this.#message = message;
            }
        }
    }

    host.expose(MessageEvent);

    const readCloseInit = webidl.dictionary([
        ["wasClean", webidl.boolean, { default: false }],
        ["code", webidl.unsignedShort, { default: 0 }],
        ["reason", USVString, { default: "" }],
    ]);

    class CloseEvent extends Event {
        #close;

        static {
            host.brand(CloseEvent, (value) => #close in value);
        }

        constructor(type, eventInitDict = undefined) {
            webidl.arguments(arguments.length, 1, "CloseEvent");
            super(type, eventInitDict);
            this.#close = readCloseInit(eventInitDict, "CloseEvent: eventInitDict");
        }

        get wasClean() {
            return this.#close.wasClean;
        }

        get code() {
            return this.#close.code;
        }

        get reason() {
            return this.#close.reason;
        }
    }

    host.expose(CloseEvent);

    const readErrorInit = webidl.dictionary([
        ["message", DOMString, { default: "" }],
        ["filename", USVString, { default: "" }],
        ["lineno", webidl.unsignedLong, { default: 0 }],
        ["colno", webidl.unsignedLong, { default: 0 }],
        ["error", any],
    ]);

    class ErrorEvent extends Event {
        #error;

        static {
            host.brand(ErrorEvent, (value) => #error in value);
        }

        constructor(type, eventInitDict = undefined) {
            webidl.arguments(arguments.length, 1, "ErrorEvent");
            super(type, eventInitDict);
            this.#error = readErrorInit(eventInitDict, "ErrorEvent: eventInitDict");
        }

        get message() {
            return this.#error.message;
        }

        get filename() {
            return this.#error.filename;
        }

        get lineno() {
            return this.#error.lineno;
        }

        get colno() {
            return this.#error.colno;
        }

        get error() {
            return this.#error.error;
        }
    }

    host.expose(ErrorEvent);
})
