// What all streams share: promises that page code cannot reach into, the queue with sizes, and the two
// queuing strategies (Streams Standard, sections 7 and 8.1).
(function (host) {
    "use strict";

    const { Promise, RangeError, TypeError, then } = host.primordials;
    const { apply } = Reflect;
    const { isFinite } = Number;
    const { isObject, webidl } = host;

    function nothing() {}

    // A promise of ours with the means to settle it, and whether that has happened.
    class Deferred {
        promise = undefined;
        pending = true;
        #resolve;
        #reject;

        constructor() {
            this.promise = new Promise((resolve, reject) => {
                this.#resolve = resolve;
                this.#reject = reject;
            });
        }

        resolve(value) {
            this.pending = false;
            this.#resolve(value);
        }

        reject(reason) {
            this.pending = false;
            this.#reject(reason);
        }

        // Marks a rejection as handled: nobody has to look at this promise.
        silence() {
            silence(this.promise);
            return this;
        }

        static resolved(value) {
            const deferred = new Deferred();
            deferred.resolve(value);
            return deferred;
        }

        static rejected(reason) {
            const deferred = new Deferred();
            deferred.reject(reason);
            return deferred;
        }
    }

    // Always a new promise, unlike Promise.resolve: the ticks that a promise as value costs are part of the
    // standard's timing (Web IDL, "a promise resolved with").
    function resolvedWith(value) {
        return new Promise((resolve) => resolve(value));
    }

    function rejectedWith(reason) {
        return new Promise((resolve, reject) => reject(reason));
    }

    function silence(promise) {
        then(promise, undefined, nothing);
    }

    // The result of a promise-returning operation: what it throws becomes a rejection (Web IDL 3.7.7).
    function attempt(steps) {
        try {
            return steps();
        } catch (error) {
            return rejectedWith(error);
        }
    }

    // A callback of a page that Web IDL types as returning a promise: called with `receiver` as this value.
    function promiseCallback(callback, receiver) {
        return (...values) => attempt(() => resolvedWith(apply(callback, receiver, values)));
    }

    // A callback of ours that gives a promise of ours or nothing. A promise is taken as it is: to be resolved with one
    // is to call its `then`, which a page may have replaced.
    function ownCallback(callback) {
        return (value) => attempt(() => callback(value) ?? resolvedWith(undefined));
    }

    function afterMicrotask(steps) {
        then(resolvedWith(undefined), steps);
    }

    // A first-in-first-out list, linked so that taking from the front costs the same however long it is.
    class Fifo {
        #first = undefined;
        #last = undefined;
        length = 0;

        push(value) {
            const node = { value, next: undefined };
            if (this.#last === undefined) {
                this.#first = node;
            } else {
                this.#last.next = node;
            }
            this.#last = node;
            this.length += 1;
        }

        peek() {
            return this.#first.value;
        }

        shift() {
            const { value, next } = this.#first;
            this.#first = next;
            if (next === undefined) {
                this.#last = undefined;
            }
            this.length -= 1;
            return value;
        }

        clear() {
            this.#first = this.#last = undefined;
            this.length = 0;
        }
    }

    // A queue of chunks with the sum of their sizes (section 8.1).
    class SizedQueue {
        #entries = new Fifo();
        total = 0;

        get isEmpty() {
            return this.#entries.length === 0;
        }

        enqueue(chunk, size) {
            if (!isFinite(size) || size < 0) {
                throw new RangeError("The size of a chunk must be a finite, non-negative number");
            }
            this.#entries.push({ chunk, size });
            this.total += size;
        }

        dequeue() {
            const { chunk, size } = this.#entries.shift();
            // Sums of fractions are inexact; they must not leave less than nothing in the queue.
            const rest = this.total - size;
            this.total = rest < 0 ? 0 : rest;
            return chunk;
        }

        peek() {
            return this.#entries.peek().chunk;
        }

        reset() {
            this.#entries.clear();
            this.total = 0;
        }
    }

    const strategyOf = webidl.dictionary([
        ["highWaterMark", webidl.unrestrictedDouble],
        ["size", webidl.callback],
    ]);

    // ExtractHighWaterMark
    function highWaterMarkOf({ highWaterMark }, fallback) {
        if (highWaterMark === undefined) {
            return fallback;
        }
        if (!(highWaterMark >= 0)) {
            throw new RangeError("A queuing strategy's highWaterMark must be a non-negative number");
        }
        return highWaterMark;
    }

    function sizeOne() {
        return 1;
    }

    // ExtractSizeAlgorithm
    function sizeOf({ size }) {
        if (size === undefined) {
            return sizeOne;
        }
        return (chunk) => webidl.unrestrictedDouble(apply(size, undefined, [chunk]), "The size of a chunk");
    }

    // An optional argument of the Web IDL type `object`; null stands for a missing one.
    function optionalObject(value, context) {
        if (value === undefined) {
            return null;
        }
        if (!isObject(value)) {
            throw new TypeError(`${context} must be an object`);
        }
        return value;
    }

    const strategyInit = webidl.dictionary([
        ["highWaterMark", webidl.unrestrictedDouble, { required: true }],
    ]);

    // One function for all strategies of a kind; not constructors, and named "size" (sections 7.2, 7.3).
    const { size: byteLengthSize } = { size: (chunk) => chunk.byteLength };
    const { size: countSize } = { size: () => 1 };

    class ByteLengthQueuingStrategy {
        #highWaterMark;

        constructor(init) {
            this.#highWaterMark = strategyInit(init, "ByteLengthQueuingStrategy's init").highWaterMark;
        }

        get highWaterMark() {
            return this.#highWaterMark;
        }

        get size() {
            this.#highWaterMark;
            return byteLengthSize;
        }

        static {
            host.brand(ByteLengthQueuingStrategy, (value) => #highWaterMark in value);
        }
    }

    class CountQueuingStrategy {
        #highWaterMark;

        constructor(init) {
            this.#highWaterMark = strategyInit(init, "CountQueuingStrategy's init").highWaterMark;
        }

        get highWaterMark() {
            return this.#highWaterMark;
        }

        get size() {
            this.#highWaterMark;
            return countSize;
        }

        static {
            host.brand(CountQueuingStrategy, (value) => #highWaterMark in value);
        }
    }

    host.expose(ByteLengthQueuingStrategy);
    host.expose(CountQueuingStrategy);

    // The later files' way to each other; no page ever sees this object.
    host.streams = {
        __proto__: null,
        // Given by the callers of constructors that make a public object for internal state.
        token: { __proto__: null },
        then, nothing, Deferred, resolvedWith, rejectedWith, silence, attempt, promiseCallback, ownCallback,
        afterMicrotask, Fifo, SizedQueue,
        strategyOf, highWaterMarkOf, sizeOf, sizeOne, optionalObject,
    };
})
