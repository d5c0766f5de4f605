// setTimeout, setInterval (HTML 8.6), queueMicrotask (HTML 8.7), reportError (HTML 8.1.4.6).
//
// Uses of `host.native`: now, wake, evaluate, register. Adds to `host`: setTimeout.
(function (host) {
    "use strict";

    const { apply, defineProperty, has } = Reflect;
    const { webidl, native } = host;
    const { Map, Promise, indexOf, list, mapDelete, mapGet, mapSet, max, splice, then } = host.primordials;
    const { now, wake, evaluate } = native;
    const resolved = Promise.resolve();

    // HTML 8.6: from this depth of timers set by timers on, a timer waits 4 ms at least.
    const deepest = 5;
    const leastWhenDeep = 4;

    const timers = new Map();
    const get = (id) => mapGet(timers, id);
    const put = (id, timer) => mapSet(timers, id, timer);
    const drop = (id) => mapDelete(timers, id);
    // By the time they are due, those of the same time in the order in which they were set.
    const queue = list();
    let count = 0;
    let nesting = 0;

    function insert(timer) {
        let low = 0;
        let high = queue.length;
        while (low < high) {
            const middle = low + high >> 1;
            if (queue[middle].due <= timer.due) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        splice(queue, low, 0, timer);
        return low;
    }

    function wakeForFirst() {
        wake(queue.length === 0 ? -1 : max(0, queue[0].due - now()));
    }

    // HTML 8.6, "timer initialization steps".
    function set(timer) {
        let { delay } = timer;
        if (timer.nesting > deepest && delay < leastWhenDeep) {
            delay = leastWhenDeep;
        }
        timer.due = now() + delay;
        if (insert(timer) === 0) {
            wakeForFirst();
        }
    }

    function start(name, handler, timeout, args, repeats) {
        const isFunction = typeof handler === "function";
        const callback = isFunction ? handler : webidl.DOMString(handler, `${name}: handler`);
        const delay = max(0, webidl.long(timeout, `${name}: timeout`));
        count += 1;
        const timer = { id: count, callback, delay, args, repeats, nesting: nesting + 1, due: 0 };
        put(timer.id, timer);
        set(timer);
        return timer.id;
    }

    function clear(name, id) {
        const timer = get(webidl.long(id, `${name}: id`));
        if (timer === undefined) {
            return;
        }
        drop(timer.id);
        const index = indexOf(queue, timer);
        if (index >= 0) {
            splice(queue, index, 1);
            if (index === 0) {
                wakeForFirst();
            }
        }
    }

    // Runs the first timer if it is due.
    native.register("timers", () => {
        const timer = queue[0];
        if (timer !== undefined && timer.due <= now()) {
            splice(queue, 0, 1);
            if (!timer.repeats) {
                drop(timer.id);
            }
            nesting = timer.nesting;
            try {
                if (typeof timer.callback === "string") {
                    evaluate(timer.callback, "timer");
                } else {
                    apply(timer.callback, host.global, timer.args);
                }
            } catch (error) {
                host.uncaught(error);
            }
            nesting = 0;
            if (timer.repeats && get(timer.id) === timer) {
                timer.nesting += 1;
                set(timer);
            }
        }
        wakeForFirst();
    });

    const functions = {
        setTimeout(handler, timeout = 0, ...args) {
            webidl.arguments(arguments.length, 1, "setTimeout");
            return start("setTimeout", handler, timeout, args, false);
        },

        setInterval(handler, timeout = 0, ...args) {
            webidl.arguments(arguments.length, 1, "setInterval");
            return start("setInterval", handler, timeout, args, true);
        },

        clearTimeout(id = 0) {
            clear("clearTimeout", id);
        },

        clearInterval(id = 0) {
            clear("clearInterval", id);
        },

        queueMicrotask(callback) {
            webidl.arguments(arguments.length, 1, "queueMicrotask");
            webidl.callback(callback, "queueMicrotask: callback");
            then(resolved, () => {
                try {
                    apply(callback, undefined, []);
                } catch (error) {
                    host.uncaught(error);
                }
            });
        },

        reportError(e) {
            webidl.arguments(arguments.length, 1, "reportError");
            host.uncaught(e);
        },
    };
    host.setTimeout = functions.setTimeout;
    for (const name of Object.keys(functions)) {
        // Operations of the global object are enumerable, interfaces are not (Web IDL 3.7.7).
        if (!has(host.global, name)) {
            defineProperty(host.global, name, {
                value: functions[name], writable: true, enumerable: true, configurable: true,
            });
        }
    }
})
