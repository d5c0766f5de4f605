// WebSocket, against the server of the tests.
(function () {
    "use strict";

    const server = duplex.arguments[0];
    const once = (target, type) => new Promise((resolve) => {
        target.addEventListener(type, resolve, { once: true });
    });

    async function open(path = "/echo", protocols = undefined) {
        const socket = new WebSocket(server + path, protocols);
        await once(socket, "open");
        return socket;
    }

    async function closed(socket) {
        const event = once(socket, "close");
        socket.close();
        return event;
    }

    async function echo(data, binaryType = "arraybuffer") {
        const socket = await open();
        socket.binaryType = binaryType;
        socket.send(data);
        const event = await once(socket, "message");
        await closed(socket);
        return event.data;
    }

    check("the constructor wants new, a URL, and says what is wrong with it", () => {
        throws("TypeError", () => WebSocket(server));
        throws("TypeError", () => new WebSocket());
        throws("SyntaxError", () => new WebSocket("ftp://example.org"));
        throws("SyntaxError", () => new WebSocket("ws://example.org/#fragment"));
        throws("SyntaxError", () => new WebSocket("ws://exa mple.org/"));
        throws("SyntaxError", () => new WebSocket(server, "two words"));
        throws("SyntaxError", () => new WebSocket(server, ""));
        throws("SyntaxError", () => new WebSocket(server, ["one", "one"]));
        throws("SyntaxError", () => new WebSocket(server, null + " "));
        throws("TypeError", () => new WebSocket(server, Symbol.iterator));
        throws("TypeError", () => new WebSocket(server, [Symbol.iterator]));
        same(throws("SyntaxError", () => new WebSocket("x:")) instanceof DOMException, true);
    });

    check("its members look as Web IDL wants them", () => {
        same(WebSocket.length, 1);
        same(WebSocket.name, "WebSocket");
        same(WebSocket.prototype.send.length, 1);
        same(WebSocket.prototype.close.length, 0);
        same(Object.prototype.toString.call(WebSocket.prototype), "[object WebSocket]");
        same([WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED], [0, 1, 2, 3]);
        same(WebSocket.prototype.CLOSED, 3);
        same(Object.getPrototypeOf(WebSocket), EventTarget);
        for (const name of ["url", "readyState", "bufferedAmount", "onopen", "onmessage", "binaryType"]) {
            const property = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
            same([property.enumerable, property.configurable], [true, true], name);
            throws("TypeError", () => property.get.call({}));
        }
        same(Object.getOwnPropertyDescriptor(globalThis, "WebSocket").enumerable, false);
        throws("TypeError", () => WebSocket.prototype.send.call(new EventTarget(), ""));
        throws("TypeError", () => WebSocket.prototype.close.call({}));
    });

    check("a socket that was just made is connecting, and knows its URL", async () => {
        const socket = new WebSocket(`${server.replace("ws:", "http:")}/a/../echo?x=ü`);
        same(socket.url, `${server}/echo?x=%C3%BC`);
        same(socket.readyState, WebSocket.CONNECTING);
        same([socket.protocol, socket.extensions, socket.bufferedAmount], ["", "", 0]);
        same([socket.binaryType, socket.onopen], ["blob", null]);
        throws("InvalidStateError", () => socket.send("early"));
        throws("TypeError", () => socket.send());
        const events = [];
        for (const type of ["open", "error", "close"]) {
            socket.addEventListener(type, (event) => events.push(event));
        }
        socket.close();
        same(socket.readyState, WebSocket.CLOSING);
        same(events.length, 0, "nothing is fired at once");
        await once(socket, "close");
        same(events.map(({ type }) => type), ["error", "close"]);
        same(events[0].constructor, Event);
        same([events[1].code, events[1].reason, events[1].wasClean], [1006, "", false]);
        same(socket.readyState, WebSocket.CLOSED);
    });

    check("nothing of the server's answer is seen before the socket is open", async () => {
        const socket = new WebSocket(`${server}/echo`, "chat");
        // Long enough for the answer to be here, while no event can come.
        const until = performance.now() + 50;
        while (performance.now() < until) { /* the turn goes on */ }
        same([socket.readyState, socket.protocol, socket.extensions], [WebSocket.CONNECTING, "", ""]);
        await once(socket, "open");
        same([socket.readyState, socket.protocol], [WebSocket.OPEN, "chat"]);
        await closed(socket);
    });

    check("URLs can be relative to the page", async () => {
        const socket = new WebSocket("../echo");
        same(socket.url, `${server}/echo`);
        await once(socket, "open");
        await closed(socket);
    });

    check("the server sees the page's origin", async () => {
        const socket = new WebSocket("/request");
        const event = await once(socket, "message");
        same(event.data, `Origin: ${server.replace("ws:", "http:")}`);
        await closed(socket);
    });

    check("the open event comes once, trusted, and the subprotocol is the server's", async () => {
        const socket = new WebSocket(`${server}/echo`, ["none", "second"]);
        const event = await once(socket, "open");
        same([event.constructor, event.isTrusted], [Event, true]);
        same([event.bubbles, event.cancelable], [false, false]);
        same(event.target, socket);
        same(socket.readyState, WebSocket.OPEN);
        same(socket.protocol, "second");
        same(socket.extensions.startsWith("permessage-deflate"), true);
        await closed(socket);
    });

    check("a protocol may be a string, a list, or anything that becomes one of them", async () => {
        for (const protocols of ["chat", ["chat"], new Set(["chat"]), { toString: () => "chat" }]) {
            const socket = await open("/echo", protocols);
            same(socket.protocol, "chat");
            await closed(socket);
        }
    });

    check("text comes back as it went", async () => {
        for (const text of ["", "hola", "ünï\u0000cödé", "𝄞\u{10ffff}", "x".repeat(300000)]) {
            same(await echo(text), text);
        }
        same(await echo("a\ud800b"), "a\ufffdb");
        same(await echo(12.5), "12.5");
        same(await echo(null), "null");
        same(await echo({ toString: () => "object" }), "object");
    });

    check("a message event has the origin of the socket's URL", async () => {
        const socket = await open();
        socket.send("x");
        const event = await once(socket, "message");
        same([event.constructor, event.isTrusted, event.origin], [MessageEvent, true, server]);
        same([event.lastEventId, event.source, event.ports], ["", null, []]);
        await closed(socket);
    });

    check("buffers and views come back as their bytes", async () => {
        const bytes = Uint8Array.from({ length: 32 }, (_, index) => index);
        const is = async (data, expected) => same(new Uint8Array(await echo(data)), expected);
        await is(bytes.buffer, bytes);
        await is(bytes.subarray(3, 7), bytes.slice(3, 7));
        await is(new Uint16Array(bytes.buffer, 4, 2), bytes.slice(4, 8));
        await is(new DataView(bytes.buffer, 30), bytes.slice(30));
        await is(new Float64Array(0), new Uint8Array(0));
        await is(new Uint8Array(100000).fill(7), new Uint8Array(100000).fill(7));
        await is(new Uint8Array(65536).fill(8), new Uint8Array(65536).fill(8));
        await is(new Uint8Array(65537).fill(9), new Uint8Array(65537).fill(9));
    });

    check("what was sent stays the page's own", async () => {
        const socket = await open();
        socket.binaryType = "arraybuffer";
        const bytes = new Uint8Array(200000).fill(1);
        socket.send(bytes);
        bytes.fill(2);
        const moved = bytes.buffer.transfer();
        same([bytes.byteLength, moved.byteLength], [0, 200000]);
        const { data } = await once(socket, "message");
        same(new Uint8Array(data)[199999], 1);
        same(data.transfer().byteLength, 200000);
        await closed(socket);
    });

    check("blobs go and come", async () => {
        same(new Uint8Array(await echo(new Blob(["ab", new Uint8Array([1])]))), new Uint8Array([97, 98, 1]));
        const blob = await echo(new Uint8Array([104, 105]), "blob");
        same([blob.constructor, blob.size, blob.type], [Blob, 2, ""]);
        same(await blob.text(), "hi");
    });

    check("buffers that may change under the reader are refused", async () => {
        const socket = await open();
        throws("TypeError", () => socket.send(new ArrayBuffer(1, { maxByteLength: 2 })));
        throws("TypeError", () => socket.send(Symbol("x")));
        await closed(socket);
    });

    check("binaryType takes its two values and leaves the rest", async () => {
        const socket = await open();
        socket.binaryType = "arraybuffer";
        same(socket.binaryType, "arraybuffer");
        for (const value of ["other", "", null, 7, "Blob"]) {
            socket.binaryType = value;
            same(socket.binaryType, "arraybuffer");
        }
        throws("TypeError", () => { socket.binaryType = Symbol("x"); });
        await closed(socket);
    });

    check("messages keep their order, and handlers their place", async () => {
        const socket = await open();
        const seen = [];
        socket.onmessage = () => seen.push("first handler");
        socket.addEventListener("message", () => seen.push("listener"));
        socket.onmessage = ({ data }) => seen.push(data);
        for (let number = 0; number < 100; number += 1) {
            socket.send(`${number}`);
        }
        while (seen.length < 200) {
            await once(socket, "message");
        }
        const numbers = Array.from({ length: 100 }, (_, index) => `${index}`);
        same(seen.filter((_, index) => index % 2 === 0), numbers);
        socket.onmessage = 5;
        same(socket.onmessage, null);
        await closed(socket);
    });

    check("bufferedAmount counts bytes, and does not fall before the turn ends", async () => {
        const socket = await open();
        socket.send("äx");
        same(socket.bufferedAmount, 3);
        socket.send(new Uint8Array(7));
        same(socket.bufferedAmount, 10);
        socket.send(new Blob(["abc"]));
        const until = performance.now() + 20;
        while (performance.now() < until) { /* the turn goes on */ }
        same(socket.bufferedAmount, 13);
        await Promise.resolve();
        same(socket.bufferedAmount, 13, "after a microtask");
        let count = 0;
        await new Promise((resolve) => {
            socket.onmessage = () => {
                count += 1;
                if (count === 3) {
                    resolve();
                }
            };
        });
        same(socket.bufferedAmount, 0);
        socket.close();
        socket.send("lost");
        same(socket.bufferedAmount, 4);
        await once(socket, "close");
        same(socket.bufferedAmount, 4);
        socket.send("more");
        same(socket.bufferedAmount, 8);
    });

    check("bufferedAmount of earlier turns does not fall within a turn", async () => {
        const socket = await open();
        let left = 0;
        for (let round = 0; round < 20; round += 1) {
            socket.send(new Uint8Array(1 << 20));
            await new Promise((resolve) => setTimeout(resolve, 0));
            const first = socket.bufferedAmount;
            left = Math.max(left, first);
            const until = performance.now() + 5;
            while (performance.now() < until) { /* the turn goes on, and the network too */ }
            same(socket.bufferedAmount, first);
            await Promise.resolve();
            same(socket.bufferedAmount, first, "after a microtask");
        }
        same(left > 0, true, "whether any of it waited");
        await closed(socket);
    });

    check("bufferedAmount may fall between turns of other things than the socket", async () => {
        const socket = await open();
        socket.onmessage = null;
        socket.send("x".repeat(1000));
        while (socket.bufferedAmount > 0) {
            await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await closed(socket);
    });

    check("close checks its arguments in their order", async () => {
        const socket = await open();
        for (const code of [0, 999, 1001, 1005, 1006, 2999, 5000, 70000, -1, NaN, null]) {
            throws("InvalidAccessError", () => socket.close(code, "x".repeat(124)));
        }
        throws("SyntaxError", () => socket.close(1000, "x".repeat(124)));
        throws("SyntaxError", () => socket.close(undefined, "ü".repeat(62)));
        throws("TypeError", () => socket.close(Symbol("x")));
        throws("TypeError", () => socket.close(1000, Symbol("x")));
        same(socket.readyState, WebSocket.OPEN);
        socket.close(2999.6, "ü".repeat(61) + "x");
        same(socket.readyState, WebSocket.CLOSING);
        socket.close(3001);
        const { code, reason, wasClean } = await once(socket, "close");
        same([code, reason, wasClean], [3000, "ü".repeat(61) + "x", true]);
        socket.close();
    });

    check("a close without a code is 1005, a reason alone goes with 1000", async () => {
        let event = await closed(await open());
        same([event.constructor, event.code, event.reason, event.wasClean], [CloseEvent, 1005, "", true]);
        const socket = await open();
        socket.close(undefined, "why\ud800");
        event = await once(socket, "close");
        same([event.code, event.reason], [1000, "why\ufffd"]);
    });

    check("the server's close is told, without an error", async () => {
        const socket = new WebSocket(`${server}/close/4321`);
        let errors = 0;
        socket.onerror = () => { errors += 1; };
        const { code, reason, wasClean } = await once(socket, "close");
        same([code, reason, wasClean, errors], [4321, "of the server", true, 0]);
    });

    check("a connection that is lost is an error without details, then 1006", async () => {
        const socket = await open("/abrupt");
        const events = [];
        socket.onerror = (event) => events.push(event);
        socket.onclose = (event) => events.push(event);
        socket.send("now");
        await once(socket, "close");
        same(events.map(({ type }) => type), ["error", "close"]);
        same([events[0].constructor, "message" in events[0]], [Event, false]);
        same([events[1].code, events[1].wasClean], [1006, false]);
    });

    check("what the server refuses fails in the same way", async () => {
        const socket = new WebSocket(`${server}/nowhere`);
        const error = once(socket, "error");
        const { code } = await once(socket, "close");
        same([(await error).constructor, code], [Event, 1006]);
    });

    check("microtasks run behind each listener, and before what follows", async () => {
        const socket = new WebSocket(`${server}/echo`);
        const order = [];
        const current = [];
        const note = (name) => async (event) => {
            order.push(name);
            await undefined;
            order.push(`behind ${name}`);
            current.push(event.currentTarget === socket && event.eventPhase === Event.AT_TARGET);
        };
        socket.addEventListener("open", note("first"));
        socket.addEventListener("open", note("capturing"), true);
        socket.addEventListener("open", async (event) => {
            await undefined;
            event.stopImmediatePropagation();
        });
        socket.addEventListener("open", note("stopped"));
        const event = await new Promise((resolve) => {
            socket.addEventListener("open", resolve, { capture: true });
        });
        await closed(socket);
        same(order, ["capturing", "behind capturing", "first", "behind first"]);
        same(current, [true, true]);
        same([event.currentTarget, event.eventPhase], [null, Event.NONE]);
    });

    check("who waits for the error goes on before the close event", async () => {
        const socket = new WebSocket(`${server}/nowhere`);
        const order = [];
        socket.onclose = () => order.push("close");
        await once(socket, "error");
        order.push("caught");
        // Not too late for the event that follows.
        await once(socket, "close");
        same(order, ["caught", "close"]);
    });

    check("a listener that is called by a page's own dispatch has its microtasks behind all of them", async () => {
        const target = new EventTarget();
        const order = [];
        target.addEventListener("x", async () => {
            await undefined;
            order.push("microtask");
        });
        target.addEventListener("x", () => order.push("second"));
        target.dispatchEvent(new Event("x"));
        await undefined;
        same(order, ["second", "microtask"]);
    });

    check("a class may be derived, and events of one's own dispatched", async () => {
        class Chat extends WebSocket {
            constructor() {
                super(`${server}/echo`);
                this.name = "chat";
            }
        }
        const chat = new Chat();
        same(chat instanceof WebSocket, true);
        const event = await once(chat, "open");
        same(event.target.name, "chat");
        let seen;
        chat.onmessage = ({ data, isTrusted }) => { seen = [data, isTrusted]; };
        chat.dispatchEvent(new MessageEvent("message", { data: 5 }));
        same(seen, [5, false]);
        await closed(chat);
    });

    check("an exception in a handler keeps no other from running", async () => {
        const socket = await open();
        let heard = 0;
        socket.onmessage = () => { throw new Error("expected by the test"); };
        socket.addEventListener("message", () => { heard += 1; });
        socket.send("x");
        await once(socket, "message");
        same(heard, 1);
        await closed(socket);
    });

    check("microtasks of one listener run before the next", async () => {
        const socket = await open();
        const order = [];
        socket.addEventListener("message", () => {
            order.push("first");
            queueMicrotask(() => order.push("microtask"));
        });
        socket.send("one");
        socket.send("two");
        await once(socket, "message");
        await once(socket, "message");
        same(order.slice(0, 3), ["first", "microtask", "first"]);
        await closed(socket);
    });

    check("listeners that come after the close are not called, and hold no socket", async () => {
        const gone = [];
        const controller = new AbortController();
        let called = 0;
        await (async () => {
            for (let round = 0; round < 10; round += 1) {
                const socket = await open();
                socket.onmessage = null;
                await closed(socket);
                const listener = () => {
                    called += 1;
                    return socket;
                };
                socket.onclose = listener;
                same(socket.onclose, listener);
                socket.addEventListener("message", listener);
                socket.addEventListener("error", listener, { signal: controller.signal });
                socket.removeEventListener("message", listener);
                if (round % 2 === 0) {
                    socket.onclose = null;
                }
                gone.push(new WeakRef(socket));
            }
        })();
        // References on the stack, or what looks like one, may keep some of them.
        for (let round = 0; round < 50 && gone.filter((one) => one.deref() === undefined).length < 8; round += 1) {
            await new Promise((resolve) => setTimeout(resolve, 0));
            gc();
        }
        same(gone.filter((one) => one.deref() === undefined).length >= 8, true, "whether they are gone");
        same(called, 0);
        controller.abort();
    });

    check("onclose = null and removeEventListener keep the close from being told", async () => {
        const socket = await open();
        const told = [];
        const listener = () => told.push("listener");
        socket.addEventListener("close", listener);
        socket.onclose = () => told.push("handler");
        socket.removeEventListener("close", listener);
        socket.onclose = null;
        await closed(socket);
        same(told, []);
    });
})();
