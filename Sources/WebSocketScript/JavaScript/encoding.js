// TextEncoder and TextDecoder for UTF-8 (Encoding 7), the one encoding a WebSocket speaks.
//
// Adds to `host`: TextEncoder, TextDecoder, encodeUTF8, decodeUTF8.
(function (host) {
    "use strict";

    const { webidl, bytesOf } = host;
    const { fromCharCode } = String;
    const {
        RangeError, Set, TypeError, Uint8Array, Uint16Array, applyToTyped, bufferOf, fastCharCodeAt, lengthOf, setHas,
        toLowerCase, slice,
    } = host.primordials;

    // How many code units fromCharCode is given at once: more arguments could overflow the engine's stack.
    const unitsAtOnce = 8192;
    const replacement = 0xfffd;

    // Writes text without lone surrogates into bytes, as far as whole characters fit.
    function encodeInto(text, bytes) {
        const { length } = text;
        const room = lengthOf(bytes);
        const codeAt = fastCharCodeAt();
        let read = 0;
        let written = 0;
        while (read < length) {
            const unit = codeAt(text, read);
            if (unit < 0x80) {
                if (written + 1 > room) {
                    break;
                }
                bytes[written] = unit;
                written += 1;
            } else if (unit < 0x800) {
                if (written + 2 > room) {
                    break;
                }
                bytes[written] = 0xc0 | unit >> 6;
                bytes[written + 1] = 0x80 | unit & 0x3f;
                written += 2;
            } else if (unit < 0xd800 || unit > 0xdfff) {
                if (written + 3 > room) {
                    break;
                }
                bytes[written] = 0xe0 | unit >> 12;
                bytes[written + 1] = 0x80 | unit >> 6 & 0x3f;
                bytes[written + 2] = 0x80 | unit & 0x3f;
                written += 3;
            } else {
                if (written + 4 > room) {
                    break;
                }
                read += 1;
                const point = 0x10000 + (unit - 0xd800 << 10) + (codeAt(text, read) - 0xdc00);
                bytes[written] = 0xf0 | point >> 18;
                bytes[written + 1] = 0x80 | point >> 12 & 0x3f;
                bytes[written + 2] = 0x80 | point >> 6 & 0x3f;
                bytes[written + 3] = 0x80 | point & 0x3f;
                written += 4;
            }
            read += 1;
        }
        return { read, written };
    }

    function encodedLength(text) {
        const { length } = text;
        const codeAt = fastCharCodeAt();
        let bytes = length;
        for (let index = 0; index < length; index += 1) {
            const unit = codeAt(text, index);
            if (unit >= 0x80) {
                // A surrogate is half a character of four bytes, so each of the two counts for two.
                bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
            }
        }
        return bytes;
    }

    function encode(text) {
        const bytes = new Uint8Array(encodedLength(text));
        encodeInto(text, bytes);
        return bytes;
    }

    const textOf = (units, start, end) =>
        applyToTyped(fromCharCode, undefined, new Uint16Array(bufferOf(units), 2 * start, end - start));

    // Encoding 8.1.1, the UTF-8 decoder. What a chunk leaves unfinished stays in it for the next.
    class Decoder {
        #fatal;
        #keepsMark;
        #atStart = true;
        // The character under way: what is known of it, how many bytes are still to come, and what the next
        // may be.
        #point = 0;
        #needed = 0;
        #lower = 0x80;
        #upper = 0xbf;

        constructor(fatal, keepsMark) {
            this.#fatal = fatal;
            this.#keepsMark = keepsMark;
        }

        // Answers the text, or undefined if there is an error and errors are fatal.
        decode(bytes, isLast) {
            const length = lengthOf(bytes);
            // Bytes under way from before may yet become a pair of surrogates or a replacement.
            const units = new Uint16Array(length + 2);
            let count = 0;
            let index = 0;
            while (index < length) {
                const byte = bytes[index];
                if (this.#needed === 0) {
                    index += 1;
                    if (byte < 0x80) {
                        units[count] = byte;
                        count += 1;
                    } else if (!this.#begin(byte)) {
                        if (this.#fatal) {
                            return undefined;
                        }
                        units[count] = replacement;
                        count += 1;
                    }
                } else if (byte < this.#lower || byte > this.#upper) {
                    // The byte is looked at again: it may begin a character of its own.
                    this.#needed = 0;
                    if (this.#fatal) {
                        return undefined;
                    }
                    units[count] = replacement;
                    count += 1;
                } else {
                    index += 1;
                    this.#lower = 0x80;
                    this.#upper = 0xbf;
                    this.#point = this.#point << 6 | byte & 0x3f;
                    this.#needed -= 1;
                    if (this.#needed === 0) {
                        const point = this.#point;
                        if (point > 0xffff) {
                            units[count] = 0xd800 + (point - 0x10000 >> 10);
                            units[count + 1] = 0xdc00 + (point & 0x3ff);
                            count += 2;
                        } else {
                            units[count] = point;
                            count += 1;
                        }
                    }
                }
            }
            if (isLast && this.#needed > 0) {
                this.#needed = 0;
                if (this.#fatal) {
                    return undefined;
                }
                units[count] = replacement;
                count += 1;
            }
            return this.#text(units, count);
        }

        #begin(byte) {
            this.#lower = 0x80;
            this.#upper = 0xbf;
            if (byte >= 0xc2 && byte <= 0xdf) {
                this.#needed = 1;
                this.#point = byte & 0x1f;
            } else if (byte >= 0xe0 && byte <= 0xef) {
                // Neither overlong forms nor surrogates.
                if (byte === 0xe0) {
                    this.#lower = 0xa0;
                } else if (byte === 0xed) {
                    this.#upper = 0x9f;
                }
                this.#needed = 2;
                this.#point = byte & 0x0f;
            } else if (byte >= 0xf0 && byte <= 0xf4) {
                // Neither overlong forms nor anything beyond U+10FFFF.
                if (byte === 0xf0) {
                    this.#lower = 0x90;
                } else if (byte === 0xf4) {
                    this.#upper = 0x8f;
                }
                this.#needed = 3;
                this.#point = byte & 0x07;
            } else {
                return false;
            }
            return true;
        }

        #text(units, count) {
            let start = 0;
            if (this.#atStart && count > 0) {
                this.#atStart = false;
                if (units[0] === 0xfeff && !this.#keepsMark) {
                    start = 1;
                }
            }
            if (count - start <= unitsAtOnce) {
                return textOf(units, start, count);
            }
            let text = "";
            for (; start < count; start += unitsAtOnce) {
                const end = start + unitsAtOnce < count ? start + unitsAtOnce : count;
                text += textOf(units, start, end);
            }
            return text;
        }
    }

    // For the rest of the prelude: bytes of text that has no lone surrogates, and the Encoding standard's
    // "UTF-8 decode" of bytes, which drops a byte order mark and replaces what is malformed.
    host.encodeUTF8 = encode;
    host.decodeUTF8 = (bytes) => new Decoder(false, false).decode(bytes, true);

    class TextEncoder {
        #brand;

        static {
            host.brand(TextEncoder, (value) => #brand in value);
        }

        get encoding() {
            void this.#brand;
            return "utf-8";
        }

        encode(input = "") {
            void this.#brand;
            return encode(webidl.USVString(input, "TextEncoder.encode: input"));
        }

        encodeInto(source, destination) {
            void this.#brand;
            webidl.arguments(arguments.length, 2, "TextEncoder.encodeInto");
            source = webidl.USVString(source, "TextEncoder.encodeInto: source");
            if (!host.isUint8Array(destination)) {
                throw new TypeError("TextEncoder.encodeInto: destination must be a Uint8Array");
            }
            return encodeInto(source, bytesOf(destination));
        }
    }

    host.expose(TextEncoder);

    const spaces = new Set(["\t", "\n", "\f", "\r", " "]);
    const labels = new Set([
        "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "utf-8", "utf8", "x-unicode20utf8",
    ]);

    // Without ASCII whitespace (Infra 4.7) at either end.
    function trim(text) {
        let start = 0;
        let end = text.length;
        const isSpace = (index) => setHas(spaces, text[index]);
        while (start < end && isSpace(start)) {
            start += 1;
        }
        while (end > start && isSpace(end - 1)) {
            end -= 1;
        }
        return slice(text, start, end);
    }

    const readDecoderOptions = webidl.dictionary([
        ["fatal", webidl.boolean, { default: false }],
        ["ignoreBOM", webidl.boolean, { default: false }],
    ]);
    const readDecodeOptions = webidl.dictionary([["stream", webidl.boolean, { default: false }]]);

    class TextDecoder {
        #fatal;
        #ignoreBOM;
        #decoder = null;

        static {
            host.brand(TextDecoder, (value) => #decoder in value);
        }

        constructor(label = "utf-8", options = undefined) {
            label = webidl.DOMString(label, "TextDecoder: label");
            const { fatal, ignoreBOM } = readDecoderOptions(options, "TextDecoder: options");
            if (!setHas(labels, toLowerCase(trim(label)))) {
                throw new RangeError(`TextDecoder knows UTF-8 only, and "${label}" is not a name of it`);
            }
            this.#fatal = fatal;
            this.#ignoreBOM = ignoreBOM;
        }

        get encoding() {
            void this.#decoder;
            return "utf-8";
        }

        get fatal() {
            return this.#fatal;
        }

        get ignoreBOM() {
            return this.#ignoreBOM;
        }

        decode(input = undefined, options = undefined) {
            void this.#decoder;
            let bytes = new Uint8Array(0);
            if (input !== undefined) {
                bytes = bytesOf(webidl.AllowSharedBufferSource(input, "TextDecoder.decode: input"));
            }
            const { stream } = readDecodeOptions(options, "TextDecoder.decode: options");
            const decoder = this.#decoder ?? new Decoder(this.#fatal, this.#ignoreBOM);
            const text = decoder.decode(bytes, !stream);
            this.#decoder = stream && text !== undefined ? decoder : null;
            if (text === undefined) {
                throw new TypeError("TextDecoder.decode: the bytes are not well-formed UTF-8");
            }
            return text;
        }
    }

    host.expose(TextDecoder);
})
