// Event and CustomEvent (DOM 2.2 to 2.5).
//
// Adds to `host`: Event, CustomEvent, createEvent, now, eventState (the innards, for dispatch only),
// initializeEvent.
(function (host) {
    "use strict";

    const { defineProperty, getOwnPropertyDescriptor } = Reflect;
    const { webidl } = host;
    const { max } = host.primordials;

    // Milliseconds since the context began, never backwards. timers.js may know a better clock.
    if (host.now === undefined) {
        const performance = host.global.performance;
        const { now: date } = Date;
        const origin = date();
        let latest = 0;
        host.now = typeof performance?.now === "function"
            ? performance.now.bind(performance)
            : () => {
                latest = max(latest, date() - origin);
                return latest;
            };
    }

    const NONE = 0;
    const CAPTURING_PHASE = 1;
    const AT_TARGET = 2;
    const BUBBLING_PHASE = 3;

    const readInit = webidl.dictionary([
        ["bubbles", webidl.boolean, { default: false }],
        ["cancelable", webidl.boolean, { default: false }],
        ["composed", webidl.boolean, { default: false }],
    ]);

    // DOM 2.5, "initialize": what the constructor and the init methods have in common.
    function initialize(state, type, bubbles, cancelable) {
        state.initialized = true;
        state.propagationStopped = false;
        state.immediatelyStopped = false;
        state.canceled = false;
        state.isTrusted = false;
        state.target = null;
        state.type = type;
        state.bubbles = bubbles;
        state.cancelable = cancelable;
    }

    function cancel(state) {
        if (state.cancelable && !state.inPassiveListener) {
            state.canceled = true;
        }
    }

    let stateOf;
    let isTrusted;

    class Event {
        #state;

        static {
            stateOf = (event) => event.#state;
            host.brand(Event, (value) => #state in value);

            // [LegacyUnforgeable]: an own property of every event, with one and the same getter.
            const holder = {
                get isTrusted() {
                    return this.#state.isTrusted;
                },
            };
            isTrusted = {
                __proto__: null,
                get: getOwnPropertyDescriptor(holder, "isTrusted").get,
                set: undefined,
                enumerable: true,
                configurable: false,
            };
        }

        constructor(type, eventInitDict = undefined) {
            webidl.arguments(arguments.length, 1, "Event");
            type = webidl.DOMString(type, "Event: type");
            const init = readInit(eventInitDict, "Event: eventInitDict");
            this.#state = {
                type,
                target: null,
                currentTarget: null,
                phase: NONE,
                bubbles: init.bubbles,
                cancelable: init.cancelable,
                composed: init.composed,
                initialized: true,
                dispatching: false,
                propagationStopped: false,
                immediatelyStopped: false,
                canceled: false,
                inPassiveListener: false,
                isTrusted: false,
                timeStamp: host.now(),
            };
            defineProperty(this, "isTrusted", isTrusted);
        }

        get type() {
            return this.#state.type;
        }

        get target() {
            return this.#state.target;
        }

        get srcElement() {
            return this.#state.target;
        }

        get currentTarget() {
            return this.#state.currentTarget;
        }

        // No target here has a parent, so the path is the target, and only while it is being walked.
        composedPath() {
            const { currentTarget } = this.#state;
            return currentTarget === null ? [] : [currentTarget];
        }

        get eventPhase() {
            return this.#state.phase;
        }

        stopPropagation() {
            this.#state.propagationStopped = true;
        }

        get cancelBubble() {
            return this.#state.propagationStopped;
        }

        set cancelBubble(value) {
            const state = this.#state;
            webidl.arguments(arguments.length, 1, "Event.cancelBubble");
            if (value) {
                state.propagationStopped = true;
            }
        }

        stopImmediatePropagation() {
            const state = this.#state;
            state.propagationStopped = true;
            state.immediatelyStopped = true;
        }

        get bubbles() {
            return this.#state.bubbles;
        }

        get cancelable() {
            return this.#state.cancelable;
        }

        get returnValue() {
            return !this.#state.canceled;
        }

        set returnValue(value) {
            const state = this.#state;
            webidl.arguments(arguments.length, 1, "Event.returnValue");
            if (!value) {
                cancel(state);
            }
        }

        preventDefault() {
            cancel(this.#state);
        }

        get defaultPrevented() {
            return this.#state.canceled;
        }

        get composed() {
            return this.#state.composed;
        }

        get timeStamp() {
            return this.#state.timeStamp;
        }

        initEvent(type, bubbles = false, cancelable = false) {
            const state = this.#state;
            webidl.arguments(arguments.length, 1, "Event.initEvent");
            type = webidl.DOMString(type, "Event.initEvent: type");
            if (!state.dispatching) {
                initialize(state, type, !!bubbles, !!cancelable);
            }
        }
    }

    host.constants(Event, { NONE, CAPTURING_PHASE, AT_TARGET, BUBBLING_PHASE });
    host.expose(Event);

    host.eventState = stateOf;
    host.createEvent = (Class, type, init = undefined) => new Class(type, init);

    // For the init methods of derived classes: false while the event is being dispatched, when they change
    // nothing.
    host.initializeEvent = (event, type, bubbles, cancelable) => {
        const state = stateOf(event);
        if (state.dispatching) {
            return false;
        }
        initialize(state, type, bubbles, cancelable);
        return true;
    };

    const readCustomInit = webidl.dictionary([["detail", webidl.any, { default: null }]]);

    class CustomEvent extends Event {
        #detail;

        static {
            host.brand(CustomEvent, (value) => #detail in value);
        }

        constructor(type, eventInitDict = undefined) {
            webidl.arguments(arguments.length, 1, "CustomEvent");
            super(type, eventInitDict);
            this.#detail = readCustomInit(eventInitDict, "CustomEvent: eventInitDict").detail;
        }

        get detail() {
            return this.#detail;
        }

        initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
            void this.#detail;
            webidl.arguments(arguments.length, 1, "CustomEvent.initCustomEvent");
            type = webidl.DOMString(type, "CustomEvent.initCustomEvent: type");
            if (host.initializeEvent(this, type, !!bubbles, !!cancelable)) {
                this.#detail = detail;
            }
        }
    }

    host.expose(CustomEvent);
})
