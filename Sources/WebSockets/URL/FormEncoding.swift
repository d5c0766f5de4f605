/// `application/x-www-form-urlencoded`, in which `URLSearchParams` reads and writes a query (URL Standard §5).
package enum FormEncoding {
    /// The pairs of name and value in a query without its question mark. Nothing is an error: what is no UTF-8 once
    /// it is decoded has U+FFFD in its place.
    package static func parse(_ text: String) -> [(String, String)] {
        Array(text.utf8).split(separator: UInt8(ascii: "&")).map { piece in
            guard let mark = piece.firstIndex(of: UInt8(ascii: "=")) else { return (decode(piece), "") }
            return (decode(piece[..<mark]), decode(piece[(mark + 1)...]))
        }
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) -> String {
        // The plus signs first: one that was percent-encoded stays one.
        let spaced = bytes.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return String(decoding: PercentEncoding.decode(spaced[...]), as: UTF8.self)
    }

    package static func serialize(_ pairs: some Sequence<(String, String)>) -> String {
        var output: [UInt8] = []
        for (name, value) in pairs {
            if !output.isEmpty { output.append(UInt8(ascii: "&")) }
            append(name, to: &output)
            output.append(UInt8(ascii: "="))
            append(value, to: &output)
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        for byte in text.utf8 {
            if byte == UInt8(ascii: " ") {
                output.append(UInt8(ascii: "+"))
            } else {
                PercentEncoding.append(byte, .form, to: &output)
            }
        }
    }
}
