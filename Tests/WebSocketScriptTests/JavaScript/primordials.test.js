// A page may replace every built-in there is. The interfaces must go on as they are, and use none of what was replaced:
// in these checks, everything that a look-up could find tells of it.
(function (global) {
    "use strict";

    const server = duplex.arguments[0];
    const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor, ownKeys } = Reflect;
    const { getPrototypeOf, setPrototypeOf } = Object;
    const PagePromise = Promise;
    const promiseThen = Promise.prototype.then;
    const { setTimeout, clearTimeout, queueMicrotask } = global;

    const iterator = Symbol.iterator;
    const TypedArray = getPrototypeOf(Uint8Array);
    const classes = [
        "Object", "Function", "Array", "String", "Number", "Boolean", "Symbol", "BigInt", "Map", "Set", "WeakMap",
        "WeakSet", "WeakRef", "Promise", "RegExp", "Date", "Error", "TypeError", "RangeError", "ArrayBuffer", "DataView",
        "Uint8Array", "Uint16Array", "FinalizationRegistry",
        // Ours: what a page does to one of them is nothing to the others.
        "EventTarget", "Event", "MessageEvent", "CloseEvent", "AbortSignal", "AbortController", "DOMException",
        "ReadableStream", "ReadableStreamDefaultReader", "ReadableByteStreamController", "WritableStream",
        "URLSearchParams", "WebSocketError",
    ];
    const functions = ["setTimeout", "queueMicrotask", "clearTimeout"];
    const iterators = [[][Symbol.iterator](), new Map().entries(), new Set().values(), ""[Symbol.iterator]()];

    // What our own scripts might look for in an object that lacks it.
    const lacking = [
        "get", "set", "value", "writable", "enumerable", "configurable", "data", "origin", "source", "ports",
        "lastEventId", "bubbles", "cancelable", "composed", "code", "reason", "wasClean", "closeCode", "protocols",
        "endings", "type", "highWaterMark", "size", "start", "pull", "cancel", "write", "close", "abort", "mode", "min",
        "preventCancel", "default", "required", "clamp", "enforceRange", "done", "next", "return", "removed",
        "handler", "listener", "once", "passive", "signal", "capture", "forget", "0", "1", "2",
    ];

    let seen;
    let changes;

    const note = (name) => {
        seen[seen.length] = name;
    };

    // What is to be put in the place of every property of an object.
    function watched(object, name, skipped) {
        return ownKeys(object).map((key) => {
            const label = `${name}.${String(key)}`;
            const before = getOwnPropertyDescriptor(object, key);
            if (!before.configurable || skipped.includes(key)) {
                return [];
            }
            setPrototypeOf(before, null);
            return {
                object, key, before,
                after: {
                    __proto__: null,
                    get() {
                        note(label);
                        return "value" in before ? before.value
                            : before.get === undefined ? undefined : apply(before.get, this, []);
                    },
                    set(value) {
                        note(label);
                        if (before.set !== undefined) {
                            apply(before.set, this, [value]);
                        }
                    },
                    configurable: true,
                    enumerable: before.enumerable,
                },
            };
        }).flat();
    }

    const missed = (object, key) => ({
        object, key, before: getOwnPropertyDescriptor(object, key),
        after: {
            __proto__: null,
            get() {
                note(`lacking ${key}`);
                return undefined;
            },
            set(value) {
                note(`set ${key}`);
                defineProperty(this, key, {
                    __proto__: null, value, writable: true, enumerable: true, configurable: true,
                });
            },
            configurable: true,
        },
    });

    function begin(spared) {
        // The engine looks there itself when an error is made.
        const skipped = ["length", "name", "stackTraceLimit", "prototype", "__proto__"];
        const names = [...classes, ...functions, "Math", "Reflect", "JSON"].filter((name) => !spared.includes(name));
        const all = names.map((name) => [
            ...watched(global[name], name, skipped),
            ...(global[name].prototype === undefined
                ? [] : watched(global[name].prototype, `${name}.prototype`, skipped)),
        ]);
        all.push(watched(TypedArray, "TypedArray", skipped));
        all.push(watched(TypedArray.prototype, "TypedArray.prototype", skipped));
        all.push(...iterators.map((one) => watched(getPrototypeOf(one), "iterator", [])));
        all.push(lacking.map((key) => missed(key <= "9" ? Array.prototype : Object.prototype, key)));
        const globals = watched(global, "global", ownKeys(global).filter((name) => !names.includes(name)));
        const plan = setPrototypeOf([...all, globals].flat(), null);
        seen = setPrototypeOf([], null);
        changes = setPrototypeOf([], null);
        // From here on, without any built-in.
        for (let index = 0; index < plan.length; index += 1) {
            const { object, key, after } = plan[index];
            if (defineProperty(object, key, after)) {
                changes[changes.length] = plan[index];
            }
        }
    }

    function end() {
        for (let index = changes.length - 1; index >= 0; index -= 1) {
            const { object, key, before } = changes[index];
            if (before === undefined) {
                deleteProperty(object, key);
            } else {
                defineProperty(object, key, before);
            }
        }
    }

    // As a page looks at a promise without being seen by itself.
    function settled(promise, fulfilled, rejected) {
        defineProperty(promise, "constructor", { __proto__: null, value: undefined, configurable: true });
        apply(promiseThen, promise, [fulfilled, rejected]);
        deleteProperty(promise, "constructor");
    }

    // Runs `act` in a world where all is watched; it calls what it is given once it is done, with what it found out.
    const hostile = (name, act, spared = []) => check(name, async () => {
        // Whoever called this waits for it by now.
        await null;
        let tell;
        const done = new PagePromise((resolve) => {
            tell = resolve;
        });
        let result;
        let isOver = false;
        const finish = (value) => {
            if (!isOver) {
                isOver = true;
                end();
                result = value;
                tell();
            }
        };
        const limit = setTimeout(() => finish("took too long"), 20000);
        queueMicrotask(() => {
            begin(spared);
            try {
                act(finish);
            } catch (error) {
                finish(error);
            }
        });
        await done;
        clearTimeout(limit);
        if (result instanceof Error) {
            throw result;
        }
        same(result, "done");
        same([...new Set(setPrototypeOf(seen, Array.prototype))], [], "what the page saw");
    });

    // Each step is written without any built-in.
    const expect = (isTrue, what) => {
        if (!isTrue) {
            throw `should be: ${what}`;
        }
    };

    const {
        WebSocket, WebSocketStream, EventTarget, Event, MessageEvent, CloseEvent, CustomEvent, AbortController,
        AbortSignal, Blob, URL, URLSearchParams, TextEncoder, TextDecoder,
    } = global;
    const bytes = new Uint8Array([1, 2, 3]);
    const large = new Uint8Array(100000);
    const protocols = ["chat"];
    const getReader = ReadableStream.prototype.getReader;
    const { read } = ReadableStreamDefaultReader.prototype;
    const { getWriter } = WritableStream.prototype;
    const { write } = WritableStreamDefaultWriter.prototype;
    const { addEventListener, removeEventListener, dispatchEvent } = EventTarget.prototype;
    const { abort } = AbortController.prototype;
    const signalOf = getOwnPropertyDescriptor(AbortController.prototype, "signal").get;
    const dataOf = getOwnPropertyDescriptor(MessageEvent.prototype, "data").get;
    const codeOf = getOwnPropertyDescriptor(CloseEvent.prototype, "code").get;
    const lengthOf = getOwnPropertyDescriptor(TypedArray.prototype, "length").get;

    hostile("EventTarget uses nothing that a page can replace", (finish) => {
        const target = new EventTarget();
        const other = new EventTarget();
        let text = "";
        const first = () => {
            text += "1";
        };
        apply(addEventListener, target, ["x", first]);
        apply(addEventListener, target, ["x", { __proto__: null, handleEvent() {
            text += "2";
        } }]);
        apply(addEventListener, target, ["x", () => {
            text += "3";
        }, { __proto__: null, once: true }]);
        const controller = new AbortController();
        apply(addEventListener, target, ["x", () => {
            text += "4";
        }, { __proto__: null, signal: apply(signalOf, controller, []) }]);
        apply(addEventListener, other, ["y", first, true]);
        apply(dispatchEvent, target, [new Event("x")]);
        apply(removeEventListener, target, ["x", first]);
        apply(abort, controller, []);
        apply(dispatchEvent, target, [new CustomEvent("x", { __proto__: null, detail: 1 })]);
        expect(text === "12342", "the listeners' order");
        finish("done");
    });

    hostile("so do AbortSignal.any and AbortSignal.timeout", (finish) => {
        const controller = new AbortController();
        const signal = apply(signalOf, controller, []);
        const any = getAny([signal, getTimeout(1)]);
        let aborted = 0;
        apply(addEventListener, any, ["abort", () => {
            aborted += 1;
        }]);
        apply(abort, controller, [7]);
        expect(aborted === 1, "the signal made of others is aborted");
        apply(addEventListener, getTimeout(1), ["abort", () => finish("done")]);
    });
    const { any: anyOf, timeout: timeoutOf } = AbortSignal;
    const getAny = (signals) => apply(anyOf, AbortSignal, [{ __proto__: null, [iterator]: listOf(signals) }]);
    const getTimeout = (time) => apply(timeoutOf, AbortSignal, [time]);
    const listOf = (items) => () => {
        let index = 0;
        return {
            __proto__: null,
            next() {
                index += 1;
                return index > items.length
                    ? { __proto__: null, done: true } : { __proto__: null, done: false, value: items[index - 1] };
            },
        };
    };

    hostile("so does Blob", (finish) => {
        const blob = new Blob({ __proto__: null, [iterator]: listOf([bytes, "é\r\n\r", new Blob()]) }, {
            __proto__: null, endings: "native", type: "Text/Plain",
        });
        expect(blob.size === 7 && blob.type === "text/plain", "the blob's size and type");
        const part = blob.slice(3, 5);
        settled(part.text(), (text) => {
            const reader = apply(getReader, blob.stream(), []);
            settled(apply(read, reader, []), (result) => settled(blob.arrayBuffer(), () => settled(blob.bytes(), (all) => {
                const isRight = text === "é" && apply(lengthOf, result.value, []) === 7
                    && apply(lengthOf, all, []) === 7;
                finish(isRight ? "done" : "not the blob's bytes");
            })), finish);
        }, finish);
    });

    hostile("so do URL, URLSearchParams, TextEncoder and TextDecoder", (finish) => {
        const url = new URL("?a=1&b=2&a=3#x", "http://example.org/path");
        url.port = "8080";
        const params = url.searchParams;
        params.append("c", "é");
        params.delete("b");
        params.set("a", "4");
        params.sort();
        expect(url.href === "http://example.org:8080/path?a=4&c=%C3%A9#x", "the URL");
        expect(params.get("a") === "4" && params.has("c") && params.get("z") === null, "its parameters");
        expect(params.getAll("a").length === 1, "all parameters of a name");
        const copy = new URLSearchParams({ __proto__: null, k: "v", w: "x" });
        expect(copy.toString() === "k=v&w=x", "parameters of a record");
        expect(URL.canParse("http://x/") && URL.parse("nothing") === null, "what can be parsed");
        const encoded = new TextEncoder().encode("é\u{1f600}x");
        expect(new TextDecoder(" UTF-8\n").decode(encoded) === "é\u{1f600}x", "the text");
        finish("done");
    }, ["URLSearchParams"]);

    hostile("so does WebSocket, from its opening to its end", (finish) => {
        const socket = new WebSocket(`${server}/echo`, { __proto__: null, [iterator]: listOf(protocols) });
        let came = 0;
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
            socket.send("text");
            socket.send(bytes);
            socket.send(large);
            socket.send(blobOfBytes);
            expect(socket.bufferedAmount === 100010, "bufferedAmount");
        };
        apply(addEventListener, socket, ["message", (event) => {
            came += 1;
            if (came === 1) {
                expect(apply(dataOf, event, []) === "text", "the text");
            } else if (came === 4) {
                socket.binaryType = "blob";
                socket.send(bytes);
            } else if (came === 5) {
                expect(apply(dataOf, event, []).size === 3, "a blob");
                socket.close(4000, "done");
            }
        }]);
        socket.onerror = () => finish("failed");
        socket.onclose = (event) => {
            const isRight = apply(codeOf, event, []) === 4000 && socket.readyState === 3 && socket.protocol === "chat";
            finish(isRight ? "done" : "not the code");
        };
    });
    const blobOfBytes = new Blob([bytes]);

    hostile("so does a WebSocket that does not open", (finish) => {
        const socket = new WebSocket(`${server}/nowhere`);
        let isFailed = false;
        socket.onerror = () => {
            isFailed = true;
        };
        socket.onclose = (event) => finish(isFailed && apply(codeOf, event, []) === 1006 ? "done" : "no error");
    });

    hostile("so does WebSocketStream, with a signal, and with its streams", (finish) => {
        const controller = new AbortController();
        const stream = new WebSocketStream(`${server}/echo`, {
            __proto__: null, signal: apply(signalOf, controller, []),
        });
        settled(stream.opened, ({ readable, writable }) => {
            apply(abort, controller, []);
            const reader = apply(getReader, readable, []);
            const writer = apply(getWriter, writable, []);
            apply(write, writer, ["one"]);
            settled(apply(read, reader, []), ({ value }) => {
                expect(value === "one", "the message");
                apply(write, writer, [bytes]);
                settled(apply(read, reader, []), (second) => {
                    expect(apply(lengthOf, second.value, []) === 3, "the bytes");
                    stream.close({ __proto__: null, closeCode: 4001, reason: "enough" });
                    settled(stream.closed, (info) => finish(info.closeCode === 4001 ? "done" : "not the code"), finish);
                }, finish);
            }, finish);
        }, finish);
    });

    hostile("so does a WebSocketStream that is given up, or fails", (finish) => {
        const controller = new AbortController();
        const stream = new WebSocketStream(`${server}/echo`, {
            __proto__: null, signal: apply(signalOf, controller, []),
        });
        settled(stream.opened, () => finish("opened"), (reason) => {
            expect(reason === "reason", "the reason");
            const failing = new WebSocketStream(`${server}/nowhere`);
            settled(failing.closed, () => finish("closed"), () => finish("done"));
        });
        apply(abort, controller, ["reason"]);
    });
})(globalThis);
