// ReadableStream.from (Streams Standard, ReadableStreamFromIterable), and the part of ECMAScript it rests on:
// GetIterator(value, async), which no language construct gives without ticks of its own.
(function (host) {
    "use strict";

    const { Promise, TypeError } = host.global;
    const { asyncIterator: asyncIteratorSymbol, iterator: iteratorSymbol } = Symbol;
    const { apply } = Reflect;
    const { isObject, uncurry } = host;
    const { then, nothing, attempt, resolvedWith, rejectedWith, newReadable } = host.streams;
    const promiseResolve = uncurry(Promise.resolve);

    function objectOnly(result, method) {
        if (!isObject(result)) {
            throw new TypeError(`The iterator's ${method}() did not give an object`);
        }
        return result;
    }

    // ECMAScript's GetMethod
    function methodOf(value, key) {
        const method = value[key];
        if (method === undefined || method === null) {
            return undefined;
        }
        if (typeof method !== "function") {
            throw new TypeError("A method of the iterable or of its iterator is not a function");
        }
        return method;
    }

    function asyncIteratorOf(value) {
        let method = methodOf(value, asyncIteratorSymbol);
        const wrap = method === undefined ? iteratorOverPromises : plainIterator;
        method ??= methodOf(value, iteratorSymbol);
        if (method === undefined) {
            throw new TypeError("ReadableStream.from needs an iterable or async iterable value");
        }
        const iterator = objectOnly(apply(method, value, []), "iterator method");
        return wrap(iterator, iterator.next);
    }

    function plainIterator(iterator, next) {
        return {
            next: () => apply(next, iterator, []),
            return(reason) {
                const method = methodOf(iterator, "return");
                // A source without this method has nothing to clean up.
                return method === undefined ? { done: true } : apply(method, iterator, [reason]);
            },
        };
    }

    // ECMAScript's %AsyncFromSyncIteratorPrototype%: a chunk that is a promise is waited for, and one that is
    // rejected closes the iterator.
    function iteratorOverPromises(iterator, next) {
        function unwrapped(result, closesOnRejection) {
            const done = !!result.done;
            const { value } = result;
            const close = done || !closesOnRejection ? undefined : (error) => {
                try {
                    const method = methodOf(iterator, "return");
                    if (method !== undefined) {
                        apply(method, iterator, []);
                    }
                } catch {
                    // The rejection is what counts.
                }
                throw error;
            };
            let promise;
            try {
                promise = promiseResolve(Promise, value);
            } catch (error) {
                return close === undefined ? rejectedWith(error) : attempt(() => close(error));
            }
            return then(promise, (awaited) => ({ value: awaited, done }), close);
        }

        return {
            next: () => attempt(() => unwrapped(objectOnly(apply(next, iterator, []), "next"), true)),
            return: (reason) => attempt(() => {
                const method = methodOf(iterator, "return");
                if (method === undefined) {
                    return resolvedWith({ value: reason, done: true });
                }
                return unwrapped(objectOnly(apply(method, iterator, [reason]), "return"), false);
            }),
        };
    }

    function readableFrom(iterable) {
        const iterator = asyncIteratorOf(iterable);
        const pull = () => attempt(() => then(resolvedWith(iterator.next()), (result) => {
            if (objectOnly(result, "next").done) {
                stream.controller.close();
            } else {
                stream.controller.enqueue(result.value);
            }
        }));
        const cancel = (reason) => attempt(() => then(resolvedWith(iterator.return(reason)), (result) => {
            objectOnly(result, "return");
        }));
        const stream = newReadable(nothing, pull, cancel, 0);
        return stream;
    }

    host.streams.readableFrom = readableFrom;
})
