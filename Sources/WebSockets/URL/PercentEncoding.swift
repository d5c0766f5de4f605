/// A set of ASCII characters, one bit each.
struct ASCIISet: Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    /// - Parameter characters: ASCII only; others are left out.
    init(_ characters: String, controls: Bool = false) {
        for byte in characters.utf8 { insert(byte) }
        if controls { low |= 0xFFFF_FFFF }
    }

    private mutating func insert(_ byte: UInt8) {
        if byte < 64 {
            low |= 1 << UInt64(byte)
        } else if byte < 128 {
            high |= 1 << UInt64(byte - 64)
        }
    }

    func union(_ characters: String) -> ASCIISet {
        var union = self
        for byte in characters.utf8 { union.insert(byte) }
        return union
    }

    /// False for what is not ASCII.
    func contains(_ byte: UInt8) -> Bool {
        if byte < 64 { return low >> UInt64(byte) & 1 == 1 }
        return byte < 128 && high >> UInt64(byte - 64) & 1 == 1
    }
}

/// Which bytes are written as `%XX`: those of a set, and always DEL and what is not ASCII (URL Standard §1.3).
struct PercentEncodeSet: Sendable {
    private let ascii: ASCIISet

    private init(_ ascii: ASCIISet) {
        self.ascii = ascii
    }

    private func union(_ characters: String) -> PercentEncodeSet {
        PercentEncodeSet(ascii.union(characters))
    }

    func contains(_ byte: UInt8) -> Bool {
        byte >= 0x7F || ascii.contains(byte)
    }

    static let c0Control = PercentEncodeSet(ASCIISet("", controls: true))
    static let fragment = c0Control.union(" \"<>`")
    static let query = c0Control.union(" \"#<>")
    static let specialQuery = query.union("'")
    static let path = query.union("?^`{}")
    static let userinfo = path.union("/:;=@[\\]|")
    static let component = userinfo.union("$%&+,")
    static let form = component.union("!'()~")
}

enum PercentEncoding {
    static func encode(_ text: String, _ set: PercentEncodeSet) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count)
        for byte in text.utf8 { append(byte, set, to: &output) }
        return String(decoding: output, as: UTF8.self)
    }

    static func encode(_ bytes: ArraySlice<UInt8>, _ set: PercentEncodeSet) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        for byte in bytes { append(byte, set, to: &output) }
        return String(decoding: output, as: UTF8.self)
    }

    static func append(_ byte: UInt8, _ set: PercentEncodeSet, to output: inout [UInt8]) {
        guard set.contains(byte) else {
            output.append(byte)
            return
        }
        output.append(UInt8(ascii: "%"))
        output.append(digit(byte >> 4))
        output.append(digit(byte & 15))
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    /// A percent sign that two hexadecimal digits do not follow stays what it is.
    static func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.endIndex,
                let high = bytes[index + 1].hexadecimalValue, let low = bytes[index + 2].hexadecimalValue
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return output
    }
}

extension UInt8 {
    var isASCIIDigit: Bool {
        self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9")
    }

    var isASCIILetter: Bool {
        let folded = self | 0x20
        return folded >= UInt8(ascii: "a") && folded <= UInt8(ascii: "z")
    }

    var lowercased: UInt8 {
        self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self
    }

    var hexadecimalValue: UInt8? {
        if isASCIIDigit { return self - UInt8(ascii: "0") }
        let folded = self | 0x20
        guard folded >= UInt8(ascii: "a"), folded <= UInt8(ascii: "f") else { return nil }
        return folded - UInt8(ascii: "a") + 10
    }
}
