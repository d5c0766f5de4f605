// EventTarget, dispatch (DOM 2.7 to 2.9) and event handler attributes (HTML 8.1.8.1).
//
// Uses of `host.native`: register. Adds to `host`: EventTarget, dispatch, dispatchAsTask, handlerAttribute,
// hasListener, onListenersChanged.
(function (host) {
    "use strict";

    const { apply, defineProperty, getOwnPropertyDescriptor } = Reflect;
    const { webidl, isObject, eventState } = host;
    const {
        Map, TypeError, WeakRef, deref, filter, list: newList, mapDelete, mapGet, mapSet, push,
    } = host.primordials;

    const NONE = 0;
    const AT_TARGET = 2;

    // Of the classes that want to know of it when listeners come and go.
    const hooks = newList();
    host.onListenersChanged = (Class, hook) => {
        push(hooks, { Class, hook });
    };

    // DOM 2.7. `EventListener?` is a callback interface: any object will do until the event comes.
    function readListener(value, context) {
        if (value === undefined || value === null) {
            return null;
        }
        if (!isObject(value)) {
            throw new TypeError(`${context} must be a function, an object with handleEvent, or null`);
        }
        return value;
    }

    const readOptions = webidl.dictionary([["capture", webidl.boolean, { default: false }]]);
    const readAddOptions = webidl.dictionary([
        ["once", webidl.boolean, { default: false }],
        ["passive", webidl.boolean],
        ["signal", (value, context) => webidl.interface(host.AbortSignal)(value, context)],
    ], readOptions);

    // A union with a dictionary: null and undefined are the empty dictionary, all but objects is a boolean.
    const flatten = (read, options, context) =>
        (options === undefined || options === null || isObject(options)
            ? read(options, context)
            : { __proto__: null, capture: !!options });

    function find(list, callback, capture) {
        if (list === undefined) {
            return undefined;
        }
        for (let index = 0; index < list.length; index += 1) {
            if (list[index].callback === callback && list[index].capture === capture) {
                return list[index];
            }
        }
        return undefined;
    }

    // HTML, "the event handler processing algorithm", for an event that is not one of its special cases.
    function runHandler(handler, event, currentTarget) {
        if (typeof handler.value === "function" && apply(handler.value, currentTarget, [event]) === false) {
            const state = eventState(event);
            if (state.cancelable && !state.inPassiveListener) {
                state.canceled = true;
            }
        }
    }

    function runListener(listener, event, currentTarget) {
        if (listener.handler !== undefined) {
            runHandler(listener.handler, event, currentTarget);
        } else if (typeof listener.callback === "function") {
            apply(listener.callback, currentTarget, [event]);
        } else {
            const { handleEvent } = listener.callback;
            if (typeof handleEvent !== "function") {
                throw new TypeError("An event listener must be a function or have a method handleEvent");
            }
            apply(handleEvent, listener.callback, [event]);
        }
    }

    let operations;

    class EventTarget {
        // From a type to its listeners in order. A list only ever grows in place; to take one away, the list
        // is replaced. So a dispatch that has begun can go on with the list and the length it saw.
        #lists = undefined;
        #handlers = undefined;

        static {
            host.brand(EventTarget, (value) => #lists in value);

            const notify = (target) => {
                for (let index = 0; index < hooks.length; index += 1) {
                    const { Class, hook } = hooks[index];
                    if (host.is(Class, target)) {
                        hook(target);
                    }
                }
            };

            operations = {
                listeners: (target, type) =>
                    (target.#lists === undefined ? undefined : mapGet(target.#lists, type)),

                add(target, type, listener) {
                    target.#lists ??= new Map();
                    const list = mapGet(target.#lists, type);
                    if (list === undefined) {
                        const first = newList();
                        push(first, listener);
                        mapSet(target.#lists, type, first);
                    } else {
                        push(list, listener);
                    }
                    notify(target);
                },

                remove(target, type, listener) {
                    if (listener.removed) {
                        return;
                    }
                    listener.removed = true;
                    listener.forget?.();
                    const list = filter(mapGet(target.#lists, type), (other) => other !== listener);
                    if (list.length === 0) {
                        mapDelete(target.#lists, type);
                    } else {
                        mapSet(target.#lists, type, list);
                    }
                    notify(target);
                },

                handler: (target, name) =>
                    (target.#handlers === undefined ? undefined : mapGet(target.#handlers, name)),

                // A handler keeps its place among the listeners while it changes from one value to another;
                // null gives the place up (HTML, "activate" and "deactivate an event handler").
                setHandler(target, name, value) {
                    const handler = operations.handler(target, name);
                    if (value === null) {
                        if (handler !== undefined) {
                            mapDelete(target.#handlers, name);
                            operations.remove(target, name, handler.listener);
                        }
                    } else if (handler !== undefined) {
                        handler.value = value;
                    } else {
                        target.#handlers ??= new Map();
                        const added = { value, listener: undefined };
                        added.listener = makeListener(null, false);
                        added.listener.handler = added;
                        mapSet(target.#handlers, name, added);
                        operations.add(target, name, added.listener);
                    }
                },
            };
        }

        addEventListener(type, callback, options = undefined) {
            void this.#lists;
            webidl.arguments(arguments.length, 2, "EventTarget.addEventListener");
            type = webidl.DOMString(type, "EventTarget.addEventListener: type");
            callback = readListener(callback, "EventTarget.addEventListener: callback");
            const flags = flatten(readAddOptions, options, "EventTarget.addEventListener: options");
            const { signal } = flags;
            if (callback === null || (signal !== undefined && host.abortion(signal) !== undefined)) {
                return;
            }
            if (find(operations.listeners(this, type), callback, flags.capture) !== undefined) {
                return;
            }
            const listener = makeListener(callback, flags.capture);
            listener.once = flags.once ?? false;
            listener.passive = flags.passive ?? false;
            operations.add(this, type, listener);
            if (signal !== undefined) {
                listener.forget = host.onAbort(signal, removal(this, type, listener));
            }
        }

        removeEventListener(type, callback, options = undefined) {
            void this.#lists;
            webidl.arguments(arguments.length, 2, "EventTarget.removeEventListener");
            type = webidl.DOMString(type, "EventTarget.removeEventListener: type");
            callback = readListener(callback, "EventTarget.removeEventListener: callback");
            const { capture } = flatten(readOptions, options, "EventTarget.removeEventListener: options");
            const listener = find(operations.listeners(this, type), callback, capture);
            if (callback !== null && listener !== undefined) {
                operations.remove(this, type, listener);
            }
        }

        dispatchEvent(event) {
            void this.#lists;
            webidl.arguments(arguments.length, 1, "EventTarget.dispatchEvent");
            webidl.interface(host.Event)(event, "EventTarget.dispatchEvent: event");
            const state = eventState(event);
            if (state.dispatching || !state.initialized) {
                throw new host.DOMException("The event is already being dispatched", "InvalidStateError");
            }
            state.isTrusted = false;
            return dispatch(this, event, state);
        }
    }

    // Holds neither of them: a signal may live as long as the page, and would keep sockets that are closed.
    function removal(target, type, listener) {
        const weakTarget = new WeakRef(target);
        const weakListener = new WeakRef(listener);
        return () => {
            const found = deref(weakTarget);
            const registered = deref(weakListener);
            if (found !== undefined && registered !== undefined) {
                operations.remove(found, type, registered);
            }
        };
    }

    function makeListener(callback, capture) {
        return {
            callback, capture, once: false, passive: false, removed: false,
            // For an event handler's listener, the handler; for one with a signal, how to leave the signal.
            handler: undefined, forget: undefined,
        };
    }

    // DOM 2.9, "dispatch", for a target that has no parent. It goes step by step, a listener each, since microtasks
    // run behind a listener that no JavaScript has called.
    function begin(target, event, state) {
        state.dispatching = true;
        state.target = target;
        state.currentTarget = target;
        state.phase = AT_TARGET;
        const walk = { target, event, state, capture: true, list: undefined, length: 0, index: 0 };
        enter(walk, true);
        return walk;
    }

    // DOM 2.9, "invoke". At a target both kinds of listeners run, the capturing ones first.
    function enter(walk, capture) {
        const { target, state } = walk;
        walk.capture = capture;
        walk.list = state.propagationStopped ? undefined : operations.listeners(target, state.type);
        walk.length = walk.list === undefined ? 0 : walk.list.length;
        walk.index = 0;
    }

    // DOM 2.9, "inner invoke": calls the next listener. Without one, the dispatch is over, and the answer false.
    function step(walk) {
        const { target, event, state } = walk;
        if (state.immediatelyStopped) {
            walk.length = 0;
        }
        for (;;) {
            while (walk.index < walk.length) {
                const listener = walk.list[walk.index];
                walk.index += 1;
                if (listener.capture !== walk.capture || listener.removed) {
                    continue;
                }
                if (listener.once) {
                    operations.remove(target, state.type, listener);
                }
                state.inPassiveListener = listener.passive;
                try {
                    runListener(listener, event, target);
                } catch (error) {
                    host.uncaught(error);
                }
                state.inPassiveListener = false;
                return true;
            }
            if (!walk.capture) {
                end(state);
                return false;
            }
            enter(walk, false);
        }
    }

    function end(state) {
        state.phase = NONE;
        state.currentTarget = null;
        state.dispatching = false;
        state.propagationStopped = false;
        state.immediatelyStopped = false;
    }

    function dispatch(target, event, state) {
        const walk = begin(target, event, state);
        while (step(walk)) {
            // The next one.
        }
        return !state.canceled;
    }

    host.expose(EventTarget);

    host.dispatch = (target, event) => {
        const state = eventState(event);
        state.isTrusted = true;
        return dispatch(target, event, state);
    };

    // For an event that is a task of the event loop: nothing else of JavaScript is running. Calls the first listener;
    // for as long as the answer is true, the native side asks for the next. `then` is called behind the last, and may
    // begin with another event.
    let task;

    function proceed() {
        const { walk, then } = task;
        if (step(walk)) {
            return true;
        }
        task = undefined;
        return then() === true;
    }

    host.dispatchAsTask = (target, event, then) => {
        const state = eventState(event);
        state.isTrusted = true;
        task = { walk: begin(target, event, state), then };
        return proceed();
    };

    host.native.register("proceed", proceed);

    host.hasListener = (target, type) => operations.listeners(target, type) !== undefined;

    host.handlerAttribute = (Class, type) => {
        const name = `on${type}`;
        const { name: interfaceName } = Class;
        const check = (value) => {
            if (!host.is(Class, value)) {
                throw new TypeError(`${interfaceName}.${name} belongs to objects of type ${interfaceName}`);
            }
        };
        const property = getOwnPropertyDescriptor({
            get [name]() {
                check(this);
                return operations.handler(this, type)?.value ?? null;
            },
            set [name](value) {
                check(this);
                webidl.arguments(arguments.length, 1, `${interfaceName}.${name}`);
                operations.setHandler(this, type, isObject(value) ? value : null);
            },
        }, name);
        defineProperty(Class.prototype, name, { ...property, enumerable: true, configurable: true });
    };
})
