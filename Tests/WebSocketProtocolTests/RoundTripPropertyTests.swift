import Testing

@testable import WebSocketProtocol

/// What one endpoint sends, cut anywhere, is what another receives.
@Suite("Round trips", .ownThread)
struct RoundTripPropertyTests {
    /// Sends messages at random, whole and in fragments, with pings and pongs between.
    private struct Sender {
        var endpoint: WebSocketEndpoint
        var dice: Dice
        var wire: [UInt8] = []
        var expected: [Seen] = []
        var largest = 0

        mutating func run() throws(UsageError) {
            for _ in 0..<dice.roll(1...8) {
                if dice.roll(0...3) == 0 { try sendControl() }
                let isText = dice.roll(0...1) == 0
                let bytes = payload(isText: isText)
                largest = max(largest, bytes.count)
                if dice.roll(0...1) == 0 {
                    try endpoint.send(isText ? .text : .binary, bytes.span.bytes, into: &wire)
                } else {
                    try sendFragments(isText ? .text : .binary, bytes)
                }
                expected.append(isText ? .text(String(decoding: bytes, as: UTF8.self)) : .binary(bytes))
            }
        }

        /// Sizes about the borders of a length's three forms. The large ones are rare: a debug build takes
        /// its time over them.
        private mutating func payload(isText: Bool) -> [UInt8] {
            let size =
                dice.roll(0...99) == 0
                ? dice.pick([0xFFFE, 0xFFFF, 0x1_0000, 0x1_0001])
                : dice.pick([0, 1, 2, 7, 124, 125, 126, 127, 128, 300])
            var pattern = (0..<251).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
            if isText {
                pattern = Array(dice.text("az09 éñß€世界🌍\u{0}\u{7F}\u{10FFFF}", count: 90...110).utf8)
            }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(size)
            while size - bytes.count >= pattern.count { bytes += pattern }
            let rest = size - bytes.count
            // A part of the pattern would be the end of text in the midst of a character.
            return bytes + (isText ? [UInt8](repeating: 0x78, count: rest) : Array(pattern.prefix(rest)))
        }

        private mutating func sendFragments(_ kind: MessageKind, _ bytes: [UInt8]) throws(UsageError) {
            var rest = bytes[...]
            repeat {
                let piece = Array(rest.prefix(dice.roll(0...max(1, bytes.count))))
                rest = rest.dropFirst(piece.count)
                let isLast = rest.isEmpty && dice.roll(0...1) == 0
                try endpoint.sendFragment(kind, piece.span.bytes, isLast: isLast, into: &wire)
                if !isLast, dice.roll(0...2) == 0 { try sendControl() }
            } while endpoint.isSendingMessage
        }

        private mutating func sendControl() throws(UsageError) {
            let text = String(repeating: "p", count: dice.pick([0, 1, 4, 124, 125, dice.roll(0...125)]))
            let bytes = Array(text.utf8)
            if dice.roll(0...1) == 0 {
                try endpoint.sendPing(bytes.span.bytes, into: &wire)
                expected.append(.ping(text))
            } else {
                try endpoint.sendPong(bytes.span.bytes, into: &wire)
                expected.append(.pong(text))
            }
        }

        /// What was sent, in pieces: of few bytes, or of a read's size, which few frames fit whole.
        mutating func pieces() -> [ArraySlice<UInt8>] {
            guard wire.count > 5_000 || dice.roll(0...1) == 0 else { return dice.cut(wire) }
            var pieces: [ArraySlice<UInt8>] = []
            var rest = wire[...]
            while !rest.isEmpty {
                let piece = rest.prefix(dice.roll(1...max(1, wire.count / 3)))
                pieces.append(piece)
                rest = rest.dropFirst(piece.count)
            }
            return pieces
        }
    }

    @Test("Sent, cut at random and received is the identity, and so are the answers", arguments: Role.both)
    func identity(_ role: Role) throws {
        var largest = 0
        for seed in 0..<300 as Range<UInt64> {
            var sender = Sender(endpoint: WebSocketEndpoint(role: role), dice: Dice(seed: seed))
            try sender.run()
            largest = max(largest, sender.largest)
            let close = try ClosePayload(sending: .goingAway, reason: "seed \(seed)")
            sender.endpoint.close(close, into: &sender.wire)

            let there = try outcome(of: sender.pieces(), at: WebSocketEndpoint(role: role.peer))
            // Compared out of the expectation, which would print them whole.
            let isSame = there.events == sender.expected + [.close(close)]
            try #require(isSame, "seed \(seed)")
            try #require(there.state == .complete(sent: close, received: close, by: .peer), "seed \(seed)")

            // Each ping is answered, in order, and the close frame last.
            let pings = sender.expected.compactMap { if case .ping(let text) = $0 { text } else { nil } }
            let answers = pings.map { WireFrame.pong($0) } + [.close(1001, "seed \(seed)")]
            try #require(there.replies == answers, "seed \(seed)")
            let wire = there.replies.flatMap { $0.bytes(from: role.peer) }
            let back = try outcome(of: sender.dice.cut(wire), at: sender.endpoint)
            try #require(back.events == pings.map { .pong($0) } + [.close(close)], "seed \(seed)")
            try #require(back.replies.isEmpty, "seed \(seed)")
            try #require(back.state == .complete(sent: close, received: close, by: .local), "seed \(seed)")
        }
        #expect(largest > 0xFFFF, "no message took the longest form of a length")
    }

    @Test("In parts it is the same messages, and the same pings and pongs", arguments: Role.both)
    func parts(_ role: Role) throws {
        for seed in 1_000..<1_200 as Range<UInt64> {
            var sender = Sender(endpoint: WebSocketEndpoint(role: role), dice: Dice(seed: seed))
            try sender.run()
            let receiver = WebSocketEndpoint(role: role.peer, delivery: .parts)
            let there = try outcome(of: sender.pieces(), at: receiver)
            var messages: [Seen] = []
            var controls: [Seen] = []
            var open: [UInt8] = []
            for event in there.events {
                guard case .part(let kind, let bytes, let isLast) = event else {
                    controls.append(event)
                    continue
                }
                open += bytes
                guard isLast else { continue }
                messages.append(kind == .text ? .text(String(decoding: open, as: UTF8.self)) : .binary(open))
                open = []
            }
            let isSame = messages == sender.expected.filter(\.isMessage)
            try #require(isSame, "seed \(seed)")
            try #require(controls == sender.expected.filter { !$0.isMessage }, "seed \(seed)")
            try #require(open.isEmpty, "seed \(seed)")
        }
    }
}

private extension Seen {
    var isMessage: Bool {
        switch self {
        case .text, .binary: true
        default: false
        }
    }
}
