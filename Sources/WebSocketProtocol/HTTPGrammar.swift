/// The character classes and lists of HTTP's grammar (RFC 9110 §5.6), over bytes.
package enum HTTPGrammar {
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

    package static func isToken(_ text: String) -> Bool { isToken(text.utf8) }

    /// What a field value may hold: visible characters, blanks, and bytes above 7F (RFC 9110 §5.5).
    static func isFieldValueByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || (byte >= 0x21 && byte != 0x7F)
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// The first control character at or after `start` but a tab, or the end: what no line of a head holds.
    static func firstControl(in text: Span<UInt8>, from start: Int) -> Int {
        let (ones, highBits): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        var index = start
        while text.count - index >= 8 {
            let word = text.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            // Bits for bytes below 20 and for 7F, and now and then for one behind such a byte.
            let deletes = word ^ (ones &* 0x7F)
            let found = (word &- ones &* 0x20) & ~word | (deletes &- ones) & ~deletes
            if found & highBits != 0 {
                for place in index..<index + 8 where !isFieldValueByte(text[place]) { return place }
            }
            index += 8
        }
        while index < text.count, isFieldValueByte(text[index]) { index += 1 }
        return index
    }

    /// Whether a token is this name of small letters and hyphens, letter case aside.
    @inline(__always)
    static func equals(_ text: Span<UInt8>, _ range: Range<Int>, _ name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard range.count == count else { return false }
        let bytes = text.bytes.extracting(range)
        let letters = UnsafeRawPointer(name.utf8Start)
        // In a token nothing but the capital becomes a small letter by this bit, and nothing a hyphen.
        func differ<Word: FixedWidthInteger & BitwiseCopyable>(_ place: Int, _ bits: Word) -> Bool {
            bytes.unsafeLoadUnaligned(fromByteOffset: place, as: Word.self) | bits
                != letters.loadUnaligned(fromByteOffset: place, as: Word.self)
        }
        if count < 4 { return !(0..<count).contains { differ($0, 0x20 as UInt8) } }
        // The last words overlap.
        if count < 8 { return !differ(0, 0x2020_2020 as UInt32) && !differ(count - 4, 0x2020_2020 as UInt32) }
        var place = 0
        while place + 8 <= count {
            if differ(place, 0x2020_2020_2020_2020 as UInt64) { return false }
            place += 8
        }
        return !differ(count - 8, 0x2020_2020_2020_2020 as UInt64)
    }

    /// Whether the list in a part of `text` holds this token, given as ``equals(_:_:_:)`` wants it.
    static func list(_ text: Span<UInt8>, _ range: Range<Int>, contains token: StaticString) -> Bool {
        var start = range.lowerBound
        while start <= range.upperBound {
            var end = start
            while end < range.upperBound, text[end] != UInt8(ascii: ",") { end += 1 }
            let element = trimmed(text, start..<end)
            // The name's letters differ from what is no token in more than the one bit; a hyphen does not.
            if equals(text, element, token), isToken(text, element) { return true }
            start = end + 1
        }
        return false
    }

    static func isToken(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        !range.isEmpty && range.allSatisfy { isTokenByte(text[$0]) }
    }

    /// Without blanks at either end.
    static func trimmed(_ text: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isBlank(text[start]) { start += 1 }
        while start < end, isBlank(text[end - 1]) { end -= 1 }
        return start..<end
    }

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

    package static func isAuthority(_ text: String) -> Bool { isAuthority(Array(text.utf8)[...]) }

    /// Whether `text` can be a request's authority: a host with an optional port, and no more. A name's
    /// characters are those of RFC 3986 §3.2.2; an IPv6 address stands in brackets.
    static func isAuthority(_ text: ArraySlice<UInt8>) -> Bool {
        var bytes = text
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
        var place = bytes.startIndex
        while place < bytes.endIndex {
            let byte = bytes[place]
            guard isHostByte(byte) else { return false }
            place += 1
            guard byte == UInt8(ascii: "%") else { continue }
            guard bytes.endIndex - place >= 2, isHexDigit(bytes[place]), isHexDigit(bytes[place + 1]) else {
                return false
            }
            place += 2
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
