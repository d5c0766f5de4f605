import Testing

@testable import WebSocketProtocol

/// Frames gathered in memory of fixed size, beside what an endpoint makes of the same messages.
@Suite("Frame buffer", .ownThread)
struct FrameBufferTests {
    private func with<Result>(capacity: Int, _ body: (FrameBuffer) throws -> Result) rethrows -> Result {
        let buffer = FrameBuffer.allocate(capacity: capacity)
        defer { buffer.deallocate() }
        buffer.begin(largestPayload: .max)
        return try body(buffer)
    }

    @Test("It knows its bytes, and how many messages of each kind they are, until it begins anew")
    func sums() {
        with(capacity: 1000) { buffer in
            let payload: [UInt8] = [1, 2, 3]
            for kind in [MessageKind.text, .binary, .text] {
                #expect(payload.withUnsafeBytes { buffer.append(kind, $0) })
            }
            #expect(buffer.sums == (15, 2, 1))
            #expect(buffer.sums.bytes == buffer.count)
            buffer.begin(largestPayload: 2)
            #expect(buffer.sums == (0, 0, 0))
            #expect(!payload.withUnsafeBytes { buffer.append(.text, $0) })
            #expect(buffer.sums == (0, 0, 0))
        }
    }

    @Test("Messages of every size are framed as an endpoint frames them")
    func sameAsEndpoint() throws {
        try with(capacity: 1 << 20) { buffer in
            var dice = Dice(seed: 7)
            for round in 0..<300 {
                var endpoint = WebSocketEndpoint(role: .server)
                var expected: [UInt8] = []
                buffer.begin(largestPayload: .max)
                for _ in 0..<dice.roll(1...20) {
                    let count = dice.pick([0, 1, 64, 124, 125, 126, 127, 1000, 0xFFFF, 0x1_0000, 70_000])
                    let payload = [UInt8](repeating: UInt8(dice.roll(0...127)), count: count)
                    let kind = dice.pick([MessageKind.text, .binary])
                    let before = expected
                    try endpoint.send(kind, payload.span.bytes, into: &expected)
                    let fits = payload.withUnsafeBytes { buffer.append(kind, $0) }
                    // Only where the longest header would not fit may it say no.
                    if !fits {
                        try #require(before.count + 10 + count > 1 << 20, "round \(round)")
                        expected = before
                    }
                }
                try #require(Array(buffer.bytes) == expected, "round \(round)")
                try #require(buffer.count == expected.count)
            }
        }
    }

    @Test("What does not fit is refused whole, and what was there stays", arguments: 0...40)
    func full(_ capacity: Int) {
        with(capacity: capacity) { buffer in
            var expected: [UInt8] = []
            for length in 0..<20 {
                let payload = [UInt8](repeating: 9, count: length)
                let before = buffer.count
                if payload.withUnsafeBytes({ buffer.append(.binary, $0) }) {
                    expected += [0x82, UInt8(length)] + payload
                    #expect(buffer.count <= capacity)
                } else {
                    #expect(before + 10 + length > capacity)
                }
                #expect(Array(buffer.bytes) == expected)
            }
        }
    }

    @Test("Without room for anything, or below it, it only refuses", arguments: [0, -1, Int.min])
    func nothing(_ capacity: Int) {
        with(capacity: capacity) { buffer in
            #expect(!buffer.append(.text, UnsafeRawBufferPointer(start: nil, count: 0)))
            #expect(buffer.bytes.isEmpty)
        }
    }

    @Test("A message above the size it was begun with is refused")
    func largest() {
        with(capacity: 1000) { buffer in
            buffer.begin(largestPayload: 5)
            #expect([1, 2, 3, 4, 5].withUnsafeBytes { buffer.append(.binary, $0.prefix(5)) })
            #expect(![UInt8](repeating: 1, count: 6).withUnsafeBytes { buffer.append(.binary, $0) })
            #expect(buffer.count == 7)
            buffer.begin(largestPayload: 6)
            #expect(buffer.count == 0)
        }
    }
}

extension FrameBuffer {
    fileprivate func append(_ kind: MessageKind, _ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        append(kind, UnsafeRawBufferPointer(rebasing: bytes))
    }
}
