// Blob.
(function () {
    "use strict";

    const bytes = (...values) => new Uint8Array(values);

    check("a blob is made of strings, buffers, views and blobs, in order", async () => {
        const buffer = bytes(0x62, 0x63, 0x64, 0x65).buffer;
        const views = [new DataView(buffer, 1, 2), new Uint8Array(buffer, 3)];
        const blob = new Blob(["a", buffer, ...views, new Blob(["\u00fc"]), 5]);
        same(await blob.text(), "abcdecde\u00fc5");
        same(blob.size, 11);
        same(blob.type, "");
    });

    check("a blob without parts is empty", () => {
        same([new Blob().size, new Blob(undefined).size, new Blob([]).size], [0, 0, 0]);
    });

    check("the parts are iterable, and nothing else will do", async () => {
        same(await new Blob(new Set(["a", "b"])).text(), "ab");
        same(await new Blob(new String("xyz")).text(), "xyz");
        same(await new Blob(bytes(1, 20)).text(), "120", "the numbers in a view are parts as strings");
        for (const parts of [null, "text", 1, true, {}, () => {}]) {
            throws("TypeError", () => new Blob(parts));
        }
    });

    check("parts that are neither buffer nor blob are strings", async () => {
        const blob = new Blob([null, undefined, {}, ["x", "y"], "\ud800"]);
        same(await blob.text(), "nullundefined[object Object]x,y\ufffd");
        throws("TypeError", () => new Blob([Symbol("x")]));
    });

    check("a blob keeps what the buffer had", async () => {
        const view = bytes(1, 2);
        const blob = new Blob([view]);
        view[0] = 9;
        same(await blob.bytes(), bytes(1, 2));
    });

    check("the type is in lower case, and none if it has a character that is not printable ASCII", () => {
        const type = (value) => new Blob([], { type: value }).type;
        same(type("Text/Plain;Charset=UTF-8"), "text/plain;charset=utf-8");
        same(type("te\u00e4xt"), "");
        same(type("te\txt"), "");
        same(type("te\x7fxt"), "");
        same(type(null), "null");
        same(type(undefined), "");
    });

    check("endings are converted on demand, and only in strings", async () => {
        const text = "a\r\nb\rc\nd\r\r\n";
        same(await new Blob([text]).text(), text);
        same(await new Blob([text], { endings: "transparent" }).text(), text);
        same(await new Blob([text], { endings: "native" }).text(), "a\nb\nc\nd\n\n");
        same(await new Blob([bytes(13, 10)], { endings: "native" }).bytes(), bytes(13, 10));
        throws("TypeError", () => new Blob([], { endings: "other" }));
        throws("TypeError", () => new Blob([], { endings: null }));
    });

    check("the parts are read before the options, and these in order", () => {
        const order = [];
        const options = new Proxy({}, {
            get(_, key) {
                order.push(key);
            },
        });
        new Blob([{ toString: () => order.push("part") }], options);
        same(order, ["part", "endings", "type"]);
        throws("TypeError", () => new Blob([], "text"));
        same(new Blob([], null).type, "");
    });

    check("slice counts from either end and never leaves the blob", async () => {
        const blob = new Blob(["0123456789"], { type: "text/plain" });
        const cases = [
            [[], "0123456789"], [[2], "23456789"], [[2, 5], "234"], [[-3], "789"], [[-3, -1], "78"],
            [[5, 2], ""], [[8, 100], "89"], [[-100, 2], "01"], [[100], ""], [[undefined, 3], "012"],
            [[null, null], ""], [[1.5, 2.5], "2".slice(1)], [["3", "4"], "3"], [[NaN, 2], "01"],
            [[-Infinity, Infinity], "0123456789"],
        ];
        for (const [given, expected] of cases) {
            same(await blob.slice(...given).text(), expected, `slice(${given.map(String).join(", ")})`);
        }
    });

    check("a slice has the type it is given, not the blob's", () => {
        const blob = new Blob(["x"], { type: "text/plain" });
        same(blob.slice().type, "");
        same(blob.slice(0, 1, "Image/PNG").type, "image/png");
        same(blob.slice(0, 1, "\u0000").type, "");
        same(blob.slice(0, 1, null).type, "null");
    });

    check("text is UTF-8, without a byte order mark and with U+FFFD for what is malformed", async () => {
        same(await new Blob([bytes(0xef, 0xbb, 0xbf, 0x61, 0xff)]).text(), "a\ufffd");
    });

    check("arrayBuffer and bytes are copies", async () => {
        const blob = new Blob([bytes(1, 2, 3)]).slice(1);
        const buffer = await blob.arrayBuffer();
        same(buffer instanceof ArrayBuffer, true);
        same(buffer.byteLength, 2);
        new Uint8Array(buffer).fill(0);
        const view = await blob.bytes();
        same(view, bytes(2, 3));
        view.fill(0);
        same(await blob.bytes(), bytes(2, 3));
    });

    check("reading methods reject on an object that is no blob", async () => {
        for (const name of ["text", "arrayBuffer", "bytes"]) {
            await rejects("TypeError", Blob.prototype[name].call({}));
        }
    });

    check("stream gives the bytes in chunks", async () => {
        const blob = new Blob([new Uint8Array(150000).fill(7), "end"]);
        if (typeof ReadableStream !== "function") {
            throws("NotSupportedError", () => blob.stream());
            return;
        }
        const reader = blob.stream().getReader();
        let size = 0;
        let chunks = 0;
        for (;;) {
            const { done, value } = await reader.read();
            if (done) {
                break;
            }
            same(value.constructor, Uint8Array);
            size += value.length;
            chunks += 1;
        }
        same(size, 150003);
        same(chunks > 1, true, "more than one chunk");
    });

    check("the stream of an empty blob ends at once", async () => {
        if (typeof ReadableStream === "function") {
            same((await new Blob().stream().getReader().read()).done, true);
        }
    });
})();
