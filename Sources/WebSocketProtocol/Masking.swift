/// The four bytes a client XORs over a frame's payload (RFC 6455 §5.3).
public struct MaskingKey: Sendable, Hashable {
    /// The key's bytes as they lie in memory, so that a word of payload can be XORed with it directly.
    let word: UInt32

    /// A key from its four bytes in the order of the wire.
    public init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        let bigEndian =
            UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
        word = UInt32(bigEndian: bigEndian)
    }

    init(word: UInt32) { self.word = word }

    /// The key as seen by a payload byte `offset` places further on: its bytes rotated.
    func advanced(by offset: Int) -> MaskingKey {
        let shift = UInt32(truncatingIfNeeded: offset & 3) * 8
        guard shift != 0 else { return self }
        let value = UInt32(bigEndian: word)
        return MaskingKey(word: UInt32(bigEndian: value << shift | value >> (32 - shift)))
    }

    /// Masks or unmasks a span of payload in place; the same operation does both (RFC 6455 §5.3).
    ///
    /// - Parameter offset: how many payload bytes of the frame come before the span.
    public func apply(to bytes: inout MutableRawSpan, offset: Int = 0) {
        bytes.withUnsafeMutableBytes { apply(to: $0, offset: offset) }
    }

    func apply(to bytes: UnsafeMutableRawBufferPointer, offset: Int = 0) {
        guard let base = bytes.baseAddress else { return }
        let key = advanced(by: offset).word
        let count = bytes.count
        var index = 0
        // 64 bytes at a time, at whatever alignment they have. The block is a multiple of four, so
        // the key's phase does not move.
        let wide = SIMD16<UInt32>(repeating: key)
        while count - index >= 64 {
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt32>.self)
            base.storeBytes(of: block ^ wide, toByteOffset: index, as: SIMD16<UInt32>.self)
            index += 64
        }
        while count - index >= 4 {
            let block = base.loadUnaligned(fromByteOffset: index, as: UInt32.self)
            base.storeBytes(of: block ^ key, toByteOffset: index, as: UInt32.self)
            index += 4
        }
        withUnsafeBytes(of: key) { keyBytes in
            var phase = 0
            while index < count {
                bytes[index] ^= keyBytes[phase]
                index += 1
                phase += 1
            }
        }
    }
}

/// Draws masking keys from a random source, many at a time, so that a key costs no system call.
///
/// RFC 6455 §10.3 wants each key fresh and unpredictable from those before it: every key here is four
/// bytes of the source's own output, used once.
public struct MaskingKeySource: Sendable {
    private let random: RandomSource
    private var pool: [UInt32] = []

    /// Keys drawn in one go: 1 KiB.
    static let batch = 256

    public init(random: RandomSource = .system) { self.random = random }

    public mutating func next() -> MaskingKey {
        if let word = pool.popLast() { return MaskingKey(word: word) }
        pool = [UInt32](repeating: 0, count: Self.batch)
        pool.withUnsafeMutableBytes { random.fill($0) }
        return MaskingKey(word: pool.removeLast())
    }
}
