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

        mutating func run() throws(UsageError) {
            for _ in 0..<dice.roll(1...8) {
                if dice.roll(0...3) == 0 { try sendControl() }
                let payload = payload()
                let isText = dice.roll(0...1) == 0
                let bytes = isText ? Array(String(decoding: payload, as: UTF8.self).utf8) : payload
                if dice.roll(0...1) == 0 {
                    try endpoint.send(isText ? .text : .binary, bytes.span.bytes, into: &wire)
                } else {
                    try sendFragments(isText ? .text : .binary, bytes)
                }
                expected.append(isText ? .text(String(decoding: bytes, as: UTF8.self)) : .binary(bytes))
            }
        }

        private mutating func payload() -> [UInt8] {
            let size =
                dice.roll(0...9) == 0
                ? dice.pick([0xFFFF, 0x1_0000]) : dice.pick([0, 1, 2, 7, 125, 126, 300])
            var bytes = [UInt8](repeating: 0, count: size)
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: dice.next()) }
            return bytes
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
            let text = String(repeating: "p", count: dice.roll(0...125))
            let bytes = Array(text.utf8)
            if dice.roll(0...1) == 0 {
                try endpoint.sendPing(bytes.span.bytes, into: &wire)
                expected.append(.ping(text))
            } else {
                try endpoint.sendPong(bytes.span.bytes, into: &wire)
                expected.append(.pong(text))
            }
        }
    }

    @Test("Sent, cut at random and received is the identity", arguments: Role.both)
    func identity(_ role: Role) throws {
        for seed in 0..<300 as Range<UInt64> {
            var sender = Sender(endpoint: WebSocketEndpoint(role: role), dice: Dice(seed: seed))
            try sender.run()
            let pieces = sender.wire.count < 5_000 ? sender.dice.cut(sender.wire) : halves(sender.wire)
            let outcome = try outcome(of: pieces, at: WebSocketEndpoint(role: role.peer))
            try #require(outcome.events == sender.expected, "seed \(seed)")
            try #require(outcome.state == .open, "seed \(seed)")
        }
    }

    private func halves(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        [bytes[..<(bytes.count / 3)], bytes[(bytes.count / 3)...]]
    }
}
