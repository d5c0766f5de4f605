// URL (URL Standard 6.1).
//
// Uses of `host.native`: parseURL, setURL.
(function (host) {
    "use strict";

    const { webidl, linkParams, refillParams } = host;
    const { parseURL, setURL } = host.native;
    const { USVString } = webidl;
    const { slice } = host.primordials;

    // In the order in which the native side gives them.
    const names = [
        "href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search",
        "hash",
    ];
    const HREF = 0;
    const SEARCH = 9;

    // What parseURL answers of the arguments, once they are strings.
    function parse(url, base, context, throws) {
        const text = USVString(url, `${context}: url`);
        return parseURL(text, base === undefined ? undefined : USVString(base, `${context}: base`), throws);
    }

    let internals;

    class URL {
        #parts;
        #params;

        static {
            host.brand(URL, (value) => #parts in value);
            internals = {
                part: (url, index) => url.#parts[index],
                set(url, name, text) {
                    url.#parts = setURL(url.#parts[HREF], name, text);
                },
            };
        }

        constructor(url, base = undefined) {
            webidl.arguments(arguments.length, 1, "URL");
            // Says in a TypeError what is wrong with it.
            this.#parts = parse(url, base, "URL", true);
        }

        static parse(url, base = undefined) {
            webidl.arguments(arguments.length, 1, "URL.parse");
            const parts = parse(url, base, "URL.parse", false);
            if (parts === undefined) {
                return null;
            }
            const result = new URL("about:blank");
            result.#parts = parts;
            return result;
        }

        static canParse(url, base = undefined) {
            webidl.arguments(arguments.length, 1, "URL.canParse");
            return parse(url, base, "URL.canParse", false) !== undefined;
        }

        get href() {
            return this.#parts[HREF];
        }

        set href(value) {
            void this.#parts;
            webidl.arguments(arguments.length, 1, "URL.href");
            this.#parts = parseURL(USVString(value, "URL.href"), undefined, true);
            this.#refill();
        }

        get search() {
            return this.#parts[SEARCH];
        }

        set search(value) {
            void this.#parts;
            webidl.arguments(arguments.length, 1, "URL.search");
            internals.set(this, "search", USVString(value, "URL.search"));
            this.#refill();
        }

        get searchParams() {
            this.#params ??= linkParams(slice(this.#parts[SEARCH], 1), this.#onParams);
            return this.#params;
        }

        #onParams = (query) => internals.set(this, "search", query);

        #refill() {
            if (this.#params !== undefined) {
                refillParams(this.#params, slice(this.#parts[SEARCH], 1), this.#onParams);
            }
        }

        toString() {
            return this.#parts[HREF];
        }

        toJSON() {
            return this.#parts[HREF];
        }
    }

    // All attributes in the standard's order, those of the class body among them.
    for (const name of [...names.slice(0, SEARCH + 1), "searchParams", "hash"]) {
        const index = names.indexOf(name);
        let property = Reflect.getOwnPropertyDescriptor(URL.prototype, name);
        if (property === undefined) {
            property = Reflect.getOwnPropertyDescriptor({
                get [name]() {
                    return internals.part(this, index);
                },
                set [name](value) {
                    internals.part(this, index);
                    webidl.arguments(arguments.length, 1, `URL.${name}`);
                    internals.set(this, name, USVString(value, `URL.${name}`));
                },
            }, name);
        }
        if (name === "origin") {
            property.set = undefined;
        }
        Reflect.deleteProperty(URL.prototype, name);
        Reflect.defineProperty(URL.prototype, name, property);
    }

    host.expose(URL);
})
