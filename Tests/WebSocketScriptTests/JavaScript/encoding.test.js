// TextEncoder and TextDecoder.
(function () {
    "use strict";

    const bytes = (...values) => new Uint8Array(values);
    const encode = (text) => new TextEncoder().encode(text);
    const decode = (...values) => new TextDecoder().decode(bytes(...values));

    check("every length of character goes into UTF-8 and comes back", () => {
        same(encode("a\u00fc\u20ac\u{1f600}"),
            bytes(0x61, 0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80));
        for (const point of [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]) {
            const text = `<${String.fromCodePoint(point)}>`;
            same(new TextDecoder("utf-8", { ignoreBOM: true }).decode(encode(text)), text);
        }
    });

    check("a lone surrogate is encoded as U+FFFD", () => {
        same(encode("\ud800a\udc00"), bytes(0xef, 0xbf, 0xbd, 0x61, 0xef, 0xbf, 0xbd));
    });

    check("encode without a text, or with undefined, answers nothing", () => {
        same(new TextEncoder().encode(), bytes());
        same(encode(undefined), bytes());
        same(encode(null), encode("null"));
        same(new TextEncoder().encoding, "utf-8");
    });

    check("encodeInto writes whole characters as far as there is room", () => {
        const target = new Uint8Array(6);
        same(new TextEncoder().encodeInto("a\u20ac\u{1f600}", target), { read: 2, written: 4 });
        same(target, bytes(0x61, 0xe2, 0x82, 0xac, 0, 0));
        same(new TextEncoder().encodeInto("\u{1f600}!", target.subarray(0, 4)), { read: 2, written: 4 });
        same(new TextEncoder().encodeInto("\ud83d", new Uint8Array(3)), { read: 1, written: 3 });
        throws("TypeError", () => new TextEncoder().encodeInto("a", new Uint8ClampedArray(1)));
        throws("TypeError", () => new TextEncoder().encodeInto("a", new ArrayBuffer(1)));
        throws("TypeError", () => new TextEncoder().encodeInto("a"));
    });

    check("a detached buffer has no room and no bytes", () => {
        if (typeof ArrayBuffer.prototype.transfer !== "function") {
            return;
        }
        const gone = () => {
            const view = new Uint8Array(4);
            view.buffer.transfer();
            return view;
        };
        same(new TextEncoder().encodeInto("a", gone()), { read: 0, written: 0 });
        same(new TextDecoder().decode(gone()), "");
        same(new TextDecoder().decode(gone().buffer), "");
        same(new Blob([gone(), gone().buffer]).size, 0);
    });

    check("malformed bytes become U+FFFD, one for each part that could have begun a character", () => {
        same(decode(0xff), "\ufffd");
        same(decode(0xc0, 0x80), "\ufffd\ufffd", "an overlong form");
        same(decode(0xed, 0xa0, 0x80), "\ufffd\ufffd\ufffd", "a surrogate");
        same(decode(0xf4, 0x90, 0x80, 0x80), "\ufffd\ufffd\ufffd\ufffd", "beyond U+10FFFF");
        same(decode(0xe2, 0x82, 0x41), "\ufffdA", "a character that breaks off");
        same(decode(0xf0, 0x9f, 0x98), "\ufffd", "the end within a character");
        same(decode(0xf0, 0x9f, 0xe2, 0x82, 0xac), "\ufffd\u20ac", "a character within another");
    });

    check("a fatal decoder throws, and starts afresh", () => {
        const decoder = new TextDecoder("utf-8", { fatal: true });
        same(decoder.fatal, true);
        throws("TypeError", () => decoder.decode(bytes(0x61, 0xff)));
        throws("TypeError", () => decoder.decode(bytes(0xe2, 0x82)));
        same(decoder.decode(bytes(0x61)), "a");
    });

    check("a character may be spread over chunks", () => {
        const decoder = new TextDecoder();
        const stream = { stream: true };
        same(decoder.decode(bytes(0xf0), stream), "");
        same(decoder.decode(bytes(0x9f, 0x98), stream), "");
        same(decoder.decode(bytes(0x80, 0x61), stream), "\u{1f600}a");
        same(decoder.decode(bytes(0xe2), stream), "");
        same(decoder.decode(), "\ufffd");
        same(decoder.decode(bytes(0x62)), "b");
    });

    check("a byte order mark is dropped at the start, unless it is asked for", () => {
        const mark = [0xef, 0xbb, 0xbf];
        same(decode(...mark, 0x61, ...mark), "a\ufeff");
        same(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes(...mark)), "\ufeff");
        const decoder = new TextDecoder();
        same(decoder.decode(bytes(0xef), { stream: true }), "");
        same(decoder.decode(bytes(0xbb, 0xbf, 0x61), { stream: true }), "a");
        same(decoder.decode(bytes(...mark), { stream: true }), "\ufeff", "in the middle it is a character");
        same(decoder.decode(), "");
        same(decoder.decode(bytes(...mark)), "", "each text has a start");
    });

    check("decode takes buffers and views", () => {
        const { buffer } = bytes(0x61, 0x62, 0x63);
        same(new TextDecoder().decode(buffer), "abc");
        same(new TextDecoder().decode(new DataView(buffer, 1)), "bc");
        same(new TextDecoder().decode(new Uint8Array(buffer, 1, 1)), "b");
        same(new TextDecoder().decode(undefined), "");
        throws("TypeError", () => new TextDecoder().decode("abc"));
        throws("TypeError", () => new TextDecoder().decode(null));
    });

    check("a decoder is for UTF-8 by any of its names", () => {
        for (const label of ["utf-8", "UTF8", " \tunicode-1-1-utf-8\n", "x-unicode20utf8"]) {
            same(new TextDecoder(label).encoding, "utf-8");
        }
        for (const label of ["", "utf-7", "latin1", "utf-8\u00a0", "\u212autf8"]) {
            throws("RangeError", () => new TextDecoder(label));
        }
        same([new TextDecoder().fatal, new TextDecoder().ignoreBOM], [false, false]);
    });

    check("a long text goes there and back", () => {
        const text = "0123456789\u00e4\u{1f600}".repeat(20000);
        same(new TextDecoder().decode(encode(text)) === text, true);
    });
})();
