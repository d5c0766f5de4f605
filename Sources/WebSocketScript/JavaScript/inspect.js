// Values as text for people, for the console and for what was thrown and is no error.
//
// Uses of `host.native`: register. Adds to `host`: inspect, stackLines.
(function (host) {
    "use strict";

    const { getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
    const { native } = host;
    const { stringify } = JSON;

    const widest = 76;
    const mostItems = 100;
    const longestString = 10000;
    const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

    const quote = (text) => {
        const shown = text.length > longestString
            ? `${text.slice(0, longestString)}... ${text.length - longestString} more`
            : text;
        // In single quotes, unless there are some in it.
        const escaped = stringify(shown).slice(1, -1);
        return shown.includes("'") ? `"${escaped}"` : `'${escaped.replaceAll('\\"', '"')}'`;
    };

    const keyText = (key) => {
        if (typeof key === "symbol") {
            return `[${String(key)}]`;
        }
        return identifier.test(key) ? key : quote(key);
    };

    function className(object) {
        for (let holder = object; holder !== null; holder = getPrototypeOf(holder)) {
            const { value } = getOwnPropertyDescriptor(holder, "constructor") ?? {};
            if (typeof value === "function" && value.name !== "") {
                return value.name;
            }
        }
        return undefined;
    }

    // Whether its class is one of our interfaces, or derived from one.
    function isOfOurs(object) {
        for (let holder = getPrototypeOf(object); holder !== null; holder = getPrototypeOf(holder)) {
            const { value } = getOwnPropertyDescriptor(holder, "constructor") ?? {};
            if (typeof value === "function" && value === host[value.name] && value.prototype === holder) {
                return host.is(value, object);
            }
        }
        return false;
    }

    function functionText(value) {
        const isClass = Function.prototype.toString.call(value).startsWith("class");
        const kind = isClass ? "class" : className(value) ?? "Function";
        return value.name === "" ? `[${kind} (anonymous)]` : `[${kind}: ${value.name}]`;
    }

    // The lines of a stack that are not of the interfaces' own scripts.
    const stackLines = (stack) => String(stack).split("\n")
        .filter((line) => line !== "" && !line.includes("@duplex:") && !line.includes("[native code]"))
        .map((line) => line.replace(/^(?:global code|eval code|)@/, "").replace(/^(.*?)@(.*)$/, "$1 ($2)"))
        .map((line) => `    at ${line}`);

    function errorText(error) {
        const name = String(error.name);
        const message = String(error.message);
        const head = message === "" ? name : `${name}: ${message}`;
        return typeof error.stack === "string" ? [head, ...stackLines(error.stack)].join("\n") : head;
    }

    function arrange(prefix, open, items, close, indent) {
        const start = prefix === "" ? "" : `${prefix} `;
        if (items.length === 0) {
            return `${start}${open}${close}`;
        }
        const length = items.reduce((sum, item) => sum + item.length + 2, start.length + indent.length);
        if (length <= widest && !items.some((item) => item.includes("\n"))) {
            return `${start}${open} ${items.join(", ")} ${close}`;
        }
        const inner = `${indent}  `;
        return `${start}${open}\n${items.map((item) => inner + item).join(",\n")}\n${indent}${close}`;
    }

    function elide(items, total) {
        if (total > items.length) {
            const rest = total - items.length;
            items.push(`... ${rest} more item${rest === 1 ? "" : "s"}`);
        }
        return items;
    }

    function take(iterable, make) {
        const items = [];
        for (const item of iterable) {
            if (items.length === mostItems) {
                break;
            }
            items.push(make(item));
        }
        return items;
    }

    class Inspector {
        #depth;
        #seen = [];

        constructor(depth) {
            this.#depth = depth;
        }

        value(value, indent = "") {
            switch (typeof value) {
                case "string": return quote(value);
                case "number": return Object.is(value, -0) ? "-0" : String(value);
                case "bigint": return `${value}n`;
                case "function": return this.#nested(value, indent, functionText(value));
                case "object": return value === null ? "null" : this.#nested(value, indent);
                default: return String(value);
            }
        }

        #nested(value, indent, head = undefined) {
            if (this.#seen.includes(value)) {
                return "[Circular]";
            }
            this.#seen.push(value);
            try {
                return head === undefined
                    ? this.#object(value, indent)
                    : this.#functionWithProperties(value, head, indent);
            } finally {
                this.#seen.pop();
            }
        }

        #functionWithProperties(value, head, indent) {
            const isHidden = (key) => typeof key === "symbol" || key === "prototype";
            const items = this.#properties(value, indent, isHidden);
            return items.length === 0 || this.#isTooDeep() ? head : arrange(head, "{", items, "}", indent);
        }

        #isTooDeep() {
            return this.#seen.length > this.#depth + 1;
        }

        #properties(value, indent, skip = () => false) {
            const items = [];
            for (const key of ownKeys(value)) {
                const property = getOwnPropertyDescriptor(value, key);
                if (!property?.enumerable || skip(key)) {
                    continue;
                }
                let text;
                if (property.get !== undefined) {
                    text = property.set === undefined ? "[Getter]" : "[Getter/Setter]";
                } else {
                    text = property.set === undefined
                        ? this.value(property.value, `${indent}  `)
                        : "[Setter]";
                }
                items.push(`${keyText(key)}: ${text}`);
            }
            return items;
        }

        #object(value, indent) {
            const name = className(value) ?? "[Object: null prototype]";
            const isArray = Array.isArray(value);
            if (value instanceof Error || host.is(host.DOMException, value)) {
                const known = ["message", "line", "column", "sourceURL", "stack", "name"];
                const items = this.#isTooDeep()
                    ? []
                    : this.#properties(value, indent, (key) => known.includes(key));
                const text = errorText(value).replaceAll("\n", `\n${indent}`);
                const cause = getOwnPropertyDescriptor(value, "cause");
                if (cause !== undefined && !this.#isTooDeep()) {
                    items.push(`[cause]: ${this.value(cause.value, `${indent}  `)}`);
                }
                return items.length === 0 ? text : arrange(text, "{", items, "}", indent);
            }
            if (value instanceof Date) {
                return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
            }
            if (value instanceof RegExp) {
                return String(value);
            }
            if (this.#isTooDeep()) {
                return isArray ? "[Array]" : `[${name}]`;
            }
            return this.#contents(value, name, isArray, indent);
        }

        #contents(value, name, isArray, indent) {
            const inner = `${indent}  `;
            const isIndex = (key) => typeof key === "string" && /^(?:0|[1-9]\d*)$/.test(key);
            if (isArray) {
                const items = [];
                for (let index = 0; index < value.length && index < mostItems; index += 1) {
                    items.push(index in value ? this.value(value[index], inner) : "<empty>");
                }
                elide(items, value.length).push(...this.#properties(value, indent, isIndex));
                return arrange(name === "Array" ? "" : `${name}(${value.length})`, "[", items, "]", indent);
            }
            if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
                const items = elide(take(value, (item) => this.value(item)), value.length);
                return arrange(`${name}(${value.length})`, "[", items, "]", indent);
            }
            if (value instanceof ArrayBuffer) {
                return `ArrayBuffer { byteLength: ${value.byteLength} }`;
            }
            if (value instanceof Map) {
                const show = ([key, item]) => `${this.value(key, inner)} => ${this.value(item, inner)}`;
                const items = take(value, show);
                return arrange(`Map(${value.size})`, "{", elide(items, value.size), "}", indent);
            }
            if (value instanceof Set) {
                const items = take(value, (item) => this.value(item, inner));
                return arrange(`Set(${value.size})`, "{", elide(items, value.size), "}", indent);
            }
            if (value instanceof Promise) {
                return "Promise {}";
            }
            if (value instanceof Number || value instanceof String || value instanceof Boolean) {
                return `[${name}: ${this.value(value.valueOf())}]`;
            }
            const isInterface = isOfOurs(value);
            const items = isInterface ? this.#attributes(value, inner) : this.#properties(value, indent);
            return arrange(name === "Object" ? "" : name, "{", items, "}", indent);
        }

        // Objects of our interfaces have nothing of their own to show: their attributes are on their prototypes.
        // What all events have would bury what matters of one.
        #attributes(value, indent) {
            const isEvent = host.is(host.Event, value);
            const items = isEvent ? [`type: ${quote(value.type)}`] : [];
            for (let holder = getPrototypeOf(value); holder !== null; holder = getPrototypeOf(holder)) {
                if (isEvent && holder === host.Event.prototype) {
                    break;
                }
                for (const key of ownKeys(holder)) {
                    const { get, enumerable } = getOwnPropertyDescriptor(holder, key);
                    if (typeof key === "string" && get !== undefined && enumerable && !key.startsWith("on")) {
                        items.push(`${key}: ${this.value(value[key], indent)}`);
                    }
                }
            }
            items.push(...this.#properties(value, indent, (key) => key === "isTrusted"));
            return items;
        }
    }

    host.stackLines = stackLines;

    host.inspect = (value, depth = 2) => {
        try {
            return new Inspector(depth).value(value);
        } catch {
            // A proxy, or a getter, that throws.
            return "[cannot be shown]";
        }
    };

    native.register("inspect", (value) => host.inspect(value));
})
