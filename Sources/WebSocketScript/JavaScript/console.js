// console (Console Standard).
//
// Uses of `host.native`: print, now. Uses of `host.settings`: replacesConsole.
(function (host) {
    "use strict";

    const { inspect, stackLines, native } = host;
    const { defineProperty } = Reflect;

    if (!host.settings.replacesConsole) {
        return;
    }

    const DEBUG = 0;
    const LOG = 1;
    const INFO = 2;
    const WARNING = 3;
    const ERROR = 4;

    const show = (value) => (typeof value === "string" ? value : inspect(value));

    // Console Standard 2.2, "Formatter". What has no use in a terminal is taken and not shown: %c.
    function substitute(kind, value) {
        switch (kind) {
            case "s": return typeof value === "object" ? inspect(value, 0) : String(value);
            case "d":
            case "i": return typeof value === "symbol" ? "NaN" : String(parseInt(value, 10));
            case "f": return typeof value === "symbol" ? "NaN" : String(parseFloat(value));
            case "o": return inspect(value, 4);
            case "O": return inspect(value);
            case "j": return JSON.stringify(value);
            default: return "";
        }
    }

    function format(values) {
        if (values.length === 0) {
            return "";
        }
        let rest = 0;
        let text;
        if (typeof values[0] === "string") {
            rest = 1;
            text = values.length === 1 ? values[0] : values[0].replace(/%([sdifoOjc%])/g, (whole, kind) => {
                if (kind === "%") {
                    return "%";
                }
                if (rest === values.length) {
                    return whole;
                }
                rest += 1;
                return substitute(kind, values[rest - 1]);
            });
        } else {
            text = inspect(values[0]);
            rest = 1;
        }
        for (; rest < values.length; rest += 1) {
            text += ` ${show(values[rest])}`;
        }
        return text;
    }

    let indent = "";

    function print(level, text) {
        native.print(level, indent === "" ? text : indent + text.replaceAll("\n", `\n${indent}`));
    }

    // ---- A table of rows ----

    const cell = (value) => inspect(value, 0);

    function tableText(data, columns) {
        const rows = [];
        const names = columns === undefined ? [] : [...columns].map(String);
        let hasValues = false;
        const entries = data instanceof Map ? [...data] : data instanceof Set
            ? [...data].map((value, index) => [index, value])
            : Object.entries(data);
        for (const [key, row] of entries) {
            const cells = new Map();
            if (typeof row === "object" && row !== null) {
                for (const [name, value] of Object.entries(row)) {
                    if (columns === undefined && !names.includes(name)) {
                        names.push(name);
                    }
                    cells.set(name, cell(value));
                }
            } else {
                hasValues = true;
                cells.set(undefined, cell(row));
            }
            rows.push([String(key), cells]);
        }
        const keys = hasValues ? [...names, undefined] : names;
        const head = ["(index)", ...keys.map((name) => name ?? "Values")];
        const line = ([key, cells]) => [key, ...keys.map((name) => cells.get(name) ?? "")];
        const lines = [head, ...rows.map(line)];
        const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)));
        const pad = (text, column) => text.padEnd(widths[column]);
        const texts = lines.map((cells) => cells.map(pad).join("  ").trimEnd());
        texts.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
        return texts.join("\n");
    }

    // ---- The methods ----

    const counts = new Map();
    const timers = new Map();
    const label = (value) => (value === undefined ? "default" : `${value}`);

    function elapsed(name, method) {
        const start = timers.get(name);
        if (start === undefined) {
            print(WARNING, `${method}: there is no timer "${name}"`);
            return undefined;
        }
        return `${name}: ${(native.now() - start).toFixed(3)} ms`;
    }

    const methods = {
        log: (...data) => print(LOG, format(data)),
        info: (...data) => print(INFO, format(data)),
        debug: (...data) => print(DEBUG, format(data)),
        warn: (...data) => print(WARNING, format(data)),
        error: (...data) => print(ERROR, format(data)),

        trace(...data) {
            const text = format(data);
            const head = text === "" ? "Trace" : `Trace: ${text}`;
            print(ERROR, [head, ...stackLines(new Error().stack)].join("\n"));
        },

        assert(condition = false, ...data) {
            if (condition) {
                return;
            }
            if (typeof data[0] === "string") {
                data[0] = `Assertion failed: ${data[0]}`;
            } else {
                data.unshift("Assertion failed");
            }
            print(ERROR, format(data));
        },

        clear() {},

        count(name = "default") {
            const text = label(name);
            const count = (counts.get(text) ?? 0) + 1;
            counts.set(text, count);
            print(INFO, `${text}: ${count}`);
        },

        countReset(name = "default") {
            const text = label(name);
            if (!counts.delete(text)) {
                print(WARNING, `console.countReset: there is no count "${text}"`);
            }
        },

        dir: (item = undefined, options = undefined) => print(LOG, inspect(item, options?.depth ?? 2)),
        dirxml: (...data) => print(LOG, data.map((value) => inspect(value)).join(" ")),

        table(tabularData = undefined, properties = undefined) {
            const isTable = typeof tabularData === "object" && tabularData !== null;
            print(LOG, isTable ? tableText(tabularData, properties) : show(tabularData));
        },

        group(...data) {
            if (data.length > 0) {
                print(LOG, format(data));
            }
            indent += "  ";
        },

        groupEnd() {
            indent = indent.slice(2);
        },

        time(name = "default") {
            const text = label(name);
            if (timers.has(text)) {
                print(WARNING, `console.time: there is a timer "${text}" already`);
            } else {
                timers.set(text, native.now());
            }
        },

        timeLog(name = "default", ...data) {
            const text = elapsed(label(name), "console.timeLog");
            if (text !== undefined) {
                print(INFO, [text, ...data.map(show)].join(" "));
            }
        },

        timeEnd(name = "default") {
            const text = elapsed(label(name), "console.timeEnd");
            if (text !== undefined) {
                timers.delete(label(name));
                print(INFO, text);
            }
        },
    };
    methods.groupCollapsed = methods.group;

    // Console Standard 1: a namespace object whose prototype is an empty object.
    const console = Object.create({});
    for (const name of Object.keys(methods)) {
        const method = { [name]: (...data) => methods[name](...data) }[name];
        defineProperty(method, "name", { value: name, configurable: true });
        defineProperty(console, name, {
            value: method, writable: true, enumerable: true, configurable: true,
        });
    }
    defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
    defineProperty(host.global, "console", {
        value: console, writable: true, enumerable: false, configurable: true,
    });
})
