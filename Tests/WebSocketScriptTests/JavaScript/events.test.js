// Events, dispatch, listeners and the events of a socket.
(function () {
    "use strict";

    const fire = (target, type, init) => target.dispatchEvent(new Event(type, init));

    check("an event is what its constructor was told", () => {
        const event = new Event("x", { bubbles: true, cancelable: 1, composed: "yes" });
        same([event.type, event.bubbles, event.cancelable, event.composed], ["x", true, true, true]);
        same([event.target, event.srcElement, event.currentTarget], [null, null, null]);
        same([event.eventPhase, event.defaultPrevented], [0, false]);
        same([event.returnValue, event.cancelBubble], [true, false]);
        same(event.composedPath(), []);
        same(event.isTrusted, false);
        throws("TypeError", () => new Event());
    });

    check("timeStamp counts milliseconds and never goes back", () => {
        const first = new Event("x").timeStamp;
        const second = new Event("x").timeStamp;
        same(typeof first === "number" && first >= 0 && second >= first, true);
        same(second < 1e10, true, "since the context began, not since 1970");
    });

    check("isTrusted is an accessor of each event that cannot be forged", () => {
        const property = Object.getOwnPropertyDescriptor(new Event("x"), "isTrusted");
        same([property.enumerable, property.configurable, property.set], [true, false, undefined]);
        const other = Object.getOwnPropertyDescriptor(new CustomEvent("y"), "isTrusted");
        same(property.get, other.get, "its getter is one for all");
        same(Object.hasOwn(Event.prototype, "isTrusted"), false);
        throws("TypeError", () => property.get.call({}));
    });

    check("at a target, capturing listeners run before the others", () => {
        const target = new EventTarget();
        const order = [];
        target.addEventListener("x", (event) => order.push(["bubble", event.eventPhase]));
        target.addEventListener("x", (event) => order.push(["capture", event.eventPhase]), true);
        target.addEventListener("x", () => order.push(["last"]), { capture: false });
        same(fire(target, "x"), true);
        same(order, [["capture", 2], ["bubble", 2], ["last"]]);
    });

    check("an event knows its target during dispatch, and only the target afterwards", () => {
        const target = new EventTarget();
        const event = new Event("x");
        target.addEventListener("x", function (given) {
            same(this, target, "this");
            same(given, event);
            same([event.target, event.srcElement, event.currentTarget], [target, target, target]);
            same(event.composedPath(), [target]);
        });
        target.dispatchEvent(event);
        same([event.target, event.currentTarget, event.eventPhase], [target, null, 0]);
        same(event.composedPath(), []);
    });

    check("an event that is being dispatched cannot be dispatched again", () => {
        const target = new EventTarget();
        let error;
        target.addEventListener("x", (event) => {
            error = throws("InvalidStateError", () => target.dispatchEvent(event));
            event.initEvent("y", true, true);
            same([event.type, event.bubbles], ["x", false], "initEvent during dispatch");
        });
        fire(target, "x");
        same(error instanceof DOMException, true);
        throws("TypeError", () => target.dispatchEvent({ type: "x" }));
        throws("TypeError", () => target.dispatchEvent(null));
    });

    check("preventDefault counts for a cancelable event only", () => {
        const target = new EventTarget();
        target.addEventListener("x", (event) => event.preventDefault());
        same(fire(target, "x"), true);
        same(fire(target, "x", { cancelable: true }), false);
    });

    check("returnValue is preventDefault by another name", () => {
        const event = new Event("x", { cancelable: true });
        event.returnValue = true;
        same(event.defaultPrevented, false);
        event.returnValue = false;
        same([event.defaultPrevented, event.returnValue], [true, false]);
        event.returnValue = true;
        same(event.defaultPrevented, true, "it cannot be taken back");
    });

    check("a passive listener cannot cancel", () => {
        const target = new EventTarget();
        target.addEventListener("x", (event) => {
            event.preventDefault();
            event.returnValue = false;
            same(event.defaultPrevented, false);
        }, { passive: true });
        same(fire(target, "x", { cancelable: true }), true);
        target.addEventListener("x", (event) => event.preventDefault());
        same(fire(target, "x", { cancelable: true }), false);
    });

    check("stopPropagation in a capturing listener keeps the bubbling ones from running", () => {
        const target = new EventTarget();
        const order = [];
        target.addEventListener("x", () => order.push("bubble"));
        target.addEventListener("x", (event) => {
            order.push("first");
            event.stopPropagation();
        }, true);
        target.addEventListener("x", () => order.push("second"), true);
        fire(target, "x");
        same(order, ["first", "second"]);
    });

    check("stopImmediatePropagation keeps all further listeners from running", () => {
        const target = new EventTarget();
        const order = [];
        target.addEventListener("x", (event) => {
            order.push("first");
            event.stopImmediatePropagation();
            same(event.cancelBubble, true);
        });
        target.addEventListener("x", () => order.push("second"));
        fire(target, "x");
        same(order, ["first"]);
    });

    check("cancelBubble stops, cannot start, and is forgotten after dispatch", () => {
        const target = new EventTarget();
        let runs = 0;
        target.addEventListener("x", () => runs += 1);
        const event = new Event("x");
        event.cancelBubble = true;
        event.cancelBubble = false;
        same(event.cancelBubble, true);
        target.dispatchEvent(event);
        same([runs, event.cancelBubble], [0, false]);
        target.dispatchEvent(event);
        same(runs, 1);
    });

    check("once", () => {
        const target = new EventTarget();
        let runs = 0;
        target.addEventListener("x", () => {
            runs += 1;
            fire(target, "x");
        }, { once: true });
        fire(target, "x");
        fire(target, "x");
        same(runs, 1);
    });

    check("the same listener counts once for each phase", () => {
        const target = new EventTarget();
        let runs = 0;
        const listener = () => runs += 1;
        target.addEventListener("x", listener);
        target.addEventListener("x", listener, { capture: false, once: true });
        target.addEventListener("x", listener, true);
        fire(target, "x");
        same(runs, 2);
        target.removeEventListener("x", listener, { capture: true });
        fire(target, "x");
        same(runs, 3);
        target.removeEventListener("x", listener);
        fire(target, "x");
        same(runs, 3);
    });

    check("a listener removed during dispatch does not run, one added then waits for the next", () => {
        const target = new EventTarget();
        const order = [];
        const victim = () => order.push("victim");
        const late = () => order.push("late");
        target.addEventListener("x", () => {
            order.push("first");
            target.removeEventListener("x", victim);
            target.addEventListener("x", late);
        });
        target.addEventListener("x", victim);
        target.addEventListener("x", () => order.push("last"));
        fire(target, "x");
        same(order, ["first", "last"]);
        fire(target, "x");
        same(order, ["first", "last", "first", "last", "late"]);
    });

    check("a listener that removes itself does not make the next one skip", () => {
        const target = new EventTarget();
        const order = [];
        const first = () => {
            order.push("first");
            target.removeEventListener("x", first);
        };
        target.addEventListener("x", first);
        target.addEventListener("x", () => order.push("second"));
        fire(target, "x");
        same(order, ["first", "second"]);
    });

    check("handleEvent is looked up when the event comes, with the object as this", () => {
        const target = new EventTarget();
        const listener = {};
        let given;
        target.addEventListener("x", listener);
        listener.handleEvent = function (event) {
            given = [this === listener, event.type];
        };
        fire(target, "x");
        same(given, [true, "x"]);
    });

    check("what a listener throws does not keep the others from running", () => {
        const target = new EventTarget();
        let runs = 0;
        target.addEventListener("x", () => {
            throw new Error("from a listener, on purpose");
        });
        target.addEventListener("x", {});
        target.addEventListener("x", {
            get handleEvent() {
                throw new Error("from a getter, on purpose");
            },
        });
        target.addEventListener("x", () => runs += 1);
        same(fire(target, "x"), true);
        same(runs, 1);
    });

    check("a listener is an object or null", () => {
        const target = new EventTarget();
        same(target.addEventListener("x", null), undefined);
        same(target.removeEventListener("x", undefined), undefined);
        throws("TypeError", () => target.addEventListener("x", "text"));
        throws("TypeError", () => target.removeEventListener("x", 1));
        fire(target, "x");
    });

    check("the options of addEventListener are read in order, even where the listener is null", () => {
        const order = [];
        const options = new Proxy({}, {
            get(_, key) {
                order.push(key);
            },
        });
        new EventTarget().addEventListener("x", null, options);
        same(order, ["capture", "once", "passive", "signal"]);
        order.length = 0;
        new EventTarget().removeEventListener("x", null, options);
        same(order, ["capture"]);
    });

    check("a signal in the options removes the listener", () => {
        const target = new EventTarget();
        const controller = new AbortController();
        let runs = 0;
        target.addEventListener("x", () => runs += 1, { signal: controller.signal });
        target.addEventListener("x", () => controller.abort());
        target.addEventListener("x", () => runs += 10, { signal: controller.signal });
        fire(target, "x");
        fire(target, "x");
        same(runs, 1);
        target.addEventListener("x", () => runs += 100, { signal: controller.signal });
        fire(target, "x");
        same(runs, 1, "after it has aborted");
        throws("TypeError", () => target.addEventListener("x", () => {}, { signal: null }));
        throws("TypeError", () => target.addEventListener("x", () => {}, { signal: {} }));
    });

    check("EventTarget and Event can be derived from", () => {
        class Target extends EventTarget {
            say(type) {
                return this.dispatchEvent(new Mine(type));
            }
        }
        class Mine extends Event {
            get loud() {
                return this.type.toUpperCase();
            }
        }
        const target = new Target();
        let heard;
        target.addEventListener("hello", (event) => heard = event.loud);
        target.say("hello");
        same(heard, "HELLO");
    });

    check("initEvent makes an event anew", () => {
        const event = new Event("x", { cancelable: true });
        event.preventDefault();
        event.stopPropagation();
        event.initEvent("y", true);
        same([event.type, event.bubbles, event.cancelable], ["y", true, false]);
        same([event.defaultPrevented, event.cancelBubble, event.target], [false, false, null]);
        throws("TypeError", () => event.initEvent());
    });

    check("CustomEvent", () => {
        const detail = {};
        const event = new CustomEvent("x", { detail, bubbles: true });
        same(event.detail, detail);
        same(event.bubbles, true);
        same(new CustomEvent("x").detail, null);
        event.initCustomEvent("y", false, true, 5);
        same([event.type, event.bubbles, event.cancelable, event.detail], ["y", false, true, 5]);
        event.initCustomEvent("z");
        same(event.detail, null);
    });

    check("MessageEvent", () => {
        const event = new MessageEvent("message", { data: 1, origin: "ws://a", lastEventId: "7" });
        same([event.data, event.origin, event.lastEventId, event.source], [1, "ws://a", "7", null]);
        same(event.ports, []);
        same(Object.isFrozen(event.ports), true, "ports are frozen");
        same(event.ports, new MessageEvent("x").ports);
        same(event.ports === event.ports, true, "ports are one object");
        same(new MessageEvent("x").data, null);
        throws("TypeError", () => new MessageEvent("x", { ports: [{}] }));
        throws("TypeError", () => new MessageEvent("x", { ports: null }));
        throws("TypeError", () => new MessageEvent("x", { source: {} }));
    });

    check("initMessageEvent", () => {
        const event = new MessageEvent("x", { data: 1 });
        event.initMessageEvent("y", true, false, "data", "origin", "id", null, []);
        same([event.type, event.bubbles, event.data, event.origin, event.lastEventId],
            ["y", true, "data", "origin", "id"]);
        event.initMessageEvent("z");
        same([event.data, event.origin, event.lastEventId], [null, "", ""]);
        same([event.source, event.ports], [null, []]);
    });

    check("CloseEvent and ErrorEvent", () => {
        const closed = new CloseEvent("close", { wasClean: true, code: 1001, reason: "bye" });
        same([closed.wasClean, closed.code, closed.reason], [true, 1001, "bye"]);
        const plain = new CloseEvent("close");
        same([plain.wasClean, plain.code, plain.reason], [false, 0, ""]);
        const error = new Error("x");
        const failed = new ErrorEvent("error", { message: "m", filename: "f", lineno: 1, colno: 2, error });
        same([failed.message, failed.filename, failed.lineno, failed.colno], ["m", "f", 1, 2]);
        same(failed.error, error);
        same([new ErrorEvent("error").message, new ErrorEvent("error").error], ["", undefined]);
    });

    check("an event handler keeps the place of its first setting", () => {
        const { signal } = new AbortController();
        const order = [];
        signal.onabort = () => order.push("replaced");
        signal.addEventListener("abort", () => order.push("listener"));
        signal.onabort = () => order.push("handler");
        fire(signal, "abort");
        same(order, ["handler", "listener"]);
        signal.onabort = null;
        signal.onabort = () => order.push("again");
        order.length = 0;
        fire(signal, "abort");
        same(order, ["listener", "again"], "after it was null, it is a new one");
    });

    check("an event handler is an object or null, and is called with its target as this", () => {
        const { signal } = new AbortController();
        same(signal.onabort, null);
        signal.onabort = "text";
        same(signal.onabort, null);
        const object = { handleEvent: () => {
            throw new Error("a handler is no listener");
        } };
        signal.onabort = object;
        same(signal.onabort, object);
        fire(signal, "abort");
        let given;
        signal.onabort = function (event) {
            given = [this === signal, event.type];
        };
        fire(signal, "abort");
        same(given, [true, "abort"]);
        signal.onabort = undefined;
        same(signal.onabort, null);
    });

    check("a handler that returns false cancels the event, no other value does", () => {
        const { signal } = new AbortController();
        signal.onabort = () => false;
        same(fire(signal, "abort", { cancelable: true }), false);
        same(fire(signal, "abort"), true);
        signal.onabort = () => 0;
        same(fire(signal, "abort", { cancelable: true }), true);
    });
})();
