// Blob (File API 3).
//
// Adds to `host`: Blob, blobBytes, createBlob.
(function (host) {
    "use strict";

    const { construct } = Reflect;
    const { webidl, uncurry, bytesOf } = host;
    const subarray = uncurry(Uint8Array.prototype.subarray);
    const slice = uncurry(Uint8Array.prototype.slice);
    const set = uncurry(Uint8Array.prototype.set);
    const replace = uncurry(String.prototype.replace);
    const test = uncurry(RegExp.prototype.test);

    const chunkLength = 65536;

    let bytesIn;
    let create;

    // BlobPart is a union: buffers and blobs as they are, everything else is a string.
    function readPart(value, context) {
        if (host.is(Blob, value)) {
            return value;
        }
        return host.isBufferSource(value)
            ? webidl.BufferSource(value, context)
            : webidl.USVString(value, context);
    }

    const readParts = webidl.sequence(readPart);
    const readOptions = webidl.dictionary([
        ["endings", webidl.enumeration("EndingType", ["transparent", "native"]), { default: "transparent" }],
        ["type", webidl.DOMString, { default: "" }],
    ]);

    // File API 3.1: a type with anything but printable ASCII is no type. Only ASCII letters have a lower case
    // here.
    const normalizeType = (type) => (test(/[^\x20-\x7e]/, type) ? "" : type.toLowerCase());

    // File API 3.1.1: the bytes of all parts, in one piece.
    function join(parts, endings) {
        let length = 0;
        const pieces = parts.map((part) => {
            let bytes;
            if (typeof part === "string") {
                bytes = host.encodeUTF8(endings === "native" ? replace(part, /\r\n?/g, "\n") : part);
            } else {
                bytes = host.is(Blob, part) ? bytesIn(part) : bytesOf(part);
            }
            length += bytes.length;
            return bytes;
        });
        const joined = new Uint8Array(length);
        let offset = 0;
        for (const bytes of pieces) {
            set(joined, bytes, offset);
            offset += bytes.length;
        }
        return joined;
    }

    class Blob {
        // Never written to, so blobs may share them.
        #bytes;
        #type;

        static {
            host.brand(Blob, (value) => #bytes in value);
            bytesIn = (blob) => blob.#bytes;
            create = (bytes, type) => {
                const blob = new Blob();
                blob.#bytes = bytes;
                blob.#type = type;
                return blob;
            };
        }

        constructor(blobParts = undefined, options = undefined) {
            const parts = blobParts === undefined ? [] : readParts(blobParts, "Blob: blobParts");
            const { endings, type } = readOptions(options, "Blob: options");
            this.#bytes = join(parts, endings);
            this.#type = normalizeType(type);
        }

        get size() {
            return this.#bytes.length;
        }

        get type() {
            return this.#type;
        }

        slice(start = undefined, end = undefined, contentType = "") {
            const { length } = this.#bytes;
            const place = (value, otherwise, name) => {
                if (value === undefined) {
                    return otherwise;
                }
                const index = webidl.longLong(value, `Blob.slice: ${name}`, { clamp: true });
                return index < 0 ? Math.max(length + index, 0) : Math.min(index, length);
            };
            const from = place(start, 0, "start");
            const to = place(end, length, "end");
            const type = webidl.DOMString(contentType, "Blob.slice: contentType");
            return create(subarray(this.#bytes, from, Math.max(from, to)), normalizeType(type));
        }

        stream() {
            const bytes = this.#bytes;
            const ReadableStream = host.ReadableStream ?? host.global.ReadableStream;
            if (typeof ReadableStream !== "function") {
                throw new host.DOMException("There are no streams in this context", "NotSupportedError");
            }
            let offset = 0;
            const source = {
                type: "bytes",
                pull(controller) {
                    if (offset === bytes.length) {
                        controller.close();
                        // A reader that waits with a buffer of its own is told so by an empty answer.
                        controller.byobRequest?.respond(0);
                        return;
                    }
                    // The stream takes the buffer of what it is given for its own, hence the copy.
                    const chunk = slice(bytes, offset, offset + chunkLength);
                    offset += chunk.length;
                    controller.enqueue(chunk);
                },
            };
            return construct(ReadableStream, [source, { __proto__: null, highWaterMark: 0 }]);
        }

        async text() {
            return host.decodeUTF8(this.#bytes);
        }

        async arrayBuffer() {
            return slice(this.#bytes).buffer;
        }

        async bytes() {
            return slice(this.#bytes);
        }
    }

    host.expose(Blob);

    host.blobBytes = bytesIn;
    host.createBlob = (bytes, type = "") => create(bytes, normalizeType(type));
})
