/// An IPv4 address as URLs have it: in up to four parts, each decimal, octal or hexadecimal.
struct IPv4Address: Sendable, Hashable {
    let value: UInt32

    /// The IPv4 parser (URL Standard §3.5); `nil` is its failure.
    init?(_ domain: [UInt8]) {
        let parts = Self.parts(of: domain)
        guard parts.count <= 4 else { return nil }
        var numbers: [UInt64] = []
        for part in parts {
            guard let number = Self.number(part) else { return nil }
            numbers.append(number)
        }
        // The last number fills all the bytes that the others leave.
        guard let last = numbers.popLast(), last < 1 << UInt64(8 * (4 - numbers.count)) else { return nil }
        var value = last
        for (index, number) in numbers.enumerated() {
            guard number <= 255 else { return nil }
            value += number << UInt64(8 * (3 - index))
        }
        guard let value = UInt32(exactly: value) else { return nil }
        self.value = value
    }

    /// Whether a domain is to be an address because its last label is a number (URL Standard §3.5, "ends in a number
    /// checker").
    static func isExpected(in domain: [UInt8]) -> Bool {
        let dot = UInt8(ascii: ".")
        let end = domain.last == dot ? domain.count - 1 : domain.count
        let start = domain[..<end].lastIndex(of: dot).map { $0 + 1 } ?? 0
        let last = domain[start..<end]
        guard !last.isEmpty else { return false }
        return last.allSatisfy(\.isASCIIDigit) || number(last) != nil
    }

    /// The labels, without the empty one behind a dot at the end.
    private static func parts(of domain: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts = domain.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if parts.count > 1, let last = parts.last, last.isEmpty { parts.removeLast() }
        return parts
    }

    /// "IPv4 number parser" (URL Standard §3.5). What does not fit an address is some number that does not either.
    private static func number(_ part: ArraySlice<UInt8>) -> UInt64? {
        guard let first = part.first else { return nil }
        var digits = part
        var radix: UInt64 = 10
        if first == UInt8(ascii: "0"), part.count >= 2 {
            let isHexadecimal = part[part.startIndex + 1].lowercased == UInt8(ascii: "x")
            radix = isHexadecimal ? 16 : 8
            digits = part.dropFirst(isHexadecimal ? 2 : 1)
        }
        var number: UInt64 = 0
        for byte in digits {
            guard let digit = byte.hexadecimalValue, UInt64(digit) < radix else { return nil }
            number = min(number * radix + UInt64(digit), 1 << 32)
        }
        return number
    }
}

extension IPv4Address: CustomStringConvertible {
    var description: String {
        "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    }
}
