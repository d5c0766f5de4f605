import Testing

@testable import WebSocketProtocol

/// The bytes of messages that an endpoint sends.
@Suite("Sending messages", .ownThread)
struct EndpointSendingTests {
    /// Gives 0, 1, 2, … for ever.
    private static let counting = RandomSource { buffer in
        for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index) }
    }

    @Test("A server's frames are plain, behind what the output holds already")
    func server() throws {
        var endpoint = WebSocketEndpoint(role: .server)
        var output: [UInt8] = [0xEE]
        try endpoint.send("Hi", into: &output)
        let bytes: [UInt8] = [0xC0]
        try endpoint.send(.binary, bytes.span.bytes, into: &output)
        try endpoint.send("", into: &output)
        #expect(output == [0xEE, 0x81, 2, 0x48, 0x69, 0x82, 1, 0xC0, 0x81, 0])
    }

    @Test("A client's frames are masked, each with a key of its own from the source")
    func client() throws {
        var endpoint = WebSocketEndpoint(role: .client, random: Self.counting)
        var output: [UInt8] = []
        try endpoint.send("Hi", into: &output)
        try endpoint.sendPing([UInt8]().span.bytes, into: &output)
        // Keys are taken from the end of a batch of 1,024 bytes: FC FD FE FF, then F8 F9 FA FB.
        #expect(
            output == [
                0x81, 0x82, 0xFC, 0xFD, 0xFE, 0xFF, 0x48 ^ 0xFC, 0x69 ^ 0xFD,
                0x89, 0x80, 0xF8, 0xF9, 0xFA, 0xFB,
            ]
        )
    }

    @Test("Fragments, and what may go between", arguments: Role.both)
    func fragments(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        var output: [UInt8] = []
        let text = Array("añ€🌍".utf8)
        for (index, byte) in text.enumerated() {
            let piece = [byte]
            #expect(endpoint.isSendingMessage == (index > 0))
            try endpoint.sendFragment(.text, piece.span.bytes, isLast: false, into: &output)
        }
        try endpoint.sendPing([UInt8]().span.bytes, into: &output)
        let untouched = output
        let more = [UInt8(1)]
        #expect(throws: UsageError.messageUnderWay) { try endpoint.send("x", into: &output) }
        #expect(throws: UsageError.messageUnderWay) {
            try endpoint.send(.text, more.span.bytes, into: &output)
        }
        #expect(throws: UsageError.messageUnderWay) {
            try endpoint.sendFragment(.binary, more.span.bytes, isLast: true, into: &output)
        }
        #expect(output == untouched)
        try endpoint.sendFragment(.text, [UInt8]().span.bytes, isLast: true, into: &output)
        #expect(!endpoint.isSendingMessage)
        let frames = try #require(WireFrame.read(output, from: role))
        #expect(frames.map(\.opcode) == [1] + [UInt8](repeating: 0, count: text.count - 1) + [9, 0])
        #expect(frames.map(\.isFinal) == [Bool](repeating: false, count: text.count) + [true, true])
        #expect(frames.flatMap(\.payload) == text)
    }

    @Test("Text that is not UTF-8 is refused, with the place, and nothing is written", arguments: Role.both)
    func invalidText(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        var output: [UInt8] = []
        let bad: [UInt8] = [0x61, 0xFF]
        let cut: [UInt8] = [0x61, 0xE2]
        #expect(throws: UsageError.textNotUTF8(offset: 1)) {
            try endpoint.send(.text, bad.span.bytes, into: &output)
        }
        #expect(throws: UsageError.textNotUTF8(offset: 2)) {
            try endpoint.send(.text, cut.span.bytes, into: &output)
        }
        #expect(output.isEmpty)

        try endpoint.sendFragment(.text, cut.span.bytes, isLast: false, into: &output)
        let written = output
        #expect(throws: UsageError.textNotUTF8(offset: 2)) {
            try endpoint.sendFragment(.text, bad.span.bytes, isLast: false, into: &output)
        }
        #expect(throws: UsageError.textNotUTF8(offset: 2)) {
            try endpoint.sendFragment(.text, [UInt8]().span.bytes, isLast: true, into: &output)
        }
        #expect(output == written)
        // The message goes on as if the refused pieces had never been.
        let rest: [UInt8] = [0x82, 0xAC]
        try endpoint.sendFragment(.text, rest.span.bytes, isLast: true, into: &output)
        let frames = try #require(WireFrame.read(output, from: role))
        #expect(frames.flatMap(\.payload) == Array("a€".utf8))
        #expect(frames.map(\.isFinal) == [false, true])
    }
}
