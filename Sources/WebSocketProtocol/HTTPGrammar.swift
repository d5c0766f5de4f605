/// The character classes and lists of HTTP's grammar (RFC 9110 §5.6), over bytes.
enum HTTPGrammar {
    /// `tchar`: what tokens are made of (RFC 9110 §5.6.2).
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default:
            false
        }
    }

    static func isToken(_ text: some Collection<UInt8>) -> Bool {
        !text.isEmpty && text.allSatisfy(isTokenByte)
    }

    static func isToken(_ text: String) -> Bool { isToken(text.utf8) }

    /// What a field value may hold: visible characters, blanks, and bytes above 7F (RFC 9110 §5.5).
    static func isFieldValueByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || (byte >= 0x21 && byte != 0x7F)
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Without blanks at either end.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var slice = bytes
        while let first = slice.first, isBlank(first) { slice.removeFirst() }
        while let last = slice.last, isBlank(last) { slice.removeLast() }
        return slice
    }

    /// The elements of a comma-separated list that may stand in several fields, empty elements left out
    /// (RFC 9110 §5.6.1). Not for values with quoted strings.
    static func listElements(_ values: [String]) -> [String] {
        values.flatMap { value in
            Array(value.utf8).split(separator: UInt8(ascii: ",")).compactMap { element in
                let text = trimmed(element)
                return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
            }
        }
    }

    /// Whether a list of tokens holds this one, letter case aside.
    static func list(_ values: [String], contains token: String) -> Bool {
        listElements(values).contains { equalsIgnoringCase($0, token) }
    }

    /// Byte by byte, as protocols compare: Swift's `==` also holds canonically equivalent texts for equal,
    /// such as "K" and the Kelvin sign.
    static func equals(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }

    static func equalsIgnoringCase(_ one: String, _ other: String) -> Bool {
        one.utf8.count == other.utf8.count
            && zip(one.utf8, other.utf8).allSatisfy { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// Whether `text` can be a request's authority: a host with an optional port, and no more. A name's
    /// characters are those of RFC 3986 §3.2.2; an address stands in brackets.
    static func isAuthority(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let inside = bytes[(bytes.startIndex + 1)..<end]
            let allowed = inside.allSatisfy {
                isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0 | 0x20)
                    || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            }
            guard inside.count >= 2, allowed else { return false }
            bytes = bytes[(end + 1)...]
        } else {
            let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            let host = bytes[..<end]
            guard !host.isEmpty, host.allSatisfy(isHostByte) else { return false }
            bytes = bytes[end...]
        }
        guard let colon = bytes.first else { return true }
        let port = bytes.dropFirst()
        guard colon == UInt8(ascii: ":"), port.count <= 5, port.allSatisfy(isDigit) else { return false }
        // RFC 3986 §3.2.3 allows an empty port.
        return port.isEmpty || UInt16(String(decoding: port, as: UTF8.self)) != nil
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "#"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"): false
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: ","): true
        default: isTokenByte(byte)
        }
    }
}
