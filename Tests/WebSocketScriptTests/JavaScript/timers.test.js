// setTimeout, setInterval, queueMicrotask, reportError, performance.
(function () {
    "use strict";

    const later = (delay) => new Promise((resolve) => setTimeout(resolve, delay));

    check("a timer passes its arguments, to a function that has the global as this", async () => {
        const seen = await new Promise((resolve) => {
            setTimeout(function (...args) { resolve([this === globalThis, ...args]); }, 0, 1, "two");
        });
        same(seen, [true, 1, "two"]);
    });

    check("timers of the same time fire in their order, those of less time before them", async () => {
        const order = [];
        setTimeout(() => order.push("20"), 20);
        setTimeout(() => order.push("0 a"));
        setTimeout(() => order.push("0 b"), -5);
        setTimeout(() => order.push("0 c"), NaN);
        setTimeout(() => order.push("10"), "10");
        await later(30);
        same(order, ["0 a", "0 b", "0 c", "10", "20"]);
    });

    check("a timer does not fire early", async () => {
        const start = performance.now();
        await later(25);
        same(performance.now() - start >= 25, true);
    });

    check("what is cleared does not fire", async () => {
        let fired = 0;
        const first = setTimeout(() => { fired += 1; }, 1);
        const second = setTimeout(() => { fired += 1; }, 2);
        setTimeout(() => clearTimeout(second), 0);
        clearInterval(first);
        clearTimeout(99999);
        clearTimeout();
        clearTimeout("x");
        await later(10);
        same(fired, 0);
        same(Number.isInteger(first) && first > 0, true);
    });

    check("an interval goes on until it is cleared, from within too", async () => {
        let count = 0;
        await new Promise((resolve) => {
            const id = setInterval((step) => {
                count += step;
                if (count === 6) {
                    clearInterval(id);
                    resolve();
                }
            }, 1, 2);
        });
        await later(10);
        same(count, 6);
    });

    check("timers that set timers wait 4 ms from the sixth on", async () => {
        const times = [];
        await new Promise((resolve) => {
            const step = () => {
                times.push(performance.now());
                if (times.length < 12) {
                    setTimeout(step, 0);
                } else {
                    resolve();
                }
            };
            setTimeout(step, 0);
        });
        for (let index = 7; index < times.length; index += 1) {
            same(times[index] - times[index - 1] >= 3.9, true, `the wait before timer ${index}`);
        }
    });

    check("microtasks run between two timers that are due together", async () => {
        const order = [];
        setTimeout(() => {
            order.push("timer");
            queueMicrotask(() => order.push("microtask"));
            Promise.resolve().then(() => order.push("promise"));
        });
        setTimeout(() => order.push("timer"));
        await later(5);
        same(order, ["timer", "microtask", "promise", "timer"]);
    });

    check("text is evaluated as a script", async () => {
        setTimeout("globalThis.fromText = typeof this", 0);
        await later(2);
        same(globalThis.fromText, "object");
        delete globalThis.fromText;
    });

    check("arguments are checked", () => {
        throws("TypeError", () => setTimeout());
        throws("TypeError", () => setTimeout(Symbol("x")));
        throws("TypeError", () => setTimeout(() => {}, Symbol("x")));
        throws("TypeError", () => queueMicrotask());
        throws("TypeError", () => queueMicrotask("text"));
        throws("TypeError", () => reportError());
        same([setTimeout.length, setInterval.length, queueMicrotask.length], [1, 1, 1]);
        same([clearTimeout.length, clearInterval.length], [0, 0]);
    });

    check("what throws in a timer or a microtask is reported, and the rest goes on", async () => {
        setTimeout(() => { throw new Error("expected by the test"); }, 0);
        queueMicrotask(() => { throw new Error("expected by the test"); });
        reportError(new Error("expected by the test"));
        let reached = false;
        setTimeout(() => { reached = true; }, 0);
        await later(2);
        same(reached, true);
    });

    check("performance has a clock and an origin", () => {
        same(performance.now() <= performance.now(), true);
        same(Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000, true);
        same(performance.toJSON().timeOrigin, performance.timeOrigin);
        throws("TypeError", () => new Performance());
        same(performance instanceof EventTarget, true);
    });

    check("the global knows itself, and where it is", () => {
        same(self, globalThis);
        same(location.pathname, "/pages/index.html");
        same(`${location}`, location.href);
    });
})();
