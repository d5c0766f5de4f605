import Testing

@testable import WebSocketProtocol

/// RFC 6455 §5.4–§5.6: messages, fragments, and what may come between.
@Suite("Messages", .ownThread)
struct MessageTests {
    @Test("Text, binary, and nothing at all", arguments: Role.both)
    func whole(_ role: Role) throws {
        let frames: [WireFrame] = [.text("grüße, 世界 🌍"), .binary([0, 255, 128]), .text(""), .binary([])]
        let outcome = try outcome(of: frames, role: role)
        #expect(outcome.events == [.text("grüße, 世界 🌍"), .binary([0, 255, 128]), .text(""), .binary([])])
        #expect(outcome.replies.isEmpty)
    }

    @Test("The examples of §5.7, byte for byte")
    func examples() throws {
        let server = WebSocketEndpoint(role: .server)
        let client = WebSocketEndpoint(role: .client)
        let hello: [UInt8] = [0x48, 0x65, 0x6C, 0x6C, 0x6F]
        let masked: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(try outcomeHoweverCut(masked, at: server).events == [.text("Hello")])
        #expect(try outcomeHoweverCut([0x81, 0x05] + hello, at: client).events == [.text("Hello")])
        let fragments: [UInt8] = [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F]
        #expect(try outcomeHoweverCut(fragments, at: client).events == [.text("Hello")])
        let ping = try outcomeHoweverCut([0x89, 0x05] + hello, at: client)
        #expect(ping.events == [.ping("Hello")])
        let pong: [UInt8] = [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(try outcomeHoweverCut(pong, at: server).events == [.pong("Hello")])
    }

    @Test("Fragments, empty ones too, with control frames between", arguments: Role.both)
    func fragments(_ role: Role) throws {
        let frames: [WireFrame] = [
            .text("", isFinal: false), .ping("1"), .continuation(Array("ab".utf8), isFinal: false),
            .continuation([], isFinal: false), .pong("2"), .ping("3"),
            .continuation(Array("c".utf8), isFinal: false),
            .continuation([]), .binary([9]),
        ]
        let outcome = try outcome(of: frames, role: role)
        #expect(outcome.events == [.ping("1"), .pong("2"), .ping("3"), .text("abc"), .binary([9])])
        #expect(outcome.replies == [.pong("1"), .pong("3")])
    }

    @Test("Text may be cut inside a character, by frames and by reads", arguments: Role.both)
    func cutCharacters(_ role: Role) throws {
        let text = "añ€🌍z"
        let bytes = Array(text.utf8)
        for size in 1...3 {
            let starts = Array(stride(from: 0, to: bytes.count, by: size))
            let frames = starts.enumerated().map { index, start in
                let piece = Array(bytes[start..<min(start + size, bytes.count)])
                let isFinal = index == starts.count - 1
                return index == 0
                    ? WireFrame(opcode: 1, payload: piece, isFinal: isFinal)
                    : .continuation(piece, isFinal: isFinal)
            }
            #expect(try outcome(of: frames, role: role).events == [.text(text)])
        }
    }

    /// The first impossible byte ends the connection: what the frame announces beyond it is never waited for.
    @Test(
        "Text that cannot be UTF-8 any more",
        arguments: Role.both,
        [
            ([0x61, 0xC0], 1), ([0xE0, 0x80], 1), ([0xED, 0xA0], 1), ([0xF4, 0x90], 1), ([0xF5], 0),
            ([0x80], 0),
            ([0x61, 0x62, 0xFF], 2), ([0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x61], 6),
        ] as [([UInt8], Int)]
    )
    func invalid(_ role: Role, _ bad: ([UInt8], Int)) throws {
        let (bytes, offset) = bad
        let error = ProtocolError.invalidUTF8(offset: offset)
        // The whole message; its beginning in a frame that announces much more; and cut into fragments.
        let announced = WireFrame.header(
            0x81,
            length: 126,
            extended: WireFrame.bytes(of: 60_000, count: 2),
            from: role.peer
        )
        let masked = role == .server ? bytes.enumerated().map { $1 ^ WireFrame.key[$0 & 3] } : bytes
        let unfinished = try outcomeHoweverCut(announced + masked, at: WebSocketEndpoint(role: role))
        #expect(unfinished.events == [.failed(error)])
        let fragments = bytes.enumerated().map { index, byte in
            WireFrame(opcode: index == 0 ? 1 : 0, payload: [byte], isFinal: false)
        }
        for frames in [[WireFrame(opcode: 1, payload: bytes + [0x7A])], fragments] {
            let outcome = try outcome(of: frames, role: role)
            #expect(outcome.events == [.failed(error)])
            #expect(outcome.replies == [.close(1007, "text is not UTF-8 at byte \(offset)")])
        }
    }

    @Test("A message that ends inside a character", arguments: Role.both)
    func incomplete(_ role: Role) throws {
        let whole = WireFrame(opcode: 1, payload: [0x61, 0xE2, 0x82])
        #expect(try outcome(of: [whole], role: role).events == [.failed(.invalidUTF8(offset: 3))])
        let fragments: [WireFrame] = [
            WireFrame(opcode: 1, payload: [0x61, 0xE2], isFinal: false),
            .continuation([0x82], isFinal: false),
            .continuation([]),
        ]
        #expect(try outcome(of: fragments, role: role).events == [.failed(.invalidUTF8(offset: 3))])
    }

    @Test("Binary is never looked at", arguments: Role.both)
    func binaryIsOpaque(_ role: Role) throws {
        let frames: [WireFrame] = [.binary([0xFF, 0xC0], isFinal: false), .continuation([0x80])]
        #expect(try outcome(of: frames, role: role).events == [.binary([0xFF, 0xC0, 0x80])])
    }

    @Test("Input may be given as a span, and says how long its payloads are")
    func spans() {
        var endpoint = WebSocketEndpoint(role: .client)
        var input =
            WireFrame.text("hello").bytes(from: .server)
            + WireFrame.binary([1], isFinal: false).bytes(from: .server)
        var offset = 0
        var mutable = input.mutableSpan
        var bytes = mutable.mutableBytes
        let event = endpoint.receive(&bytes, at: &offset)
        #expect(endpoint.receive(&bytes, at: &offset) == nil)
        guard case .message(.text, let payload) = event else {
            Issue.record("\(String(describing: event))")
            return
        }
        #expect(payload == .input(2..<7))
        #expect(payload.count == 5)
        #expect(Payload.held([1, 2, 3]).count == 3)
    }

    @Test("Whether the peer is in the middle of something")
    func isReceivingMessage() {
        var endpoint = WebSocketEndpoint(role: .client)
        func receive(_ bytes: [UInt8]) {
            var input = bytes
            var offset = 0
            while input.withUnsafeMutableBytes({ endpoint.receive($0, at: &offset) }) != nil {}
        }
        #expect(!endpoint.isReceivingMessage)
        receive([0x01])
        #expect(endpoint.isReceivingMessage, "half a header")
        receive([0x02, 0x61])
        #expect(endpoint.isReceivingMessage, "half a frame")
        receive([0x62])
        #expect(endpoint.isReceivingMessage, "half a message")
        receive([0x80, 0x00])
        #expect(!endpoint.isReceivingMessage)
    }

    @Test(
        "At the end nothing is unfinished any more, whatever had begun",
        arguments: [
            [0x81, 0x7E, 0x00, 0x7D],  // A length in too many bytes, noticed in the midst of a header.
            [0x01, 0x02, 0x61, 0xFF],  // Text that is not UTF-8, in the midst of a message.
            [0x02, 0x02, 0x61, 0x62, 0x88, 0x00],  // A close frame between fragments.
            [0x02, 0x02, 0x61, 0x62, 0x88, 0x01, 0x03],  // And one of half a code.
        ] as [[UInt8]]
    )
    func nothingUnfinishedAtTheEnd(_ bytes: [UInt8]) {
        var endpoint = WebSocketEndpoint(role: .client)
        for (index, byte) in bytes.enumerated() {
            #expect(endpoint.isReceivingMessage == (index > 0), "before byte \(index)")
            var input = [byte]
            var offset = 0
            while input.withUnsafeMutableBytes({ endpoint.receive($0, at: &offset) }) != nil {}
        }
        #expect(endpoint.owesReplies)
        #expect(!endpoint.isReceivingMessage)
    }
}
