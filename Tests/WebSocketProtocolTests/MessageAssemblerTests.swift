import Testing

@testable import WebSocketProtocol

@Suite("MessageAssembler")
struct MessageAssemblerTests {
    private func append(_ piece: [UInt8], total: Int?, to assembler: inout MessageAssembler) {
        piece.withUnsafeBytes { assembler.append($0, total: total) }
    }

    @Test("Many fragments move the bytes only a few times: a thousand times more, ten times more often")
    func growthIsGeometric() {
        var assembler = MessageAssembler()
        var moves = 0
        for _ in 0..<100_000 {
            let before = assembler.bytes.capacity
            append([1, 2, 3, 4], total: nil, to: &assembler)
            if assembler.bytes.capacity != before { moves += 1 }
        }
        #expect(assembler.bytes.count == 400_000)
        #expect(moves <= 12, "512 bytes doubled ten times are more than 400,000")
    }

    @Test("A total that is announced reserves no more than twice what has come, and no more than itself")
    func announcedTotal() {
        var assembler = MessageAssembler()
        append([UInt8](repeating: 1, count: 1000), total: 1 << 40, to: &assembler)
        #expect(assembler.bytes.capacity < 4096)
        append([UInt8](repeating: 1, count: 100_000), total: 150_000, to: &assembler)
        append([UInt8](repeating: 1, count: 49_000), total: 150_000, to: &assembler)
        #expect(assembler.bytes.count == 150_000)
        #expect(assembler.bytes.capacity < 160_000)
    }

    @Test("Taking a message leaves nothing behind")
    func taking() {
        var assembler = MessageAssembler()
        append([1, 2, 3], total: 3, to: &assembler)
        #expect(assembler.take() == [1, 2, 3])
        #expect(assembler.bytes.capacity == 0)
    }
}
