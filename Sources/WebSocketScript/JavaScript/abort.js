// AbortController and AbortSignal (DOM 3).
//
// Adds to `host`: AbortController, AbortSignal, createAbortSignal, signalAbort, onAbort, abortion.
(function (host) {
    "use strict";

    const { webidl, DOMException, EventTarget } = host;
    const {
        Set, TypeError, WeakRef, deref, list, push, setAdd, setClear, setDelete, setEach, setHas, setSize,
    } = host.primordials;
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
        #links = list();

        constructor() {
            if (arguments[0] !== token) {
                throw new TypeError("AbortSignal cannot be constructed; an AbortController has one");
            }
            super();
        }

        static {
            host.brand(AbortSignal, (value) => #algorithms in value);

            const pin = (signal) => {
                const awaited = setSize(signal.#algorithms) > 0 || host.hasListener(signal, "abort");
                const links = signal.#links;
                for (let index = 0; index < links.length; index += 1) {
                    links[index].strong = awaited ? signal : null;
                }
            };

            const dependOn = (source, signal) => {
                const dependents = source.#dependents;
                if (setSize(dependents) > 2 * source.#swept + 16) {
                    setEach(dependents, (link) => {
                        if (link.strong === null && deref(link.weak) === undefined) {
                            setDelete(dependents, link);
                        }
                    });
                    source.#swept = setSize(dependents);
                }
                const link = { source, weak: new WeakRef(signal), strong: null };
                setAdd(dependents, link);
                setAdd(signal.#sources, source);
                push(signal.#links, link);
            };

            // DOM 3.2, "run the abort steps".
            const runSteps = (signal) => {
                const algorithms = signal.#algorithms;
                signal.#algorithms = new Set();
                setEach(algorithms, (entry) => {
                    try {
                        entry.steps(signal.#reason);
                    } catch (error) {
                        host.uncaught(error);
                    }
                });
                host.dispatch(signal, host.createEvent(host.Event, "abort"));
            };

            const settle = (signal, reason) => {
                signal.#aborted = true;
                signal.#reason = reason;
                const links = signal.#links;
                for (let index = 0; index < links.length; index += 1) {
                    setDelete(links[index].source.#dependents, links[index]);
                }
                signal.#links = list();
                if (signal.#sources !== null) {
                    setClear(signal.#sources);
                }
            };

            operations = {
                create: () => new AbortSignal(token),

                // DOM 3.2, "signal abort": every dependent signal has aborted before the first step is taken.
                abort(signal, reason, otherwise = abortError) {
                    if (signal.#aborted) {
                        return;
                    }
                    settle(signal, reason === undefined ? otherwise() : reason);
                    const aborting = list();
                    setEach(signal.#dependents, (link) => {
                        const dependent = link.strong ?? deref(link.weak);
                        if (dependent !== undefined && !dependent.#aborted) {
                            settle(dependent, signal.#reason);
                            push(aborting, dependent);
                        }
                    });
                    setClear(signal.#dependents);
                    runSteps(signal);
                    for (let index = 0; index < aborting.length; index += 1) {
                        runSteps(aborting[index]);
                    }
                },

                // Takes steps when the signal aborts; answers how to think better of it.
                onAbort(signal, steps) {
                    if (signal.#aborted) {
                        return () => {};
                    }
                    const entry = { steps };
                    setAdd(signal.#algorithms, entry);
                    pin(signal);
                    return () => {
                        setDelete(signal.#algorithms, entry);
                        pin(signal);
                    };
                },

                any(signals) {
                    const result = operations.create();
                    for (let index = 0; index < signals.length; index += 1) {
                        if (signals[index].#aborted) {
                            settle(result, signals[index].#reason);
                            return result;
                        }
                    }
                    result.#sources = new Set();
                    const add = (source) => {
                        if (!setHas(result.#sources, source)) {
                            dependOn(source, result);
                        }
                    };
                    for (let index = 0; index < signals.length; index += 1) {
                        // A source of a source is a source, so that no chain is kept alive for its middle.
                        const sources = signals[index].#sources;
                        if (sources === null) {
                            add(signals[index]);
                        } else {
                            setEach(sources, add);
                        }
                    }
                    return result;
                },

                abortion: (signal) => (signal.#aborted ? { reason: signal.#reason } : undefined),

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
            let left = webidl.unsignedLongLong(milliseconds, "AbortSignal.timeout: milliseconds", "enforceRange");
            const signal = operations.create();
            const wait = () => {
                const delay = left < longestDelay ? left : longestDelay;
                left -= delay;
                host.setTimeout(left > 0 ? wait : expire, delay);
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
    }

    const readSignals = webidl.sequence(webidl.interface(AbortSignal));

    host.expose(AbortSignal);
    host.handlerAttribute(AbortSignal, "abort");
    host.onListenersChanged(AbortSignal, operations.pin);

    host.createAbortSignal = operations.create;
    host.signalAbort = (signal, reason = undefined) => operations.abort(signal, reason);
    host.onAbort = operations.onAbort;
    // What it was aborted with, in an object; whatever a page made of the attributes.
    host.abortion = operations.abortion;

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
