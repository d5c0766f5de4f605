// What Web IDL asks of every interface: how a class looks to the page, and how arguments become the types of
// the interface.
//
// Adds to `host`: define, expose, constants, brand, is, uncaught, bytesOf, isBufferSource, isUint8Array,
// isObject, webidl.
(function (host) {
    "use strict";

    const { apply, defineProperty, getOwnPropertyDescriptor, has, ownKeys } = Reflect;
    const { create } = Object;
    const { floor, trunc } = Math;
    const { uncurry } = host;
    const {
        ArrayBuffer, BigInt, Map, Number, Set, TypeError, Uint8Array, charCodeAt, getter, iteratorSymbol, mapGet,
        setHas,
    } = host.primordials;
    const { isView } = ArrayBuffer;
    const { asIntN, asUintN } = BigInt;

    // ---- What an interface looks like (Web IDL 3.7) ----

    host.define = (name, value) => {
        if (!has(host.global, name)) {
            defineProperty(host.global, name, {
                value, writable: true, enumerable: false, configurable: true,
            });
        }
    };

    function enumerateMembers(holder, skipped) {
        for (const key of ownKeys(holder)) {
            if (typeof key === "string" && !skipped.includes(key)) {
                const property = getOwnPropertyDescriptor(holder, key);
                if (property.configurable) {
                    property.enumerable = true;
                    defineProperty(holder, key, property);
                }
            }
        }
    }

    host.expose = (Class) => {
        enumerateMembers(Class, ["length", "name", "prototype"]);
        enumerateMembers(Class.prototype, ["constructor"]);
        defineProperty(Class.prototype, Symbol.toStringTag, {
            value: Class.name, writable: false, enumerable: false, configurable: true,
        });
        defineProperty(Class, "prototype", { writable: false });
        host[Class.name] = Class;
        host.define(Class.name, Class);
        return Class;
    };

    host.constants = (Class, values) => {
        for (const name of ownKeys(values)) {
            const property = { value: values[name], writable: false, enumerable: true, configurable: false };
            defineProperty(Class, name, property);
            defineProperty(Class.prototype, name, property);
        }
    };

    // ---- Whose object is it? ----

    const brands = new Map();
    const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

    host.isObject = isObject;

    host.brand = (Class, test) => {
        brands.set(Class, test);
    };

    host.is = (Class, value) => isObject(value) && mapGet(brands, Class)(value);

    // An exception that no script can catch, such as one from an event listener (HTML, "report an
    // exception").
    host.uncaught = (error) => {
        try {
            host.native?.reportException?.(error);
        } catch {
            // There is nowhere left to report that reporting failed.
        }
    };

    // ---- Buffers ----

    const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
    const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
    const bufferResizable = getOwnPropertyDescriptor(ArrayBuffer.prototype, "resizable")?.get;
    const sharedLength = typeof SharedArrayBuffer === "function"
        ? getter(SharedArrayBuffer.prototype, "byteLength")
        : undefined;
    const arrayName = getter(TypedArrayPrototype, Symbol.toStringTag);
    const arrayParts = {
        buffer: getter(TypedArrayPrototype, "buffer"),
        byteOffset: getter(TypedArrayPrototype, "byteOffset"),
        byteLength: getter(TypedArrayPrototype, "byteLength"),
    };
    const viewParts = {
        buffer: getter(DataView.prototype, "buffer"),
        byteOffset: getter(DataView.prototype, "byteOffset"),
        byteLength: getter(DataView.prototype, "byteLength"),
    };

    // Only the getter of an ArrayBuffer knows one of another realm, or one whose prototype was replaced.
    function answers(read, value) {
        try {
            read(value);
            return true;
        } catch {
            return false;
        }
    }

    const isArrayBuffer = (value) => isObject(value) && answers(bufferLength, value);
    const isSharedArrayBuffer = (value) =>
        sharedLength !== undefined && isObject(value) && answers(sharedLength, value);
    const partsOf = (view) => (arrayName(view) === undefined ? viewParts : arrayParts);

    host.isBufferSource = (value) => isObject(value) && (isView(value) || isArrayBuffer(value));
    host.isUint8Array = (value) => isObject(value) && arrayName(value) === "Uint8Array";

    // The bytes behind a buffer or a view, without a copy. A detached buffer has none.
    host.bytesOf = (source) => {
        if (!isView(source)) {
            const length = isSharedArrayBuffer(source) ? sharedLength(source) : bufferLength(source);
            return length === 0 ? new Uint8Array(0) : new Uint8Array(source, 0, length);
        }
        const parts = partsOf(source);
        try {
            const length = parts.byteLength(source);
            return length === 0
                ? new Uint8Array(0)
                : new Uint8Array(parts.buffer(source), parts.byteOffset(source), length);
        } catch {
            // A DataView throws once its buffer is detached; a typed array says 0.
            return new Uint8Array(0);
        }
    };

    // ---- Converters (Web IDL 3.2): from a value of the page to a value of the type ----

    const wellFormed = String.prototype.toWellFormed
        ? uncurry(String.prototype.toWellFormed)
        : (text) => text.replace(/\p{Surrogate}/gu, "\uFFFD");
    const finite = Number.isFinite;
    const maximumSafe = Number.MAX_SAFE_INTEGER;

    function DOMString(value, context = "value") {
        if (typeof value === "string") {
            return value;
        }
        if (typeof value === "symbol") {
            throw new TypeError(`${context} must be a string, and a symbol has none`);
        }
        return `${value}`;
    }

    const USVString = (value, context = "value") => wellFormed(DOMString(value, context));

    function ByteString(value, context = "value") {
        const text = DOMString(value, context);
        for (let index = 0; index < text.length; index += 1) {
            if (charCodeAt(text, index) > 0xff) {
                throw new TypeError(`${context} must have no character above U+00FF, as at ${index}`);
            }
        }
        return text;
    }

    function toNumber(value, context) {
        if (typeof value === "number") {
            return value;
        }
        if (typeof value === "symbol" || typeof value === "bigint") {
            throw new TypeError(`${context} must be a number, not a ${typeof value}`);
        }
        return +value;
    }

    // Halves go to the even neighbour, as [Clamp] has it.
    function roundToEven(number) {
        const lower = floor(number);
        const rest = number - lower;
        if (rest < 0.5) {
            return lower;
        }
        return rest > 0.5 || lower % 2 !== 0 ? lower + 1 : lower;
    }

    function integer(name, bits, signed) {
        const modulus = bits === 64 ? undefined : 2 ** bits;
        const maximum = bits === 64 ? maximumSafe : 2 ** (signed ? bits - 1 : bits) - 1;
        const minimum = !signed ? 0 : bits === 64 ? -maximumSafe : -(2 ** (bits - 1));
        return (value, context = "value", mode = undefined) => {
            let number = toNumber(value, context);
            if (mode === "enforceRange") {
                if (!finite(number)) {
                    throw new TypeError(`${context} must be a finite number, not ${number}`);
                }
                number = trunc(number);
                if (number < minimum || number > maximum) {
                    throw new TypeError(`${context} must be from ${minimum} to ${maximum}, not ${number}`);
                }
                return number + 0;
            }
            if (mode === "clamp") {
                if (number !== number) {
                    return 0;
                }
                return number <= minimum ? minimum : number >= maximum ? maximum : roundToEven(number) + 0;
            }
            if (!finite(number)) {
                return 0;
            }
            number = trunc(number) + 0;
            if (number >= minimum && number <= maximum) {
                return number;
            }
            if (modulus === undefined) {
                return Number((signed ? asIntN : asUintN)(64, BigInt(number)));
            }
            number -= floor(number / modulus) * modulus;
            return signed && number > maximum ? number - modulus : number;
        };
    }

    const unrestrictedDouble = (value, context = "value") => toNumber(value, context);

    function double(value, context = "value") {
        const number = toNumber(value, context);
        if (!finite(number)) {
            throw new TypeError(`${context} must be a finite number, not ${number}`);
        }
        return number;
    }

    // `found` is the method that iterates, for who has asked for it already: a page sees it asked for once.
    function sequence(converter) {
        return (value, context = "value", found = undefined) => {
            const method = found ?? (isObject(value) ? value[iteratorSymbol] : undefined);
            if (typeof method !== "function") {
                throw new TypeError(`${context} must be iterable, such as an array`);
            }
            const iterator = apply(method, value, []);
            if (!isObject(iterator)) {
                throw new TypeError(`${context} must be iterable, and its iterator is not an object`);
            }
            const { next } = iterator;
            const items = [];
            for (let index = 0; ; index += 1) {
                const result = apply(next, iterator, []);
                if (!isObject(result)) {
                    throw new TypeError(`${context} must be iterable, and its iterator answered no object`);
                }
                if (result.done) {
                    return items;
                }
                // Not `push`: neither it nor a setter on Array.prototype should see the items.
                defineProperty(items, index, {
                    __proto__: null, value: converter(result.value, `${context}[${index}]`),
                    writable: true, enumerable: true, configurable: true,
                });
            }
        };
    }

    const nullable = (converter) => (value, context = "value") =>
        (value === undefined || value === null ? null : converter(value, context));

    // Members are read in the order of their names, those of the inherited dictionary first. What is absent
    // and has no default is absent from the answer, too. A default that is a function is called for a new
    // value each time.
    function dictionary(members, inherited = undefined) {
        const own = members.map(([key, converter, options]) => ({
            key, converter,
            isRequired: options?.required === true,
            hasDefault: options !== undefined && "default" in options,
            otherwise: options?.default,
        })).sort((left, right) => (left.key < right.key ? -1 : 1));
        const all = [...(inherited?.members ?? []), ...own];
        const convert = (value, context = "value") => {
            const missing = value === undefined || value === null;
            if (!missing && !isObject(value)) {
                throw new TypeError(`${context} must be an object`);
            }
            const result = create(null);
            for (let index = 0; index < all.length; index += 1) {
                const { key, converter, isRequired, hasDefault, otherwise } = all[index];
                const given = missing ? undefined : value[key];
                if (given !== undefined) {
                    result[key] = converter(given, `${context}.${key}`);
                } else if (isRequired) {
                    throw new TypeError(`${context}.${key} is required`);
                } else if (hasDefault) {
                    result[key] = typeof otherwise === "function" ? otherwise() : otherwise;
                }
            }
            return result;
        };
        convert.members = all;
        return convert;
    }

    function enumeration(name, values) {
        const known = new Set(values);
        const names = values.join(", ");
        return (value, context = "value") => {
            const text = DOMString(value, context);
            if (!setHas(known, text)) {
                throw new TypeError(`${context} must be a ${name} (${names}), not "${text}"`);
            }
            return text;
        };
    }

    function interfaceType(Class) {
        const { name } = Class;
        return (value, context = "value") => {
            if (!host.is(Class, value)) {
                throw new TypeError(`${context} must be of type ${name}`);
            }
            return value;
        };
    }

    // Neither [AllowShared] nor [AllowResizable]: memory that could change under the reader is refused.
    function BufferSource(value, context = "value") {
        if (!host.isBufferSource(value)) {
            throw new TypeError(`${context} must be an ArrayBuffer or a view on one`);
        }
        const buffer = isView(value) ? partsOf(value).buffer(value) : value;
        if (!isArrayBuffer(buffer)) {
            throw new TypeError(`${context} must not be a view on a SharedArrayBuffer`);
        }
        if (bufferResizable !== undefined && apply(bufferResizable, buffer, [])) {
            throw new TypeError(`${context} must not be a resizable ArrayBuffer or a view on one`);
        }
        return value;
    }

    function AllowSharedBufferSource(value, context = "value") {
        if (!host.isBufferSource(value) && !isSharedArrayBuffer(value)) {
            throw new TypeError(`${context} must be an ArrayBuffer, a SharedArrayBuffer or a view on one`);
        }
        return value;
    }

    function callback(value, context = "value") {
        if (typeof value !== "function") {
            throw new TypeError(`${context} must be a function`);
        }
        return value;
    }

    function requireArguments(count, required, context) {
        if (count < required) {
            const noun = required === 1 ? "argument" : "arguments";
            throw new TypeError(`${context} needs ${required} ${noun}, and got ${count}`);
        }
    }

    host.webidl = {
        any: (value) => value,
        boolean: (value) => !!value,
        DOMString, USVString, ByteString,
        unsignedShort: integer("unsigned short", 16, false),
        long: integer("long", 32, true),
        unsignedLong: integer("unsigned long", 32, false),
        longLong: integer("long long", 64, true),
        unsignedLongLong: integer("unsigned long long", 64, false),
        unrestrictedDouble, double,
        sequence, nullable, dictionary, enumeration,
        interface: interfaceType,
        BufferSource, AllowSharedBufferSource, callback,
        arguments: requireArguments,
    };
})
