// URLSearchParams (URL Standard 6.2).
//
// Uses of `host.native`: parseForm, serializeForm. Adds to `host`: URLSearchParams, linkParams, refillParams.
(function (host) {
    "use strict";

    const { apply, getOwnPropertyDescriptor, ownKeys } = Reflect;
    const { create } = Object;
    const { webidl, isObject } = host;
    const {
        Map, TypeError, WeakMap, filter, iteratorSymbol, list: newList, mapEach, mapSet, push, setPrototypeOf,
        slice, sort, startsWith, weakGet, weakSet,
    } = host.primordials;
    const { parseForm, serializeForm } = host.native;
    const { USVString } = webidl;

    function pairsOf(text) {
        const flat = parseForm(text);
        const pairs = newList();
        for (let index = 0; index < flat.length; index += 2) {
            push(pairs, [flat[index], flat[index + 1]]);
        }
        return pairs;
    }

    const readPairs = webidl.sequence(webidl.sequence(USVString));

    // The union of a sequence of pairs, a record and a string.
    function read(init, context) {
        if (!isObject(init)) {
            const text = USVString(init, context);
            return pairsOf(startsWith(text, "?") ? slice(text, 1) : text);
        }
        const method = init[iteratorSymbol];
        if (method !== undefined && method !== null) {
            // As a list that no setter of a page's sees grow.
            const pairs = setPrototypeOf(readPairs(init, context, method), null);
            for (let index = 0; index < pairs.length; index += 1) {
                if (pairs[index].length !== 2) {
                    throw new TypeError(`${context} must be pairs of name and value`);
                }
            }
            return pairs;
        }
        const record = new Map();
        const keys = ownKeys(init);
        for (let index = 0; index < keys.length; index += 1) {
            const key = keys[index];
            if (getOwnPropertyDescriptor(init, key)?.enumerable) {
                // Two names can be the same once their surrogates are made well.
                const name = USVString(key, `${context}: name`);
                mapSet(record, name, USVString(init[key], `${context}: ${name}`));
            }
        }
        const pairs = newList();
        mapEach(record, (value, name) => push(pairs, [name, value]));
        return pairs;
    }

    const ArrayPrototype = Array.prototype;

    // The first that does, or -1.
    function find(pairs, test) {
        for (let index = 0; index < pairs.length; index += 1) {
            if (test(pairs[index])) {
                return index;
            }
        }
        return -1;
    }

    function serialize(pairs) {
        const flat = newList();
        for (let index = 0; index < pairs.length; index += 1) {
            push(flat, pairs[index][0]);
            push(flat, pairs[index][1]);
        }
        return serializeForm(flat);
    }

    let internals;

    class URLSearchParams {
        #list = newList();
        // Tells the URL that this belongs to.
        #changed = () => {};

        static {
            host.brand(URLSearchParams, (value) => #list in value);
            internals = {
                link(params, query, changed) {
                    params.#list = pairsOf(query);
                    params.#changed = changed;
                },
                list: (params) => params.#list,
            };
        }

        constructor(init = "") {
            this.#list = read(init, "URLSearchParams: init");
        }

        #update() {
            this.#changed(serialize(this.#list));
        }

        get size() {
            return this.#list.length;
        }

        append(name, value) {
            const list = this.#list;
            webidl.arguments(arguments.length, 2, "URLSearchParams.append");
            push(list, [USVString(name), USVString(value)]);
            this.#update();
        }

        delete(name, value = undefined) {
            const list = this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.delete");
            const key = USVString(name);
            const text = value === undefined ? undefined : USVString(value);
            this.#list = filter(list, (pair) => pair[0] !== key || (text !== undefined && pair[1] !== text));
            this.#update();
        }

        get(name) {
            const list = this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.get");
            const key = USVString(name);
            const index = find(list, (pair) => pair[0] === key);
            return index < 0 ? null : list[index][1];
        }

        getAll(name) {
            const list = this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.getAll");
            const key = USVString(name);
            const values = newList();
            for (let index = 0; index < list.length; index += 1) {
                if (list[index][0] === key) {
                    push(values, list[index][1]);
                }
            }
            return setPrototypeOf(values, ArrayPrototype);
        }

        has(name, value = undefined) {
            const list = this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.has");
            const key = USVString(name);
            const text = value === undefined ? undefined : USVString(value);
            return find(list, (pair) => pair[0] === key && (text === undefined || pair[1] === text)) >= 0;
        }

        set(name, value) {
            const list = this.#list;
            webidl.arguments(arguments.length, 2, "URLSearchParams.set");
            const key = USVString(name);
            const text = USVString(value);
            const first = find(list, (pair) => pair[0] === key);
            if (first < 0) {
                push(list, [key, text]);
            } else {
                list[first][1] = text;
                this.#list = filter(list, (pair, index) => index <= first || pair[0] !== key);
            }
            this.#update();
        }

        // By code units, and equal names as they were.
        sort() {
            sort(this.#list, (left, right) => (left[0] < right[0] ? -1 : left[0] > right[0] ? 1 : 0));
            this.#update();
        }

        forEach(callback, thisArg = undefined) {
            void this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.forEach");
            webidl.callback(callback, "URLSearchParams.forEach: callback");
            for (let index = 0; index < this.#list.length; index += 1) {
                const pair = this.#list[index];
                apply(callback, thisArg, [pair[1], pair[0], this]);
            }
        }

        entries() {
            return iterate(this, this.#list, (pair) => [pair[0], pair[1]]);
        }

        keys() {
            return iterate(this, this.#list, (pair) => pair[0]);
        }

        values() {
            return iterate(this, this.#list, (pair) => pair[1]);
        }

        toString() {
            return serialize(this.#list);
        }
    }

    // Web IDL 3.7.10: an iterator of a class without a name that sees what changes while it goes on.
    const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
    const states = new WeakMap();
    const iterator = Object.create(IteratorPrototype, {
        next: {
            value: {
                next() {
                    const state = weakGet(states, this);
                    if (state === undefined) {
                        throw new TypeError("next belongs to iterators of URLSearchParams");
                    }
                    const list = internals.list(state.params);
                    if (state.index >= list.length) {
                        return { value: undefined, done: true };
                    }
                    state.index += 1;
                    return { value: state.make(list[state.index - 1]), done: false };
                },
            }.next,
            writable: true, enumerable: true, configurable: true,
        },
        [Symbol.toStringTag]: { value: "URLSearchParams Iterator", configurable: true },
    });

    function iterate(params, list, make) {
        void list;
        const result = create(iterator);
        weakSet(states, result, { params, make, index: 0 });
        return result;
    }

    host.expose(URLSearchParams);
    Reflect.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
        value: URLSearchParams.prototype.entries, writable: true, enumerable: false, configurable: true,
    });

    // The parameters of a URL: filled from its query, and telling it what becomes of them.
    host.linkParams = (query, changed) => {
        const params = new URLSearchParams();
        internals.link(params, query, changed);
        return params;
    };
    host.refillParams = internals.link;
})
