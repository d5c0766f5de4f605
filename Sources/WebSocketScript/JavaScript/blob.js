// Blob (File API 3).
//
// Adds to `host`: Blob, blobBytes, createBlob.
(function (host) {
    "use strict";

    const { webidl, bytesOf } = host;
    const {
        Uint8Array, bufferOf, charCodeAt, lengthOf, list, max, min, offsetOf, push, setElements, slice, toLowerCase,
    } = host.primordials;

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
    function normalizeType(type) {
        for (let index = 0; index < type.length; index += 1) {
            const unit = charCodeAt(type, index);
            if (unit < 0x20 || unit > 0x7e) {
                return "";
            }
        }
        return toLowerCase(type);
    }

    // File API 3.1.2, "convert line endings to native", where native is a line feed: both CR LF and CR become one.
    function withLineFeeds(text) {
        let result = "";
        let from = 0;
        for (let index = 0; index < text.length; index += 1) {
            if (text[index] === "\r") {
                result += `${slice(text, from, index)}\n`;
                if (text[index + 1] === "\n") {
                    index += 1;
                }
                from = index + 1;
            }
        }
        return from === 0 ? text : result + slice(text, from);
    }

    // A part of the bytes as they are, and a copy of it. The methods of these names ask the page for a constructor.
    const viewOf = (bytes, from, to) => new Uint8Array(bufferOf(bytes), offsetOf(bytes) + from, to - from);

    function copyOf(bytes, from, to) {
        const copy = new Uint8Array(to - from);
        setElements(copy, viewOf(bytes, from, to));
        return copy;
    }

    const copyOfAll = (bytes) => copyOf(bytes, 0, lengthOf(bytes));

    // File API 3.1.1: the bytes of all parts, in one piece.
    function join(parts, endings) {
        let length = 0;
        const pieces = list();
        for (let index = 0; index < parts.length; index += 1) {
            const part = parts[index];
            let bytes;
            if (typeof part === "string") {
                bytes = host.encodeUTF8(endings === "native" ? withLineFeeds(part) : part);
            } else {
                bytes = host.is(Blob, part) ? bytesIn(part) : bytesOf(part);
            }
            length += lengthOf(bytes);
            push(pieces, bytes);
        }
        const joined = new Uint8Array(length);
        let offset = 0;
        for (let index = 0; index < pieces.length; index += 1) {
            setElements(joined, pieces[index], offset);
            offset += lengthOf(pieces[index]);
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
            return lengthOf(this.#bytes);
        }

        get type() {
            return this.#type;
        }

        slice(start = undefined, end = undefined, contentType = "") {
            const length = lengthOf(this.#bytes);
            const place = (value, otherwise, name) => {
                if (value === undefined) {
                    return otherwise;
                }
                const index = webidl.longLong(value, `Blob.slice: ${name}`, "clamp");
                return index < 0 ? max(length + index, 0) : min(index, length);
            };
            const from = place(start, 0, "start");
            const to = place(end, length, "end");
            const type = webidl.DOMString(contentType, "Blob.slice: contentType");
            return create(viewOf(this.#bytes, from, max(from, to)), normalizeType(type));
        }

        stream() {
            const bytes = this.#bytes;
            const length = lengthOf(bytes);
            const { newReadableBytes, nothing, publicReadable, resolvedWith } = host.streams;
            let offset = 0;
            const pull = () => {
                const { controller } = core;
                if (offset === length) {
                    controller.close();
                    // A reader that waits with a buffer of its own is told so by an empty answer.
                    if (controller.currentRequest() !== undefined) {
                        controller.respond(0);
                    }
                } else {
                    // The stream takes the buffer of what it is given for its own, hence the copy.
                    const end = min(offset + chunkLength, length);
                    controller.enqueue(copyOf(bytes, offset, end));
                    offset = end;
                }
                return resolvedWith(undefined);
            };
            const core = newReadableBytes(nothing, pull, () => resolvedWith(undefined));
            return publicReadable(core);
        }

        async text() {
            return host.decodeUTF8(this.#bytes);
        }

        async arrayBuffer() {
            return bufferOf(copyOfAll(this.#bytes));
        }

        async bytes() {
            return copyOfAll(this.#bytes);
        }
    }

    host.expose(Blob);

    host.blobBytes = bytesIn;
    host.createBlob = (bytes, type = "") => create(bytes, normalizeType(type));
})
