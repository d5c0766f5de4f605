import Testing

@testable import WebSocketProtocol

/// RFC 6455 §5.3.
@Suite("Masking", .ownThread)
struct MaskingTests {
    private static let key = MaskingKey(0x37, 0xFA, 0x21, 0x3D)

    /// Bytes, and the same masked from the first on by the standard's own definition, at each phase of the key.
    private struct Sample {
        let bytes: [UInt8]
        let masked: [[UInt8]]

        init(size: Int) {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
            let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
            self.bytes = bytes
            masked = (0..<4).map { phase in bytes.indices.map { bytes[$0] ^ key[($0 + phase) % 4] } }
        }

        /// Masks a stretch in the middle, and says whether just that was changed, and rightly.
        func isRight(size: Int, offset: Int, misalignment: Int) -> Bool {
            let range = (misalignment + 16)..<(misalignment + 16 + size)
            var buffer = bytes
            buffer.withUnsafeMutableBytes {
                MaskingTests.key.apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[range]), offset: offset)
            }
            // The stretch's first byte meets the key at `offset`; 128 keeps the remainder positive.
            let phase = (offset % 4 + 128 - range.lowerBound) % 4
            var expected = bytes
            expected.replaceSubrange(range, with: masked[phase][range])
            return buffer == expected
        }
    }

    /// A wrong bit shows in thousands of cases; the first says enough.
    private func expectRight(
        _ sample: Sample,
        sizes: some Sequence<Int>,
        offsets: [Int],
        misalignments: [Int]
    ) {
        for size in sizes {
            for misalignment in misalignments {
                for offset in offsets
                where !sample.isRight(size: size, offset: offset, misalignment: misalignment) {
                    Issue.record("size \(size), offset \(offset), misalignment \(misalignment)")
                    return
                }
            }
        }
    }

    @Test("As the definition says: any size, any phase of the key, any alignment")
    func definition() {
        let sample = Sample(size: 300 + 16 + 32)
        expectRight(sample, sizes: 0...300, offsets: [0, 1, 2, 3], misalignments: Array(0...16))
    }

    @Test("As the definition says, about the borders of large frames")
    func large() {
        let sizes = [0xFFFF, 0x1_0000, 0x1_0001, (1 << 20) + 3]
        expectRight(Sample(size: (1 << 20) + 64), sizes: sizes, offsets: [0, 1, 2, 3], misalignments: [1])
    }

    @Test("The key's phase is right however far into a frame", arguments: [4, 125, 0x1_0002, Int.max - 1])
    func farOffsets(_ offset: Int) {
        let sizes = [1, 2, 3, 4, 5, 63, 64, 65, 131]
        expectRight(Sample(size: 200), sizes: sizes, offsets: [offset], misalignments: [3])
    }

    @Test("Piece by piece it is the same as at once")
    func pieces() {
        let sample = Sample(size: 500)
        let masked = sample.masked[0]
        for seed in 0..<20 as Range<UInt64> {
            var pieces = sample.bytes
            var dice = Dice(seed: seed)
            var start = 0
            while start < pieces.count {
                let end = min(pieces.count, start + dice.roll(0...70))
                pieces.withUnsafeMutableBytes {
                    Self.key.apply(
                        to: UnsafeMutableRawBufferPointer(rebasing: $0[start..<end]),
                        offset: start
                    )
                }
                start = end
            }
            #expect(pieces == masked, "seed \(seed)")
        }
    }

    @Test("Masked twice is as if never", arguments: [0, 1, 5, 64, 67, 1_000])
    func twice(_ size: Int) {
        let original = Sample(size: size).bytes
        var bytes = original
        for _ in 0..<2 { bytes.withUnsafeMutableBytes { Self.key.apply(to: $0, offset: 3) } }
        #expect(bytes == original)
    }

    @Test("Through a span, the Hello of §5.7")
    func hello() {
        var bytes = Array("Hello".utf8)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        Self.key.apply(to: &raw)
        #expect(bytes == [0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }

    @Test("Through a span, from the offset given")
    func spanOffset() {
        // The last three bytes of the Hello of §5.7, as the second piece of its payload.
        var bytes = Array("llo".utf8)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        Self.key.apply(to: &raw, offset: 2)
        #expect(bytes == [0x4D, 0x51, 0x58])
    }

    @Test("A key of four zeros, which a peer may choose, changes nothing")
    func zeroKey() {
        let original = Sample(size: 131).bytes
        var bytes = original
        bytes.withUnsafeMutableBytes { MaskingKey(0, 0, 0, 0).apply(to: $0) }
        #expect(bytes == original)
    }
}
