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
    /// characters are those of RFC 3986 §3.2.2; an IPv6 address stands in brackets.
    static func isAuthority(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let inside = bytes[(bytes.startIndex + 1)..<end]
            guard isIPv6Address(inside) else { return false }
            bytes = bytes[(end + 1)...]
        } else {
            let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            let host = bytes[..<end]
            guard !host.isEmpty, isName(host) else { return false }
            bytes = bytes[end...]
        }
        guard let colon = bytes.first else { return true }
        let port = bytes.dropFirst()
        guard colon == UInt8(ascii: ":"), port.count <= 5, port.allSatisfy(isDigit) else { return false }
        // RFC 3986 §3.2.3 allows an empty port.
        return port.isEmpty || UInt16(String(decoding: port, as: UTF8.self)) != nil
    }

    /// Eight groups of one to four hexadecimal digits; once, `::` stands for one or more groups of zeros; the
    /// last two groups may be written as an IPv4 address (RFC 3986 §3.2.2).
    private static func isIPv6Address(_ bytes: ArraySlice<UInt8>) -> Bool {
        let colon = UInt8(ascii: ":")
        var groups = 0
        var hasGap = bytes.starts(with: [colon, colon])
        var rest = hasGap ? bytes.dropFirst(2) : bytes
        while !rest.isEmpty {
            let group = rest.prefix { $0 != colon }
            rest = rest[group.endIndex...]
            if rest.isEmpty, isIPv4Address(group) {
                groups += 2
            } else if (1...4).contains(group.count), group.allSatisfy(isHexDigit) {
                groups += 1
            } else {
                return false
            }
            guard rest.popFirst() != nil else { break }
            if rest.first == colon, !hasGap {
                hasGap = true
                rest.removeFirst()
            } else if rest.isEmpty {
                return false
            }
        }
        return hasGap ? groups <= 7 : groups == 8
    }

    private static func isIPv4Address(_ bytes: ArraySlice<UInt8>) -> Bool {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.allSatisfy(isDigit) && (part.count == 1 || part.first != UInt8(ascii: "0"))
                    && UInt8(String(decoding: part, as: UTF8.self)) != nil
            }
    }

    /// A registered name: every `%` begins an escape of two hexadecimal digits (RFC 3986 §3.2.2, §2.1).
    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while let byte = rest.popFirst() {
            guard isHostByte(byte) else { return false }
            guard byte == UInt8(ascii: "%") else { continue }
            guard let high = rest.popFirst(), let low = rest.popFirst(), isHexDigit(high), isHexDigit(low)
            else {
                return false
            }
        }
        return true
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "#"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"): false
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: ","):
            true
        default: isTokenByte(byte)
        }
    }
}
