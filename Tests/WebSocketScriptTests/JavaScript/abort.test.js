// AbortController and AbortSignal.
(function () {
    "use strict";

    check("a controller aborts its one signal, once, with a trusted event", () => {
        const controller = new AbortController();
        const { signal } = controller;
        const events = [];
        signal.addEventListener("abort", (event) => {
            same(event.target, signal);
            events.push([event.isTrusted, event.bubbles, event.cancelable, signal.aborted]);
        });
        same([signal.aborted, signal.reason], [false, undefined]);
        signal.throwIfAborted();
        controller.abort();
        controller.abort("again");
        same(events, [[true, false, false, true]]);
        same([signal.aborted, signal.reason.name], [true, "AbortError"]);
        same(signal.reason instanceof DOMException, true);
        same(controller.signal, signal);
    });

    check("the reason is anything but undefined", () => {
        for (const reason of [null, 0, "text", new Error("x")]) {
            const controller = new AbortController();
            controller.abort(reason);
            same(controller.signal.reason, reason);
            let thrown;
            try {
                controller.signal.throwIfAborted();
            } catch (error) {
                thrown = error;
            }
            same(thrown, reason, "what throwIfAborted throws");
        }
        const controller = new AbortController();
        controller.abort(undefined);
        throws("AbortError", () => controller.signal.throwIfAborted());
    });

    check("AbortSignal has no constructor for scripts", () => {
        throws("TypeError", () => new AbortSignal());
        same(Object.getPrototypeOf(AbortSignal), EventTarget);
    });

    check("AbortSignal.abort answers one that has aborted", () => {
        same(AbortSignal.abort().reason.name, "AbortError");
        same(AbortSignal.abort(5).reason, 5);
        same(AbortSignal.abort() === AbortSignal.abort(), false);
    });

    check("AbortSignal.timeout aborts with a TimeoutError when its time has come", async () => {
        const begin = performance.now();
        const signal = AbortSignal.timeout(20);
        let events = 0;
        signal.addEventListener("abort", () => events += 1);
        same(signal.aborted, false);
        await new Promise((resolve) => {
            signal.onabort = resolve;
        });
        same([signal.aborted, signal.reason.name, events], [true, "TimeoutError", 1]);
        same(performance.now() - begin >= 20, true, "whether its time had come");
    });

    check("AbortSignal.timeout waits in parts for what no timer can count", async () => {
        const before = setTimeout(() => {}, 0);
        // A timer of this delay would be due after 5 ms.
        const signal = AbortSignal.timeout(2 ** 32 + 5);
        await new Promise((resolve) => setTimeout(resolve, 20));
        same(signal.aborted, false);
        // Timers are numbered one after the other; this one would keep the page busy for weeks.
        clearTimeout(before + 1);
    });

    check("AbortSignal.timeout asks no timer of the page's", () => {
        const { setTimeout } = globalThis;
        let isAsked = false;
        globalThis.setTimeout = () => {
            isAsked = true;
        };
        AbortSignal.timeout(0);
        globalThis.setTimeout = setTimeout;
        same(isAsked, false);
    });

    check("AbortSignal.timeout refuses what is no number of milliseconds", () => {
        for (const milliseconds of [-1, NaN, Infinity, 2 ** 53]) {
            throws("TypeError", () => AbortSignal.timeout(milliseconds));
        }
        throws("TypeError", () => AbortSignal.timeout());
    });

    check("AbortSignal.any follows each of its signals", () => {
        for (let index = 0; index < 3; index += 1) {
            const controllers = [new AbortController(), new AbortController(), new AbortController()];
            const signal = AbortSignal.any(controllers.map((controller) => controller.signal));
            let events = 0;
            signal.onabort = (event) => events += event.isTrusted ? 1 : 100;
            controllers[index].abort(index);
            same([signal.aborted, signal.reason, events], [true, index, 1]);
            controllers[(index + 1) % 3].abort("later");
            same([signal.reason, events], [index, 1]);
        }
    });

    check("AbortSignal.any of one that has aborted has aborted, with the first one's reason", () => {
        const pending = new AbortController().signal;
        const signal = AbortSignal.any([pending, AbortSignal.abort(1), AbortSignal.abort(2)]);
        same([signal.aborted, signal.reason], [true, 1]);
    });

    check("AbortSignal.any of none never aborts, and takes signals only", () => {
        same(AbortSignal.any([]).aborted, false);
        same(AbortSignal.any(new Set([AbortSignal.abort(3)])).reason, 3);
        throws("TypeError", () => AbortSignal.any());
        throws("TypeError", () => AbortSignal.any(AbortSignal.abort()));
        throws("TypeError", () => AbortSignal.any([{}]));
    });

    check("AbortSignal.any can be built upon, and the same signal may stand in it twice", () => {
        const controller = new AbortController();
        let signal = AbortSignal.any([controller.signal, controller.signal]);
        signal = AbortSignal.any([signal, new AbortController().signal]);
        signal = AbortSignal.any([signal]);
        let events = 0;
        signal.addEventListener("abort", () => events += 1);
        controller.abort("why");
        same([signal.reason, events], ["why", 1]);
    });

    check("dependent signals have aborted before the first event, and fire in the order of making", () => {
        const controller = new AbortController();
        const first = AbortSignal.any([controller.signal]);
        const second = AbortSignal.any([controller.signal]);
        const third = AbortSignal.any([first]);
        const order = [];
        const signals = [controller.signal, first, second, third];
        signals.forEach((signal, index) => signal.addEventListener("abort", () => {
            order.push(index);
            same(signals.every((other) => other.aborted), true, "all have aborted");
        }));
        controller.abort();
        same(order, [0, 1, 2, 3]);
    });

    check("aborting again from a listener does nothing", () => {
        const controller = new AbortController();
        const other = new AbortController();
        const signal = AbortSignal.any([controller.signal, other.signal]);
        controller.signal.onabort = () => other.abort("second");
        let events = 0;
        signal.onabort = () => events += 1;
        controller.abort("first");
        same([signal.reason, events], ["first", 1]);
    });
})();
