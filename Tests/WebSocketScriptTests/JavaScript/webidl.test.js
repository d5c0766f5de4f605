// How interfaces look, how arguments are converted, and DOMException.
(function () {
    "use strict";

    const describe = Object.getOwnPropertyDescriptor;
    const interfaces = [
        "DOMException", "Event", "CustomEvent", "EventTarget", "AbortController", "AbortSignal",
        "MessageEvent", "CloseEvent", "ErrorEvent", "TextEncoder", "TextDecoder", "Blob",
    ];

    for (const name of interfaces) {
        check(`${name} is a global that a loop over the global object does not meet`, () => {
            const { value, ...flags } = describe(globalThis, name);
            same(flags, { writable: true, enumerable: false, configurable: true });
            same(value.name, name, "its name");
        });

        check(`${name}.prototype cannot be replaced and names its class`, () => {
            const Class = globalThis[name];
            same(describe(Class, "prototype").writable, false, "writable");
            same(describe(Class.prototype, Symbol.toStringTag), {
                value: name, writable: false, enumerable: false, configurable: true,
            });
            same(describe(Class.prototype, "constructor").enumerable, false, "constructor.enumerable");
        });

        check(`the members of ${name} are enumerable and refuse objects of another kind`, () => {
            const { prototype } = globalThis[name];
            for (const key of Object.getOwnPropertyNames(prototype)) {
                const property = describe(prototype, key);
                if (key === "constructor" || property.writable === false) {
                    continue;
                }
                same(property.enumerable, true, `${key}.enumerable`);
                same(property.configurable, true, `${key}.configurable`);
                if (property.get) {
                    same(property.get.name, `get ${key}`, "name of the getter");
                    throws("TypeError", () => property.get.call({}));
                } else if (!["text", "arrayBuffer", "bytes"].includes(key)) {
                    throws("TypeError", () => property.value.call({}, "", "", ""));
                }
            }
        });

        check(`${name} needs new`, () => throws("TypeError", () => globalThis[name]("x")));
    }

    check("a method's length is the number of arguments it needs", () => {
        same(EventTarget.prototype.addEventListener.length, 2);
        same(EventTarget.prototype.dispatchEvent.length, 1);
        same(Event.length, 1);
        same(Event.prototype.initEvent.length, 1);
        same(MessageEvent.prototype.initMessageEvent.length, 1);
        same(AbortSignal.any.length, 1);
        same(AbortSignal.abort.length, 0);
        same(AbortController.prototype.abort.length, 0);
        same(Blob.length, 0);
        same(Blob.prototype.slice.length, 0);
        same(TextEncoder.prototype.encodeInto.length, 2);
    });

    check("too few arguments are a TypeError that says how many there should be", () => {
        const error = throws("TypeError", () => new EventTarget().addEventListener("x"));
        same(error.message, "EventTarget.addEventListener needs 2 arguments, and got 1");
    });

    check("constants stand on the constructor and on the prototype, read-only", () => {
        const values = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 };
        for (const holder of [Event, Event.prototype]) {
            for (const [name, value] of Object.entries(values)) {
                const property = { value, writable: false, enumerable: true, configurable: false };
                same(describe(holder, name), property, name);
            }
        }
    });

    check("a string has no symbol for it, and objects say what string they are", () => {
        throws("TypeError", () => new Event(Symbol("x")));
        same(new Event({ toString: () => "made" }).type, "made");
        same(new Event(undefined).type, "undefined");
        same(new Event(null).type, "null");
    });

    check("lone surrogates become U+FFFD where the type is USVString", () => {
        same(new CloseEvent("x", { reason: "a\ud800b\udc00" }).reason, "a\ufffdb\ufffd");
        same(new Event("a\ud800").type, "a\ud800", "a DOMString keeps them");
    });

    check("an unsigned short wraps around", () => {
        const code = (value) => new CloseEvent("x", { code: value }).code;
        same(code(65536 + 1000), 1000);
        same(code(-1), 65535);
        same(code(1000.9), 1000);
        same(code("12"), 12);
        same(code(NaN), 0);
        same(code(Infinity), 0);
        same(code(-0), 0);
        throws("TypeError", () => code(1n));
        throws("TypeError", () => code(Symbol("x")));
    });

    check("an unsigned long wraps around", () => {
        const line = (value) => new ErrorEvent("x", { lineno: value }).lineno;
        same(line(2 ** 32 + 5), 5);
        same(line(-1), 2 ** 32 - 1);
        same(line(2 ** 60 + 2 ** 40), 0);
    });

    check("a dictionary is an object, undefined or null, and is read in the order of the names", () => {
        const order = [];
        const init = new Proxy({}, {
            get(_, key) {
                order.push(key);
            },
        });
        new CloseEvent("x", init);
        same(order, ["bubbles", "cancelable", "composed", "code", "reason", "wasClean"]);
        same(new CloseEvent("x", null).code, 0);
        throws("TypeError", () => new Event("x", 1));
        throws("TypeError", () => new Event("x", "text"));
    });

    check("a dictionary that is not given is not read from Object.prototype", () => {
        Object.prototype.bubbles = true;
        try {
            same(new Event("x").bubbles, false);
            same(new Event("x", null).bubbles, false);
            same(new Event("x", {}).bubbles, true, "what is inherited counts");
        } finally {
            delete Object.prototype.bubbles;
        }
    });

    check("what a getter of a dictionary throws comes through", () => {
        const mine = new RangeError("mine");
        const error = throws("RangeError", () => new Event("x", {
            get bubbles() {
                throw mine;
            },
        }));
        same(error, mine);
    });

    check("a DOMException is an error with a name, a message and a code", () => {
        const error = new DOMException("gone", "AbortError");
        same(error instanceof Error, true, "instanceof Error");
        same(Object.getPrototypeOf(DOMException.prototype), Error.prototype);
        same(Object.getPrototypeOf(DOMException), Function.prototype);
        same([error.name, error.message, error.code], ["AbortError", "gone", 20]);
        same(String(error), "AbortError: gone");
        same(Object.prototype.toString.call(error), "[object DOMException]");
        same(typeof error.stack, "string", "typeof stack");
        same(Object.hasOwn(error, "name") || Object.hasOwn(error, "message"), false, "own name or message");
    });

    check("a DOMException without arguments is called Error and says nothing", () => {
        const error = new DOMException();
        same([error.name, error.message, error.code], ["Error", "", 0]);
        same(new DOMException("x", "NotAllowedError").code, 0, "code of a newer name");
        same(new DOMException(undefined, undefined).name, "Error");
    });

    check("a DOMException can be derived from", () => {
        class Mine extends DOMException {
            #extra = 1;

            get extra() {
                return this.#extra;
            }
        }
        const error = new Mine("x", "DataCloneError");
        same(error instanceof Mine && error instanceof DOMException, true);
        same([error.code, error.extra], [25, 1]);
    });

    check("the legacy constants of DOMException", () => {
        same(DOMException.INDEX_SIZE_ERR, 1);
        same(DOMException.prototype.INVALID_STATE_ERR, 11);
        same(DOMException.SYNTAX_ERR, 12);
        same(DOMException.DATA_CLONE_ERR, 25);
        same(Object.keys(DOMException).length, 25);
    });
})();
