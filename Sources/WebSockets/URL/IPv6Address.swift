/// An IPv6 address, without brackets.
struct IPv6Address: Sendable, Hashable {
    private(set) var pieces: [UInt16]

    /// The IPv6 parser (URL Standard §3.5); `nil` is its failure.
    init?(_ text: ArraySlice<UInt8>) {
        var reader = Reader(rest: text)
        guard reader.readAddress() else { return nil }
        pieces = reader.pieces
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>
        var pieces: [UInt16] = []
        /// How many pieces come before the "::".
        var gap: Int?

        mutating func takes(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest = rest.dropFirst()
            return true
        }

        mutating func readAddress() -> Bool {
            if takes(":") {
                guard takes(":") else { return false }
                gap = 0
            }
            while !rest.isEmpty {
                guard pieces.count < 8, readPiece() else { return false }
            }
            if let gap {
                // It stands for at least one piece.
                guard pieces.count < 8 else { return false }
                pieces.insert(contentsOf: Array(repeating: 0, count: 8 - pieces.count), at: gap)
            }
            return pieces.count == 8
        }

        private mutating func readPiece() -> Bool {
            if takes(":") {
                guard gap == nil else { return false }
                gap = pieces.count
                return true
            }
            let beginning = rest
            var value: UInt16 = 0
            var length = 0
            while length < 4, let digit = rest.first?.hexadecimalValue {
                value = value << 4 | UInt16(digit)
                rest = rest.dropFirst()
                length += 1
            }
            if rest.first == UInt8(ascii: ".") {
                rest = beginning
                return length > 0 && readIPv4()
            }
            if takes(":") {
                guard !rest.isEmpty else { return false }
            } else {
                guard rest.isEmpty else { return false }
            }
            pieces.append(value)
            return true
        }

        /// The last four bytes in decimal; here, unlike in a host of its own, with nothing left out.
        private mutating func readIPv4() -> Bool {
            guard pieces.count <= 6 else { return false }
            var bytes: [UInt16] = []
            repeat {
                guard bytes.count < 4, bytes.isEmpty || takes(".") else { return false }
                var value: UInt16?
                while let byte = rest.first, byte.isASCIIDigit {
                    guard value != 0 else { return false }
                    let next = (value ?? 0) * 10 + UInt16(byte - UInt8(ascii: "0"))
                    guard next <= 255 else { return false }
                    value = next
                    rest = rest.dropFirst()
                }
                guard let value else { return false }
                bytes.append(value)
            } while !rest.isEmpty
            guard bytes.count == 4 else { return false }
            pieces.append(bytes[0] << 8 | bytes[1])
            pieces.append(bytes[2] << 8 | bytes[3])
            return true
        }
    }
}

extension IPv6Address: CustomStringConvertible {
    /// With the first of the longest runs of zeros, of two pieces or more, left out (RFC 5952 §4).
    var description: String {
        let numbers = pieces.map { String($0, radix: 16) }
        guard let gap = longestZeros else { return numbers.joined(separator: ":") }
        let before = numbers[..<gap.lowerBound].joined(separator: ":")
        let after = numbers[gap.upperBound...].joined(separator: ":")
        return "\(before)::\(after)"
    }

    private var longestZeros: Range<Int>? {
        var longest: Range<Int>?
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, pieces[end] == 0 { end += 1 }
            if end - start > max(1, longest?.count ?? 0) { longest = start..<end }
            start = end + 1
        }
        return longest
    }
}
