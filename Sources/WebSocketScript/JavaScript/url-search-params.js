// URLSearchParams (URL Standard 6.2).
//
// Uses of `host.native`: parseForm, serializeForm. Adds to `host`: URLSearchParams, linkParams, refillParams.
(function (host) {
    "use strict";

    const { getOwnPropertyDescriptor, ownKeys } = Reflect;
    const { webidl, isObject } = host;
    const { parseForm, serializeForm } = host.native;
    const { USVString } = webidl;

    function pairsOf(text) {
        const flat = parseForm(text);
        const pairs = [];
        for (let index = 0; index < flat.length; index += 2) {
            pairs.push([flat[index], flat[index + 1]]);
        }
        return pairs;
    }

    const readPairs = webidl.sequence(webidl.sequence(USVString));

    // The union of a sequence of pairs, a record and a string.
    function read(init, context) {
        if (!isObject(init)) {
            const text = USVString(init, context);
            return pairsOf(text.startsWith("?") ? text.slice(1) : text);
        }
        const method = init[Symbol.iterator];
        if (method !== undefined && method !== null) {
            const pairs = readPairs(init, context);
            if (pairs.some((pair) => pair.length !== 2)) {
                throw new TypeError(`${context} must be pairs of name and value`);
            }
            return pairs;
        }
        const record = new Map();
        for (const key of ownKeys(init)) {
            if (getOwnPropertyDescriptor(init, key)?.enumerable) {
                // Two names can be the same once their surrogates are made well.
                const name = USVString(key, `${context}: name`);
                record.set(name, USVString(init[key], `${context}: ${name}`));
            }
        }
        return [...record];
    }

    let internals;

    class URLSearchParams {
        #list = [];
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
            this.#changed(this.toString());
        }

        get size() {
            return this.#list.length;
        }

        append(name, value) {
            const list = this.#list;
            webidl.arguments(arguments.length, 2, "URLSearchParams.append");
            list.push([USVString(name), USVString(value)]);
            this.#update();
        }

        delete(name, value = undefined) {
            const list = this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.delete");
            const key = USVString(name);
            const text = value === undefined ? undefined : USVString(value);
            this.#list = list.filter((pair) => pair[0] !== key || (text !== undefined && pair[1] !== text));
            this.#update();
        }

        get(name) {
            const list = this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.get");
            const key = USVString(name);
            return list.find((pair) => pair[0] === key)?.[1] ?? null;
        }

        getAll(name) {
            const list = this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.getAll");
            const key = USVString(name);
            return list.filter((pair) => pair[0] === key).map((pair) => pair[1]);
        }

        has(name, value = undefined) {
            const list = this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.has");
            const key = USVString(name);
            const text = value === undefined ? undefined : USVString(value);
            return list.some((pair) => pair[0] === key && (text === undefined || pair[1] === text));
        }

        set(name, value) {
            const list = this.#list;
            webidl.arguments(arguments.length, 2, "URLSearchParams.set");
            const key = USVString(name);
            const text = USVString(value);
            const first = list.findIndex((pair) => pair[0] === key);
            if (first < 0) {
                list.push([key, text]);
            } else {
                list[first][1] = text;
                this.#list = list.filter((pair, index) => index <= first || pair[0] !== key);
            }
            this.#update();
        }

        // By code units, and equal names as they were.
        sort() {
            this.#list.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
            this.#update();
        }

        forEach(callback, thisArg = undefined) {
            void this.#list;
            webidl.arguments(arguments.length, 1, "URLSearchParams.forEach");
            webidl.callback(callback, "URLSearchParams.forEach: callback");
            for (let index = 0; index < this.#list.length; index += 1) {
                const [name, value] = this.#list[index];
                Reflect.apply(callback, thisArg, [value, name, this]);
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
            return serializeForm(this.#list.flat());
        }
    }

    // Web IDL 3.7.10: an iterator of a class without a name that sees what changes while it goes on.
    const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
    const states = new WeakMap();
    const iterator = Object.create(IteratorPrototype, {
        next: {
            value: {
                next() {
                    const state = states.get(this);
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
        const result = Object.create(iterator);
        states.set(result, { params, make, index: 0 });
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
