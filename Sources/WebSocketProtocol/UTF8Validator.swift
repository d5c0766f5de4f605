/// Checks UTF-8 as it arrives, in pieces cut anywhere, and says at the first impossible byte that the
/// text cannot become valid any more (RFC 3629 §4, RFC 6455 §8.1).
public struct UTF8Validator: Sendable, Hashable {
    /// Bytes still missing from the character under way.
    private var missing: UInt8 = 0
    /// The range in which the next byte must lie; narrower than 80–BF only right after a first byte
    /// whose other continuations would be overlong, a surrogate, or above U+10FFFF.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    public init() {}

    /// Whether the text may end here: no character is half told.
    public var isComplete: Bool { missing == 0 }

    /// Takes the next piece of the text.
    ///
    /// - Returns: `nil` while the text can still be valid, else the offset in this piece of the first
    ///   byte that makes it impossible. After that the validator must not be used on.
    public mutating func validate(_ bytes: RawSpan) -> Int? {
        bytes.withUnsafeBytes { validate($0) }
    }

    mutating func validate(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let count = bytes.count
        var missing = self.missing
        var lowest = self.lowest
        var highest = self.highest
        defer { (self.missing, self.lowest, self.highest) = (missing, lowest, highest) }
        var index = 0
        while index < count {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if missing > 0 {
                guard byte >= lowest, byte <= highest else { return index }
                (lowest, highest) = (0x80, 0xBF)
                missing -= 1
                index += 1
            } else if byte < 0x80 {
                index = Self.endOfASCII(base, from: index + 1, count: count)
            } else {
                // The table of RFC 3629 §4, by first byte.
                switch byte {
                case 0xC2...0xDF: missing = 1
                case 0xE0: (missing, lowest) = (2, 0xA0)
                case 0xED: (missing, highest) = (2, 0x9F)
                case 0xE1...0xEF: missing = 2
                case 0xF0: (missing, lowest) = (3, 0x90)
                case 0xF1...0xF3: missing = 3
                case 0xF4: (missing, highest) = (3, 0x8F)
                default: return index
                }
                index += 1
            }
        }
        return nil
    }

    /// The first place at or after `start` that may hold a byte above 7F: runs of ASCII are passed over
    /// 64 bytes, then 8 bytes at a time.
    private static func endOfASCII(_ base: UnsafeRawPointer, from start: Int, count: Int) -> Int {
        var index = start
        let highBits = SIMD8<UInt64>(repeating: 0x8080_8080_8080_8080)
        while count - index >= 64 {
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD8<UInt64>.self) & highBits
            guard block == SIMD8<UInt64>(repeating: 0) else { break }
            index += 64
        }
        while count - index >= 8 {
            let block = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard block & 0x8080_8080_8080_8080 == 0 else { break }
            index += 8
        }
        return index
    }
}
