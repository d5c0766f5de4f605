// The harness of the JavaScript tests. It needs nothing but ECMAScript, so that it can judge everything else.
//
// check("what is shown", () => { … }) queues a check, whose function may return a promise. Once all files
// are evaluated, runChecks() runs them one after the other, gives the outcome to report({ passed, failed }) if
// there is such a function, else writes it to the console, and answers a promise of it.
(function (global) {
    "use strict";

    const queue = [];

    const isPlain = (value) => {
        const prototype = Object.getPrototypeOf(value);
        return prototype === Object.prototype || prototype === null;
    };
    const isTypedArray = (value) => ArrayBuffer.isView(value) && !(value instanceof DataView);

    function show(value) {
        if (typeof value === "string") {
            return JSON.stringify(value);
        }
        if (Array.isArray(value)) {
            return `[${value.map(show).join(", ")}]`;
        }
        if (isTypedArray(value)) {
            return `${value.constructor.name} ${show(Array.from(value))}`;
        }
        if (typeof value === "object" && value !== null && isPlain(value)) {
            return `{ ${Object.entries(value).map(([key, item]) => `${key}: ${show(item)}`).join(", ")} }`;
        }
        return Object.is(value, -0) ? "-0" : String(value);
    }

    // Arrays, typed arrays and plain objects are the same if their contents are; everything else if it is one
    // thing.
    function isSame(left, right) {
        if (Object.is(left, right)) {
            return true;
        }
        if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
            return false;
        }
        const listed = (value) => Array.isArray(value) || isTypedArray(value);
        if (listed(left) && listed(right)) {
            return left.constructor === right.constructor && left.length === right.length
                && Array.from(left).every((item, index) => isSame(item, right[index]));
        }
        if (isPlain(left) && isPlain(right)) {
            const keys = Object.keys(left);
            return keys.length === Object.keys(right).length
                && keys.every((key) => Object.hasOwn(right, key) && isSame(left[key], right[key]));
        }
        return false;
    }

    global.same = (actual, expected, what = "the value") => {
        if (!isSame(actual, expected)) {
            throw new Error(`${what} should be ${show(expected)}, and is ${show(actual)}`);
        }
    };

    const tell = (error) => (error instanceof Error ? `${error.name}: ${error.message}` : show(error));

    function judge(name, error) {
        if (error?.name !== name) {
            throw new Error(`should be refused with ${name}, and is with ${tell(error)}`);
        }
        return error;
    }

    // The error must be of that name; it is answered for further questions.
    global.throws = (name, act) => {
        let value;
        try {
            value = act();
        } catch (error) {
            return judge(name, error);
        }
        throw new Error(`should throw ${name}, and answers ${show(value)}`);
    };

    global.rejects = async (name, promise) => {
        let value;
        try {
            value = await promise;
        } catch (error) {
            return judge(name, error);
        }
        throw new Error(`should reject with ${name}, and fulfills with ${show(value)}`);
    };

    global.check = (name, act) => {
        queue.push({ name, act });
    };

    global.runChecks = async () => {
        const outcome = { passed: 0, failed: [] };
        while (queue.length > 0) {
            const { name, act } = queue.shift();
            try {
                await act();
                outcome.passed += 1;
            } catch (error) {
                outcome.failed.push({ name, error: tell(error) });
            }
        }
        if (typeof global.report === "function") {
            global.report(outcome);
        } else {
            for (const { name, error } of outcome.failed) {
                console.log(`not ok: ${name}\n    ${error}`);
            }
            console.log(`${outcome.passed} passed, ${outcome.failed.length} failed`);
        }
        return outcome;
    };
})(globalThis);
