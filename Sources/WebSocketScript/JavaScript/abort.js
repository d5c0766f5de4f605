// AbortController and AbortSignal (DOM 3).
//
// Adds to `host`: AbortController, AbortSignal, createAbortSignal, signalAbort, onAbort.
(function (host) {
    "use strict";

    const { apply } = Reflect;
    const { webidl, DOMException, EventTarget } = host;
    const Ref = WeakRef;
    const deref = host.uncurry(WeakRef.prototype.deref);
    const token = Symbol("AbortSignal");

    // The longest delay that a timer counts without wrapping around.
    const longestDelay = 0x7fffffff;

    const abortError = () => new DOMException("The operation was aborted", "AbortError");

    let operations;

    class AbortSignal extends EventTarget {
        #aborted = false;
        #reason = undefined;
        // Steps to take when it aborts, and the handles to take them back.
        #algorithms = new Set();
        // Links to those made of this signal by `any`, in order. They are held weakly, unless somebody waits
        // for them to abort.
        #dependents = new Set();
        #swept = 0;
        // For a signal made by `any`: the signals it depends on, and its links in their `#dependents`.
        #sources = null;
        #links = [];

        constructor() {
            if (arguments[0] !== token) {
                throw new TypeError("AbortSignal cannot be constructed; an AbortController has one");
            }
            super();
        }

        static {
            host.brand(AbortSignal, (value) => #algorithms in value);

            const pin = (signal) => {
                const awaited = signal.#algorithms.size > 0 || host.hasListener(signal, "abort");
                for (const link of signal.#links) {
                    link.strong = awaited ? signal : null;
                }
            };

            const dependOn = (source, signal) => {
                if (source.#dependents.size > 2 * source.#swept + 16) {
                    for (const link of source.#dependents) {
                        if (link.strong === null && deref(link.weak) === undefined) {
                            source.#dependents.delete(link);
                        }
                    }
                    source.#swept = source.#dependents.size;
                }
                const link = { source, weak: new Ref(signal), strong: null };
                source.#dependents.add(link);
                signal.#sources.add(source);
                signal.#links.push(link);
            };

            // DOM 3.2, "run the abort steps".
            const runSteps = (signal) => {
                const algorithms = signal.#algorithms;
                signal.#algorithms = new Set();
                for (const entry of algorithms) {
                    try {
                        entry.steps(signal.#reason);
                    } catch (error) {
                        host.uncaught(error);
                    }
                }
                host.dispatch(signal, host.createEvent(host.Event, "abort"));
            };

            const settle = (signal, reason) => {
                signal.#aborted = true;
                signal.#reason = reason;
                for (const link of signal.#links) {
                    link.source.#dependents.delete(link);
                }
                signal.#links = [];
                signal.#sources?.clear();
            };

            operations = {
                create: () => new AbortSignal(token),

                // DOM 3.2, "signal abort": every dependent signal has aborted before the first step is taken.
                abort(signal, reason, otherwise = abortError) {
                    if (signal.#aborted) {
                        return;
                    }
                    settle(signal, reason === undefined ? otherwise() : reason);
                    const aborting = [];
                    for (const link of signal.#dependents) {
                        const dependent = link.strong ?? deref(link.weak);
                        if (dependent !== undefined && !dependent.#aborted) {
                            settle(dependent, signal.#reason);
                            aborting.push(dependent);
                        }
                    }
                    signal.#dependents.clear();
                    runSteps(signal);
                    for (const dependent of aborting) {
                        runSteps(dependent);
                    }
                },

                // Takes steps when the signal aborts; answers how to think better of it.
                onAbort(signal, steps) {
                    if (signal.#aborted) {
                        return () => {};
                    }
                    const entry = { steps };
                    signal.#algorithms.add(entry);
                    pin(signal);
                    return () => {
                        signal.#algorithms.delete(entry);
                        pin(signal);
                    };
                },

                any(signals) {
                    const result = operations.create();
                    for (const signal of signals) {
                        if (signal.#aborted) {
                            settle(result, signal.#reason);
                            return result;
                        }
                    }
                    result.#sources = new Set();
                    for (const signal of signals) {
                        // A source of a source is a source, so that no chain is kept alive for its middle.
                        for (const source of signal.#sources ?? [signal]) {
                            if (!result.#sources.has(source)) {
                                dependOn(source, result);
                            }
                        }
                    }
                    return result;
                },

                pin,
            };
        }

        static abort(reason = undefined) {
            const signal = operations.create();
            operations.abort(signal, reason);
            return signal;
        }

        static timeout(milliseconds) {
            webidl.arguments(arguments.length, 1, "AbortSignal.timeout");
            let left = webidl.unsignedLongLong(milliseconds, "AbortSignal.timeout: milliseconds", {
                enforceRange: true,
            });
            const { setTimeout } = host.global;
            if (typeof setTimeout !== "function") {
                throw new DOMException("There is no setTimeout in this context", "NotSupportedError");
            }
            const signal = operations.create();
            const wait = () => {
                const delay = left < longestDelay ? left : longestDelay;
                left -= delay;
                apply(setTimeout, host.global, [left > 0 ? wait : expire, delay]);
            };
            const expire = () => operations.abort(signal, undefined, () =>
                new DOMException("The operation timed out", "TimeoutError"));
            wait();
            return signal;
        }

        static any(signals) {
            webidl.arguments(arguments.length, 1, "AbortSignal.any");
            return operations.any(readSignals(signals, "AbortSignal.any: signals"));
        }

        get aborted() {
            return this.#aborted;
        }

        get reason() {
            return this.#reason;
        }

        throwIfAborted() {
            if (this.#aborted) {
                throw this.#reason;
            }
        }

        [host.listenersChanged]() {
            operations.pin(this);
        }
    }

    const readSignals = webidl.sequence(webidl.interface(AbortSignal));

    host.expose(AbortSignal);
    host.handlerAttribute(AbortSignal, "abort");

    host.createAbortSignal = operations.create;
    host.signalAbort = (signal, reason = undefined) => operations.abort(signal, reason);
    host.onAbort = operations.onAbort;

    class AbortController {
        #signal = operations.create();

        static {
            host.brand(AbortController, (value) => #signal in value);
        }

        get signal() {
            return this.#signal;
        }

        abort(reason = undefined) {
            operations.abort(this.#signal, reason);
        }
    }

    host.expose(AbortController);
})
