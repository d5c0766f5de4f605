/// Reads DEFLATE (RFC 1951) just to see how far back it looks, by code that shares nothing with zlib.
enum DeflateProbe {
    private struct Bits {
        let bytes: [UInt8]
        var position = 0

        mutating func take(_ count: Int) -> Int? {
            guard position + count <= bytes.count * 8 else { return nil }
            var value = 0
            for bit in 0..<count {
                let place = position + bit
                value |= Int(bytes[place / 8] >> UInt8(place % 8) & 1) << bit
            }
            position += count
            return value
        }
    }

    /// §3.2.2: codes of the same length are consecutive, in the order of their symbols.
    private struct Huffman {
        private var symbols: [Int: Int] = [:]

        init(_ lengths: [Int]) {
            var code = 0
            for length in 1...15 {
                for (symbol, itsLength) in lengths.enumerated() where itsLength == length {
                    symbols[length << 16 | code] = symbol
                    code += 1
                }
                code <<= 1
            }
        }

        func next(_ bits: inout Bits) -> Int? {
            var code = 0
            for length in 1...15 {
                guard let bit = bits.take(1) else { return nil }
                code = code << 1 | bit
                if let symbol = symbols[length << 16 | code] { return symbol }
            }
            return nil
        }
    }

    /// - Returns: the farthest distance, 0 when nothing looks back, or `nil` for what is not DEFLATE.
    static func farthestDistance(in bytes: [UInt8]) -> Int? {
        var bits = Bits(bytes: bytes)
        var farthest = 0
        while bits.position + 3 <= bytes.count * 8 {
            guard let isLast = bits.take(1), let kind = bits.take(2) else { return nil }
            switch kind {
            case 0:
                bits.position = (bits.position + 7) / 8 * 8
                guard let count = bits.take(16), bits.take(16) == ~count & 0xFFFF else { return nil }
                bits.position += count * 8
            case 1, 2:
                guard let tables = kind == 1 ? fixed : dynamic(&bits) else { return nil }
                guard let distance = block(&bits, tables.literals, tables.distances) else { return nil }
                farthest = max(farthest, distance)
            default:
                return nil
            }
            if isLast == 1 { break }
        }
        return farthest
    }

    private static let fixed: (literals: Huffman, distances: Huffman)? = (
        Huffman((0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }),
        Huffman([Int](repeating: 5, count: 30))
    )

    private static func dynamic(_ bits: inout Bits) -> (literals: Huffman, distances: Huffman)? {
        guard let literalCount = bits.take(5), let distanceCount = bits.take(5), let codeCount = bits.take(4)
        else { return nil }
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var codeLengths = [Int](repeating: 0, count: 19)
        for place in order.prefix(codeCount + 4) {
            guard let length = bits.take(3) else { return nil }
            codeLengths[place] = length
        }
        let codes = Huffman(codeLengths)
        var lengths: [Int] = []
        while lengths.count < literalCount + 257 + distanceCount + 1 {
            guard let symbol = codes.next(&bits) else { return nil }
            switch symbol {
            case 16:
                guard let more = bits.take(2), let last = lengths.last else { return nil }
                lengths += [Int](repeating: last, count: more + 3)
            case 17:
                guard let more = bits.take(3) else { return nil }
                lengths += [Int](repeating: 0, count: more + 3)
            case 18:
                guard let more = bits.take(7) else { return nil }
                lengths += [Int](repeating: 0, count: more + 11)
            default:
                lengths.append(symbol)
            }
        }
        let literals = Huffman(Array(lengths[..<(literalCount + 257)]))
        return (literals, Huffman(Array(lengths[(literalCount + 257)...])))
    }

    private static func block(_ bits: inout Bits, _ literals: Huffman, _ distances: Huffman) -> Int? {
        var farthest = 0
        while let symbol = literals.next(&bits) {
            guard symbol != 256 else { return farthest }
            guard symbol > 256 else { continue }
            // §3.2.5: extra bits of lengths, then of distances.
            let lengthExtra = symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4
            guard bits.take(lengthExtra) != nil, let code = distances.next(&bits) else { return nil }
            let extra = code < 4 ? 0 : (code - 2) / 2
            guard let offset = bits.take(extra) else { return nil }
            let base = code < 4 ? code + 1 : (2 + code % 2) << extra + 1
            farthest = max(farthest, base + offset)
        }
        return nil
    }
}
