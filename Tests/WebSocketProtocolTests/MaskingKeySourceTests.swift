import Synchronization
import Testing

@testable import WebSocketProtocol

/// RFC 6455 §5.3, §10.3: every key fresh, none to be guessed from those before.
@Suite("Masking keys", .ownThread)
struct MaskingKeySourceTests {
    @Test("Each key is four bytes of the source's own, none used twice, many drawn at a time")
    func batches() {
        let counter = Mutex((calls: 0, next: UInt32(0)))
        let random = RandomSource { buffer in
            counter.withLock { state in
                state.calls += 1
                for offset in stride(from: 0, to: buffer.count, by: 4) {
                    buffer.storeBytes(of: state.next.bigEndian, toByteOffset: offset, as: UInt32.self)
                    state.next += 1
                }
            }
        }
        var source = MaskingKeySource(random: random)
        let count = 3 * MaskingKeySource.batch
        var keys: Set<MaskingKey> = []
        for _ in 0..<count { keys.insert(source.next()) }
        let expected = (0..<UInt32(count)).map { number in
            MaskingKey(0, 0, UInt8(number >> 8), UInt8(number & 0xFF))
        }
        #expect(keys == Set(expected))
        #expect(counter.withLock { $0.calls } == 3, "one call for each batch")
    }

    @Test("Two endpoints draw keys of their own")
    func independence() {
        var one = MaskingKeySource()
        var two = MaskingKeySource()
        let first = Set((0..<1000).map { _ in one.next() })
        let second = Set((0..<1000).map { _ in two.next() })
        // Two thousand of 2^32: one in common happens once in four thousand runs, ten never.
        #expect(first.intersection(second).count < 10)
        #expect(first.count > 990 && second.count > 990)
    }

    @Test("The system's source sets each bit half the time, and repeats no keys")
    func bits() {
        var source = MaskingKeySource()
        let count = 10_000
        var ones = [Int](repeating: 0, count: 32)
        var distinct: Set<UInt32> = []
        for _ in 0..<count {
            let word = source.next().word
            distinct.insert(word)
            for bit in 0..<32 where word >> UInt32(bit) & 1 == 1 { ones[bit] += 1 }
        }
        // 10,000 of 2^32 have two in common once in 86 times; ten such pairs have no chance.
        #expect(distinct.count > count - 10)
        // Ten standard deviations of 50 each.
        for (bit, number) in ones.enumerated() { #expect((4_500...5_500).contains(number), "bit \(bit)") }
    }

    @Test("The system's source fills buffers of any size", arguments: [0, 1, 255, 256, 257, 5_000])
    func fill(_ count: Int) {
        // A byte that is zero sixteen times in a row was not written.
        var seen = [UInt8](repeating: 0, count: count)
        for _ in 0..<16 {
            for (index, byte) in RandomSource.system.bytes(count).enumerated() { seen[index] |= byte }
        }
        #expect(!seen.contains(0))
    }
}
