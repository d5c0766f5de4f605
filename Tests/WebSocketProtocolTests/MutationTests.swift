import Testing

@testable import WebSocketProtocol

/// Streams that were sound once and are damaged: whatever comes of them, nothing traps, nothing goes on for
/// ever, nothing exceeds a limit, and what is said of it is sound itself.
@Suite("Damaged streams", .ownThread)
struct MutationTests {
    private static let limits = Limits(maxFrameSize: 400, maxMessageSize: 500, maxMessageFragments: 8)

    private static func sound(_ dice: inout Dice, from sender: Role) -> [UInt8] {
        var frames: [WireFrame] = []
        for _ in 0..<dice.roll(1...4) {
            switch dice.roll(0...5) {
            case 0: frames.append(.ping("p"))
            case 1: frames.append(.text("añ€🌍", isFinal: false))
            case 2: frames.append(.continuation([0x61], isFinal: dice.roll(0...1) == 0))
            case 3: frames.append(.binary([UInt8](repeating: 7, count: dice.pick([0, 125, 126, 300]))))
            case 4: frames.append(.close(dice.pick([1000, 1005, 3000, 5000]), "bye"))
            default: frames.append(.text("añ€🌍"))
            }
        }
        return frames.flatMap { $0.bytes(from: sender) }
    }

    private static func damaged(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<dice.roll(1...3) where !bytes.isEmpty {
            let place = dice.roll(0...(bytes.count - 1))
            switch dice.roll(0...5) {
            case 0: bytes[place] ^= 1 << UInt8(dice.roll(0...7))
            case 1: bytes[place] = UInt8(truncatingIfNeeded: dice.next())
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(UInt8(truncatingIfNeeded: dice.next()), at: place)
            case 4: bytes.removeLast(bytes.count - place)
            default: bytes.insert(contentsOf: bytes[place...].prefix(20), at: dice.roll(0...place))
            }
        }
        return bytes
    }

    @Test("Nothing traps, hangs or exceeds the limits", arguments: Role.both, [Delivery.messages, .parts])
    func damage(_ role: Role, _ delivery: Delivery) throws {
        var failures = 0
        for seed in 0..<5_000 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let bytes = Self.damaged(Self.sound(&dice, from: role.peer), &dice)
            let endpoint = WebSocketEndpoint(role: role, limits: Self.limits, delivery: delivery)
            // Requires by itself that all input is used in a bounded number of events, and that the
            // replies are frames as this role must write them.
            let outcome = try outcome(of: dice.cut(bytes), at: endpoint)
            let last = outcome.events.count - 1
            for (index, event) in outcome.events.enumerated() {
                switch event {
                case .binary(let payload): try #require(payload.count <= 500, "seed \(seed)")
                case .text(let text): try #require(text.utf8.count <= 500, "seed \(seed)")
                case .part: try #require(delivery == .parts, "seed \(seed)")
                case .ping(let text), .pong(let text): _ = text
                case .failed(let error):
                    try #require(index == last, "seed \(seed): something came behind a failure")
                    try #require(error.closeCode.isAllowedOnTheWire, "seed \(seed)")
                    failures += 1
                case .close: try #require(index == last, "seed \(seed): something came behind a close frame")
                }
            }
            let closes = outcome.replies.filter { $0.opcode == 8 }
            try #require(closes.count <= 1, "seed \(seed)")
            try #require(closes.isEmpty || outcome.replies.last == closes.first, "seed \(seed)")
        }
        // Damage that is never noticed would say that the streams are not damaged.
        #expect(failures > 1_000)
    }
}
