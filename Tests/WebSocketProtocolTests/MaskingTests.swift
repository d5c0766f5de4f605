import Testing

@testable import WebSocketProtocol

/// RFC 6455 §5.3.
@Suite("Masking", .ownThread)
struct MaskingTests {
    private static let keyBytes: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    private static let key = MaskingKey(0x37, 0xFA, 0x21, 0x3D)

    /// Masks a stretch in the middle of a buffer, and says whether just that was changed, and rightly.
    private func isRight(size: Int, offset: Int, misalignment: Int) -> Bool {
        let before = misalignment + 16
        let original = (0..<(before + size + 16)).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
        var buffer = original
        buffer.withUnsafeMutableBytes { raw in
            Self.key.apply(
                to: UnsafeMutableRawBufferPointer(rebasing: raw[before..<(before + size)]),
                offset: offset
            )
        }
        for index in buffer.indices {
            let place = index - before
            let isInside = place >= 0 && place < size
            let expected = isInside ? original[index] ^ Self.keyBytes[(place + offset) % 4] : original[index]
            if buffer[index] != expected { return false }
        }
        return true
    }

    @Test("As the definition says: any size, any phase of the key, any alignment", arguments: 0..<4)
    func definition(_ offset: Int) {
        for size in 0...200 {
            for misalignment in [0, 1, 2, 3, 5, 8, 13]
            where !isRight(size: size, offset: offset, misalignment: misalignment) {
                Issue.record("size \(size), offset \(offset), misalignment \(misalignment)")
            }
        }
        for size in [0xFFFF, 0x1_0000, 0x1_0001, 300_007] {
            #expect(isRight(size: size, offset: offset, misalignment: offset))
        }
    }

    @Test("Piece by piece it is the same as at once")
    func pieces() {
        let original = (0..<500).map { UInt8(truncatingIfNeeded: $0) }
        var whole = original
        whole.withUnsafeMutableBytes { Self.key.apply(to: $0) }
        var pieces = original
        var dice = Dice(seed: 1)
        var start = 0
        while start < pieces.count {
            let end = min(pieces.count, start + dice.roll(0...70))
            pieces.withUnsafeMutableBytes {
                Self.key.apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[start..<end]), offset: start)
            }
            start = end
        }
        #expect(pieces == whole)
        // And twice is as if never.
        whole.withUnsafeMutableBytes { Self.key.apply(to: $0) }
        #expect(whole == original)
    }

    @Test("Through a span, the Hello of §5.7")
    func hello() {
        var bytes = Array("Hello".utf8)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        Self.key.apply(to: &raw)
        #expect(bytes == [0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }
}
