// What our scripts stand on, taken before a page can replace any of it: a page's own `Map` or `then` must neither
// change what the interfaces do nor see it done.
//
// What follows from that for all scripts here, once they are installed:
// - Built-in constructors and methods are those of `host.primordials`.
// - No spread, no destructuring of arrays, no for…of: all of them ask the page's iterators.
// - An object that is looked into for what it may lack has no prototype, and neither has a property descriptor.
// - A list that grows by index or `push` is one of `list()`: on the others, a setter of Array.prototype would see it.
//
// Adds to `host`: primordials, uncurry.
(function (host) {
    "use strict";

    const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor } = Reflect;
    const { getPrototypeOf, setPrototypeOf } = Object;
    const { bind, call } = Function.prototype;

    // What is not there must not be looked for in Object.prototype.
    setPrototypeOf(host, null);
    setPrototypeOf(host.native, null);
    setPrototypeOf(host.settings, null);

    // uncurry(method)(self, ...arguments) is self.method(...arguments), whatever has become of the prototype.
    const uncurry = bind.bind(call);
    const getter = (prototype, key) => uncurry(getOwnPropertyDescriptor(prototype, key).get);

    const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);

    // ---- Lists ----

    const list = () => setPrototypeOf([], null);
    const filterArray = uncurry(Array.prototype.filter);

    // ---- Promises ----

    const plainThen = uncurry(Promise.prototype.then);
    const ownConstructor = { __proto__: null, value: undefined, configurable: true };

    // Promise.prototype.then asks the promise for its constructor, which a page may have replaced. A promise that
    // says it has none gets an ordinary one.
    function then(promise, fulfilled, rejected) {
        const before = getOwnPropertyDescriptor(promise, "constructor");
        const isHidden = defineProperty(promise, "constructor", ownConstructor);
        try {
            return plainThen(promise, fulfilled, rejected);
        } finally {
            if (isHidden) {
                if (before === undefined) {
                    deleteProperty(promise, "constructor");
                } else {
                    setPrototypeOf(before, null);
                    defineProperty(promise, "constructor", before);
                }
            }
        }
    }

    // ---- Text ----

    const StringPrototype = String.prototype;
    const ownCharCodeAt = StringPrototype.charCodeAt;
    const charCodeAt = uncurry(ownCharCodeAt);
    // JavaScriptCore inlines the method, and takes thirty times as long for a function that was put aside.
    const charCodeAtAsMethod = (text, index) => text.charCodeAt(index);

    // Looked at without the page seeing it: an accessor is not called.
    function isUntouched(object, key, value) {
        const found = getOwnPropertyDescriptor(object, key);
        return found !== undefined && setPrototypeOf(found, null).value === value;
    }

    host.uncurry = uncurry;
    host.primordials = {
        __proto__: null,
        ArrayBuffer, BigInt, Map, Number, Promise, RangeError, Set, TypeError, Uint8Array, Uint16Array, WeakMap,
        WeakRef,
        getter,
        iteratorSymbol: Symbol.iterator,
        max: Math.max,
        min: Math.min,

        list, setPrototypeOf,
        push: uncurry(Array.prototype.push),
        sort: uncurry(Array.prototype.sort),
        splice: uncurry(Array.prototype.splice),
        indexOf: uncurry(Array.prototype.indexOf),
        filter: (items, test) => setPrototypeOf(filterArray(items, test), null),

        mapGet: uncurry(Map.prototype.get),
        mapSet: uncurry(Map.prototype.set),
        mapHas: uncurry(Map.prototype.has),
        mapDelete: uncurry(Map.prototype.delete),
        mapEach: uncurry(Map.prototype.forEach),
        setAdd: uncurry(Set.prototype.add),
        setHas: uncurry(Set.prototype.has),
        setDelete: uncurry(Set.prototype.delete),
        setClear: uncurry(Set.prototype.clear),
        setEach: uncurry(Set.prototype.forEach),
        setSize: getter(Set.prototype, "size"),
        weakGet: uncurry(WeakMap.prototype.get),
        weakSet: uncurry(WeakMap.prototype.set),
        deref: uncurry(WeakRef.prototype.deref),

        then,

        slice: uncurry(StringPrototype.slice),
        startsWith: uncurry(StringPrototype.startsWith),
        toLowerCase: uncurry(StringPrototype.toLowerCase),
        charCodeAt,
        // The fastest way that the page has left.
        fastCharCodeAt: () => (isUntouched(StringPrototype, "charCodeAt", ownCharCodeAt)
            ? charCodeAtAsMethod : charCodeAt),

        setElements: uncurry(TypedArrayPrototype.set),
        lengthOf: getter(TypedArrayPrototype, "length"),
        bufferOf: getter(TypedArrayPrototype, "buffer"),
        offsetOf: getter(TypedArrayPrototype, "byteOffset"),

        // apply() with what is like an array, which asks it for its length.
        applyToTyped(callback, receiver, typed) {
            defineProperty(typed, "length", {
                __proto__: null, value: host.primordials.lengthOf(typed), configurable: true,
            });
            return apply(callback, receiver, typed);
        },
    };
})
