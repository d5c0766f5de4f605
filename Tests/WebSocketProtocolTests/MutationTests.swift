import Testing

@testable import WebSocketProtocol

/// Streams that were sound once and are damaged: whatever comes of them, nothing traps, nothing goes on for
/// ever, nothing exceeds a limit, and what is said of it is sound itself.
@Suite("Damaged streams", .ownThread)
struct MutationTests {
    private static let limits = Limits(maxFrameSize: 400, maxMessageSize: 500, maxMessageFragments: 3)

    private static func sound(_ dice: inout Dice, from sender: Role) -> [UInt8] {
        var frames: [WireFrame] = []
        for _ in 0..<dice.roll(1...6) {
            switch dice.roll(0...5) {
            case 0: frames.append(.ping("p"))
            case 1: frames.append(.text("añ€🌍", isFinal: false))
            case 2:
                let payload = [UInt8](repeating: 0x61, count: dice.pick([0, 1, 126, 300]))
                frames.append(.continuation(payload, isFinal: dice.roll(0...1) == 0))
            case 3:
                let payload = [UInt8](repeating: 7, count: dice.pick([0, 125, 126, 300, 401]))
                frames.append(.binary(payload, isFinal: dice.roll(0...1) == 0))
            case 4: frames.append(.close(dice.pick([1000, 1005, 3000, 5000]), "bye"))
            default: frames.append(.text("añ€🌍"))
            }
        }
        return frames.flatMap { $0.bytes(from: sender) }
    }

    private static func damaged(_ bytes: [UInt8], _ dice: inout Dice, from sender: Role) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<dice.roll(1...3) where !bytes.isEmpty {
            let place = dice.roll(0...(bytes.count - 1))
            switch dice.roll(0...6) {
            case 0: bytes[place] ^= 1 << UInt8(dice.roll(0...7))
            case 1: bytes[place] = UInt8(truncatingIfNeeded: dice.next())
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(UInt8(truncatingIfNeeded: dice.next()), at: place)
            case 4: bytes.removeLast(bytes.count - place)
            // The end of another stream, from anywhere in it.
            case 5:
                bytes.replaceSubrange(
                    place...,
                    with: sound(&dice, from: sender).drop { _ in dice.roll(0...9) > 0 }
                )
            default: bytes.insert(contentsOf: bytes[place...].prefix(20), at: dice.roll(0...place))
            }
        }
        return bytes
    }

    @Test("Nothing traps, hangs or exceeds the limits", arguments: Role.both, [Delivery.messages, .parts])
    func damage(_ role: Role, _ delivery: Delivery) throws {
        var failures = 0
        var limitsHit: Set<String> = []
        for seed in 0..<5_000 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let bytes = Self.damaged(Self.sound(&dice, from: role.peer), &dice, from: role.peer)
            let endpoint = WebSocketEndpoint(role: role, limits: Self.limits, delivery: delivery)
            // Requires by itself that all input is used in a bounded number of events, and that the
            // replies are frames as this role must write them.
            let result = try outcome(of: dice.cut(bytes), at: endpoint)
            try Self.checkEvents(result, delivery, "seed \(seed)")
            if case .failed(let error) = result.events.last {
                failures += 1
                switch error {
                case .frameTooBig(_, limit: 400): limitsHit.insert("frame")
                case .messageTooBig(_, limit: 500): limitsHit.insert("message")
                case .tooManyFragments(limit: 3): limitsHit.insert("fragments")
                default: break
                }
            }
            let closes = result.replies.filter { $0.opcode == 8 }
            try #require(closes.count <= 1, "seed \(seed)")
            try #require(closes.isEmpty || result.replies.last == closes.first, "seed \(seed)")
            // How much of a text in parts was handed out before its first wrong byte is the cut's affair.
            guard delivery == .messages else { continue }
            try #require(try outcome(of: [bytes[...]], at: endpoint) == result, "seed \(seed)")
            try #require(
                try outcome(of: [bytes[...]], at: endpoint, shortcut: true) == result,
                "the short way, seed \(seed)"
            )
        }
        // Damage that is never noticed would say that the streams are not damaged.
        #expect(failures > 1_000)
        // A limit that is never met would say nothing either. Of parts only the frame's is in force.
        #expect(limitsHit == (delivery == .messages ? ["frame", "message", "fragments"] : ["frame"]))
    }

    @Test(
        "An endpoint that has sent its close frame sends nothing more, whatever comes",
        arguments: Role.both
    )
    func damageWhileClosing(_ role: Role) throws {
        let sent = try ClosePayload(sending: .goingAway, reason: "going")
        var answered = 0
        var failures = 0
        for seed in 10_000..<12_000 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let bytes = Self.damaged(Self.sound(&dice, from: role.peer), &dice, from: role.peer)
            var endpoint = WebSocketEndpoint(role: role, limits: Self.limits)
            var wire: [UInt8] = []
            endpoint.close(sent, into: &wire)
            let result = try outcome(of: dice.cut(bytes), at: endpoint)
            try Self.checkEvents(result, .messages, "seed \(seed)")
            try #require(result.replies.isEmpty, "seed \(seed)")
            switch (result.events.last, result.state) {
            case (.close(let received), let state):
                try #require(state == .complete(sent: sent, received: received, by: .local), "seed \(seed)")
                answered += 1
            case (.failed(let error), let state):
                try #require(state == .failed(error, sent: sent, owed: nil), "seed \(seed)")
                failures += 1
            case (_, let state):
                try #require(state == .closeSent(sent), "seed \(seed)")
            }
        }
        #expect(answered > 50 && failures > 400, "\(answered), \(failures)")
    }

    /// That each event is one which these limits allow, and that the end was the end.
    private static func checkEvents(_ outcome: Outcome, _ delivery: Delivery, _ seed: Comment) throws {
        for event in outcome.events.dropLast() {
            switch event {
            case .failed, .close: Issue.record("something came behind the end, \(seed)")
            default: break
            }
        }
        for event in outcome.events {
            switch event {
            case .binary(let payload):
                try #require(delivery == .messages && payload.count <= 500, seed)
            case .text(let text):
                try #require(delivery == .messages && text.utf8.count <= 500, seed)
                // Bytes that are not UTF-8 would have been replaced when they were made a string.
                try #require(!text.unicodeScalars.contains("\u{FFFD}"), seed)
            case .part: try #require(delivery == .parts, seed)
            // A byte that is not UTF-8 has become three.
            case .ping(let text), .pong(let text): try #require(text.utf8.count <= 3 * 125, seed)
            case .failed(let error): try #require(error.closeCode.isAllowedOnTheWire, seed)
            case .close(let close):
                try #require(close.code?.isAllowedOnTheWire ?? true, seed)
                try #require(close.reason.utf8.count <= 123, seed)
            }
        }
    }
}
