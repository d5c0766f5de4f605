/// What a configuration file may hold: one object of texts, numbers, truths and lists of them. Numbers and truths stay
/// the text that they are; the settings know how to read it.
struct JSONText {
    enum Value: Hashable {
        case one(String)
        case list([String])
        case null
    }

    struct Member: Hashable {
        let key: String
        let value: Value
        let line: Int
    }

    struct Problem: Error, Hashable {
        let line: Int
        let reason: String
    }

    /// The members of the object that the text is (RFC 8259).
    static func members(of bytes: [UInt8]) throws(Problem) -> [Member] {
        var reader = JSONText(bytes)
        try reader.expect("{", "an object in braces")
        var members: [Member] = []
        if !reader.take("}") {
            repeat {
                reader.skipSpace()
                let line = reader.line
                let key = try reader.string("a key in quotation marks")
                try reader.expect(":", "a colon behind \"\(key)\"")
                guard !members.contains(where: { $0.key == key }) else {
                    throw Problem(line: line, reason: "\"\(key)\" is there twice")
                }
                members.append(Member(key: key, value: try reader.value(of: key), line: line))
            } while reader.take(",")
            try reader.expect("}", "a comma or a closing brace")
        }
        reader.skipSpace()
        guard reader.isAtEnd else { throw reader.problem("nothing behind the closing brace") }
        return members
    }

    private let bytes: [UInt8]
    private var index = 0
    private var line = 1

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var isAtEnd: Bool { index == bytes.count }
    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func problem(_ expected: String) -> Problem {
        Problem(line: line, reason: "\(expected) was expected\(isAtEnd ? " before the end" : "")")
    }

    private mutating func skipSpace() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
            if byte == 0x0A { line += 1 }
            index += 1
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard let next, UInt32(next) == character.value else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(Problem) {
        guard take(character) else { throw problem(what) }
    }

    private mutating func value(of key: String) throws(Problem) -> Value {
        guard take("[") else { return try single(of: key) }
        var list: [String] = []
        if take("]") { return .list(list) }
        repeat {
            guard case .one(let text) = try single(of: key) else {
                throw problem("a text, a number, true or false in the list of \"\(key)\"")
            }
            list.append(text)
        } while take(",")
        try expect("]", "a comma or a closing bracket")
        return .list(list)
    }

    private mutating func single(of key: String) throws(Problem) -> Value {
        skipSpace()
        if next == UInt8(ascii: "\"") { return .one(try string("a text")) }
        let begin = index
        while let byte = next, Self.isOfWord(byte) { index += 1 }
        let word = String(decoding: bytes[begin..<index], as: UTF8.self)
        switch word {
        case "null": return .null
        case "true", "false": return .one(word)
        case _ where Self.isNumber(word): return .one(word)
        default:
            index = begin
            throw problem("a text, a number, true, false or a list of them for \"\(key)\"")
        }
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// RFC 8259 §6.
    private static func isNumber(_ word: String) -> Bool {
        word.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil
    }

    private mutating func string(_ what: String) throws(Problem) -> String {
        try expect("\"", what)
        var text: [UInt8] = []
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw Problem(line: line, reason: "a text is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): text += try escaped().utf8
            // RFC 8259 §7: control characters must be escaped.
            case ..<0x20:
                throw Problem(line: line, reason: "a text holds a control character or a line's end")
            default: text.append(byte)
            }
        }
        throw problem("a closing quotation mark")
    }

    private mutating func escaped() throws(Problem) -> String {
        guard let byte = next else { throw problem("a character behind the backslash") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var units = [try unit()]
            if UTF16.isLeadSurrogate(units[0]), bytes[index...].starts(with: "\\u".utf8) {
                index += 2
                units.append(try unit())
            }
            guard let text = String(validating: units, as: UTF16.self) else {
                throw Problem(line: line, reason: "\\u stands before half a character")
            }
            return text
        default: throw problem("one of \"\\/bfnrtu behind the backslash")
        }
    }

    private mutating func unit() throws(Problem) -> UInt16 {
        let digits = bytes[index...].prefix(4)
        guard digits.count == 4, let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16),
            digits.allSatisfy({ $0 != UInt8(ascii: "+") })
        else { throw problem("four hexadecimal digits behind \\u") }
        index += 4
        return unit
    }
}
