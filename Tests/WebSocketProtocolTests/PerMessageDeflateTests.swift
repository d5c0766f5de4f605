import Testing

@testable import WebSocketProtocol

/// RFC 7692 §6 and §7.2: compressed messages on the wire.
@Suite("Compressed messages", .ownThread)
struct PerMessageDeflateTests {
    static let plain = DeflateAgreement.Direction(keepsContext: false, windowBits: 15)
    static let remembering = DeflateAgreement.Direction(keepsContext: true, windowBits: 15)

    private func endpoint(
        _ role: Role,
        _ options: DeflateOptions = DeflateOptions(threshold: 0),
        keepsContext: Bool = false,
        windowBits: Int = 15,
        limits: Limits = Limits(),
        delivery: Delivery = .messages
    ) -> WebSocketEndpoint {
        let direction = DeflateAgreement.Direction(keepsContext: keepsContext, windowBits: windowBits)
        let agreement = DeflateAgreement(server: direction, client: direction)
        return WebSocketEndpoint(
            role: role,
            limits: limits,
            delivery: delivery,
            messageExtension: PerMessageDeflate(agreement, options, role: role, pool: DeflatePool())
        )
    }

    private func compressed(_ payload: [UInt8], isFinal: Bool = true) -> WireFrame {
        WireFrame(opcode: 1, payload: payload, isFinal: isFinal, reservedBits: 4)
    }

    /// What an endpoint makes of frames, cut everywhere; a new endpoint for each cut, since copies share
    /// what they remember.
    private func outcome(
        of frames: [WireFrame],
        _ make: () -> WebSocketEndpoint,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let role = make().role
        let bytes = frames.flatMap { $0.bytes(from: role.peer) }
        let whole = try WebSocketProtocolTests.outcome(of: [bytes[...]], at: make())
        for cut in stride(from: 0, to: bytes.count, by: bytes.count / 200 + 1) {
            let other = try WebSocketProtocolTests.outcome(of: [bytes[..<cut], bytes[cut...]], at: make())
            try #require(other == whole, "another outcome when cut at \(cut)", sourceLocation: sourceLocation)
        }
        return whole
    }

    // MARK: The examples of §7.2.3

    @Test("One message, in one frame or two", arguments: Role.both)
    func examples(_ role: Role) throws {
        let one = try outcome(of: [compressed([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])]) { endpoint(role) }
        #expect(one.events == [.text("Hello")])
        let two = try outcome(of: [
            compressed([0xF2, 0x48, 0xCD], isFinal: false), .ping("p"),
            .continuation([0xC9, 0xC9, 0x07, 0x00]),
        ]) { endpoint(role) }
        #expect(two.events == [.ping("p"), .text("Hello")])
        #expect(two.replies == [.pong("p")])
    }

    @Test("A window shared by two messages, where that was agreed on", arguments: Role.both)
    func sharedWindow(_ role: Role) throws {
        let frames = [
            compressed([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
            compressed([0xF2, 0x00, 0x11, 0x00, 0x00]),
        ]
        let shared = try outcome(of: frames) { endpoint(role, keepsContext: true) }
        #expect(shared.events == [.text("Hello"), .text("Hello")])
        // Looking back to what was to be forgotten fails.
        let forgotten = try outcome(of: frames) { endpoint(role) }
        #expect(forgotten.events.first == .text("Hello"))
        #expect(forgotten.events.last == .failed(.malformedCompression("invalid distance too far back")))
        #expect(forgotten.replies.first?.payload.prefix(2) == [0x03, 0xEF])
    }

    @Test(
        "Blocks of every kind",
        arguments: Role.both,
        [
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],  // §7.2.3.3: stored
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],  // §7.2.3.4: marked as the last
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],  // §7.2.3.5: two
        ] as [[UInt8]]
    )
    func blocks(_ role: Role, _ payload: [UInt8]) throws {
        let next = compressed([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        for keepsContext in [false, true] {
            let outcome = try outcome(of: [compressed(payload), next]) {
                endpoint(role, keepsContext: keepsContext)
            }
            #expect(outcome.events == [.text("Hello"), .text("Hello")])
        }
    }

    @Test("A block marked as the last does not make the window forgotten", arguments: Role.both)
    func windowBehindLastBlock(_ role: Role) throws {
        let outcome = try outcome(of: [
            compressed([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]),
            compressed([0xF2, 0x00, 0x11, 0x00, 0x00]),
        ]) { endpoint(role, keepsContext: true) }
        #expect(outcome.events == [.text("Hello"), .text("Hello")])
    }

    @Test("Nothing, compressed", arguments: Role.both)
    func empty(_ role: Role) throws {
        let frames = [
            compressed([0x00]), compressed([]), compressed([], isFinal: false), .continuation([]),
            compressed([0x00], isFinal: false), .continuation([], isFinal: false), .continuation([]),
        ]
        let outcome = try outcome(of: frames) { endpoint(role) }
        #expect(outcome.events == [.text(""), .text(""), .text(""), .text("")])
    }

    @Test("Plain and compressed messages may alternate", arguments: Role.both)
    func alternating(_ role: Role) throws {
        let hello = compressed([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        let outcome = try outcome(of: [.text("a"), hello, .binary([1]), hello]) { endpoint(role) }
        #expect(outcome.events == [.text("a"), .text("Hello"), .binary([1]), .text("Hello")])
    }

    @Test(
        "A peer that reaches beyond its window is understood, however its bytes are cut",
        arguments: Role.both
    )
    func beyondTheWindow(_ role: Role) throws {
        // 600 bytes as they are; then, with a fixed code, three of them from a distance of 600.
        let letters = (0..<600).map { UInt8(0x20 + $0 * 7 % 95) }
        let stored: [UInt8] = [0x00, 0x58, 0x02, 0xA7, 0xFD]
        let payload = stored + letters + [0x02, 0xA6, 0x2B, 0x00, 0x00]
        let outcome = try outcome(of: [compressed(payload)]) { endpoint(role, windowBits: 9) }
        let expected = letters + letters[..<3]
        #expect(outcome.events == [.text(String(decoding: expected, as: UTF8.self))])
    }

    // MARK: What is refused

    @Test(
        "The bit on control frames, on continuations, and where nothing was agreed on",
        arguments: Role.both
    )
    func misplacedBit(_ role: Role) throws {
        for opcode in [Opcode.ping, .pong, .close] {
            let frame = WireFrame(opcode: opcode.rawValue, reservedBits: 4)
            let outcome = try outcome(of: [frame]) { endpoint(role) }
            #expect(outcome.events == [.failed(.reservedBitSet(bits: 4, opcode: opcode))])
        }
        let continued = try outcome(of: [
            compressed([0xF2], isFinal: false), WireFrame(opcode: 0, payload: [0x48], reservedBits: 4),
        ]) { endpoint(role) }
        #expect(continued.events == [.failed(.reservedBitSet(bits: 4, opcode: .continuation))])
        for bits in [1, 2, 5, 6] as [UInt8] {
            let outcome = try outcome(of: [WireFrame(opcode: 1, reservedBits: bits)]) { endpoint(role) }
            #expect(outcome.events == [.failed(.reservedBitSet(bits: bits, opcode: .text))])
        }
        let stranger = try outcome(of: [compressed([0x00])]) { WebSocketEndpoint(role: role) }
        #expect(
            stranger.replies == [
                .close(
                    1002,
                    "reserved bits 4 set on a text frame and no extension uses them (compressed, though that was not agreed on?)"
                )
            ]
        )
    }

    @Test(
        "What is not DEFLATE is 1007",
        arguments: Role.both,
        [[0xFF], [0x06], [0x00, 0x05, 0x00, 0x00, 0x00]] as [[UInt8]]
    )
    func malformed(_ role: Role, _ payload: [UInt8]) throws {
        let outcome = try outcome(of: [compressed(payload)]) { endpoint(role) }
        guard case .failed(.malformedCompression) = outcome.events.last else {
            Issue.record("\(outcome.events)")
            return
        }
        #expect(outcome.replies.first?.payload.prefix(2) == [0x03, 0xEF])
    }

    @Test("Text is checked as it comes out, not when the message ends", arguments: Role.both)
    func text(_ role: Role) throws {
        var deflated: [UInt8] = []
        let bad: [UInt8] = [0x61, 0xE2, 0x28, 0xA1]
        let deflater = try #require(Deflater(.init(windowBits: 15, level: 6, memoryLevel: 8)))
        bad.withUnsafeBytes { deflater.compress($0, isLast: false, into: &deflated) }
        let outcome = try outcome(of: [compressed(deflated, isFinal: false)]) { endpoint(role) }
        #expect(outcome.events == [.failed(.invalidUTF8(offset: 2))])
    }

    // MARK: Limits

    private func deflated(zeros count: Int) throws -> [UInt8] {
        let deflater = try #require(Deflater(.init(windowBits: 15, level: 9, memoryLevel: 9)))
        var output: [UInt8] = []
        let piece = [UInt8](repeating: 0, count: 1 << 20)
        var left = count
        while left > 0 {
            let size = min(left, piece.count)
            piece.withUnsafeBytes {
                deflater.compress(
                    UnsafeRawBufferPointer(rebasing: $0[..<size]),
                    isLast: left == size,
                    into: &output
                )
            }
            left -= size
        }
        return output
    }

    @Test("A message at the limit passes, one byte more is 1009 before it is stored", arguments: Role.both)
    func messageLimit(_ role: Role) throws {
        let limits = Limits(maxMessageSize: 100_000)
        let atLimit = WireFrame(opcode: 2, payload: try deflated(zeros: 100_000), reservedBits: 4)
        let above = WireFrame(opcode: 2, payload: try deflated(zeros: 100_001), reservedBits: 4)
        let outcome = try outcome(of: [atLimit, above]) { endpoint(role, limits: limits) }
        #expect(outcome.events.first == .binary([UInt8](repeating: 0, count: 100_000)))
        #expect(outcome.events.last == .failed(.messageTooBig(length: 100_001, limit: 100_000)))
        #expect(outcome.replies.first?.payload.prefix(2) == [0x03, 0xF1])
    }

    @Test("A mebibyte that stands for a gibibyte stops at the message limit, and earlier by its ratio")
    func bomb() throws {
        let bomb = WireFrame(opcode: 2, payload: try deflated(zeros: 64 << 20), reservedBits: 4)
        let byLimit = try WebSocketProtocolTests.outcome(
            of: [bomb.bytes(from: .client)[...]],
            at: endpoint(.server, DeflateOptions(maxInflateRatio: 2000))
        )
        #expect(byLimit.events == [.failed(.messageTooBig(length: 16 << 20 + 1, limit: 16 << 20))])
        let byRatio = try WebSocketProtocolTests.outcome(
            of: [bomb.bytes(from: .client)[...2000]],
            at: endpoint(.server)
        )
        #expect(byRatio.events == [.failed(.inflatedTooMuch(ratio: 500))])
    }

    @Test("Parts come out as they arrive, of a message far above the limit", arguments: Role.both)
    func parts(_ role: Role) throws {
        let frame = WireFrame(opcode: 2, payload: try deflated(zeros: 3_000_000), reservedBits: 4)
        var endpoint = endpoint(
            role,
            DeflateOptions(maxInflateRatio: 2000),
            limits: Limits(maxMessageSize: 2_000_000),
            delivery: .parts
        )
        var total = 0
        var isEnded = false
        let bytes = frame.bytes(from: role.peer)
        for start in stride(from: 0, to: bytes.count, by: 500) {
            var input = Array(bytes[start...].prefix(500))
            var offset = 0
            while let event = input.withUnsafeMutableBytes({ endpoint.receive($0, at: &offset) }) {
                guard case .part(.binary, .held(let part), let isLast) = event else {
                    Issue.record("\(event)")
                    return
                }
                total += part.count
                isEnded = isLast
            }
        }
        #expect(total == 3_000_000)
        #expect(isEnded)
    }

    // MARK: Sending

    @Test("The examples of §7.2.3, sent", arguments: Role.both)
    func sendingExamples(_ role: Role) throws {
        // Short as it is, "Hello" does not get smaller, so only with a memory it has to go compressed.
        var sender = endpoint(role, DeflateOptions(level: 6, threshold: 0), keepsContext: true)
        var output: [UInt8] = []
        try sender.send("Hello", into: &output)
        try sender.send("Hello", into: &output)
        #expect(
            WireFrame.read(output, from: role) == [
                compressed([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
                compressed([0xF2, 0x00, 0x11, 0x00, 0x00]),
            ]
        )
    }

    @Test(
        "What does not get smaller, is below the threshold or asks not to be, goes as it is",
        arguments: Role.both
    )
    func plainMessages(_ role: Role) throws {
        var sender = endpoint(role, DeflateOptions(threshold: 100))
        var output: [UInt8] = []
        let text = String(repeating: "a", count: 100)
        var dice = Dice(seed: 1)
        let noise = (0..<500).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
        try sender.send(text, into: &output)
        try sender.send(String(text.dropLast()), into: &output)
        try sender.send(text, usesExtensions: false, into: &output)
        try sender.send(.binary, noise.span.bytes, into: &output)
        let ping = Array(noise.prefix(125))
        try sender.sendPing(ping.span.bytes, into: &output)
        let frames = try #require(WireFrame.read(output, from: role))
        #expect(frames.map(\.reservedBits) == [4, 0, 0, 0, 0])
        #expect(frames[2] == .text(text))
        #expect(frames[3] == .binary(noise))
    }

    @Test("The same message is the same bytes each time, where nothing is remembered", arguments: Role.both)
    func independence(_ role: Role) throws {
        var sender = endpoint(role)
        var sizes: Set<Int> = []
        for index in 0..<10 {
            var output: [UInt8] = []
            try sender.send(String(repeating: "secret \(index)", count: 40), into: &output)
            var again: [UInt8] = []
            try sender.send(String(repeating: "secret \(index)", count: 40), into: &again)
            #expect(output.count == again.count)
            sizes.insert(output.count)
        }
        #expect(sizes.count <= 2)
    }

    @Test(
        "What one endpoint sends, another receives: windows, memory, fragments, sizes",
        arguments: Role.both,
        [8, 9, 12, 15]
    )
    func roundTrips(_ role: Role, _ windowBits: Int) throws {
        for seed in 0..<24 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let keepsContext = seed % 2 == 0
            let options = DeflateOptions(
                level: dice.roll(1...9),
                memoryLevel: dice.roll(1...9),
                threshold: dice.pick([0, 100]),
                maxInflateRatio: 2000
            )
            var sender = endpoint(role, options, keepsContext: keepsContext, windowBits: windowBits)
            var wire: [UInt8] = []
            var expected: [Seen] = []
            for _ in 0..<6 {
                let text = dice.text("abc 0123 \n{}\":,ñ世🌍", count: 0...dice.pick([10, 600, 20_000]))
                let bytes = Array(text.utf8)
                expected.append(.text(text))
                guard dice.roll(0...1) == 0 else {
                    try sender.send(text, into: &wire)
                    continue
                }
                var rest = bytes[...]
                repeat {
                    let piece = Array(rest.prefix(dice.roll(0...max(1, bytes.count))))
                    rest = rest.dropFirst(piece.count)
                    try sender.sendFragment(.text, piece.span.bytes, isLast: rest.isEmpty, into: &wire)
                } while sender.isSendingMessage
            }
            let receiver = endpoint(role.peer, options, keepsContext: keepsContext, windowBits: windowBits)
            let pieces = [wire[..<(wire.count / 3)], wire[(wire.count / 3)...]]
            let outcome = try WebSocketProtocolTests.outcome(of: pieces, at: receiver)
            try #require(outcome.events == expected, "seed \(seed)")
        }
    }

    @Test("A compressor never looks back beyond its window, not even with one of 8 bits", arguments: 8...15)
    func windows(_ windowBits: Int) throws {
        var dice = Dice(seed: 7)
        let block = dice.text("abcdefgh", count: 200...200)
        let noise = dice.text("0123456789abcdefghijklmnopqrstuvwxyz", count: 20_000...20_000)
        // Repetitions near and far, for every window.
        let run = String(repeating: "a", count: 300)
        let text = Array((run + block + block + noise + block + noise + noise).utf8)
        let deflater = try #require(Deflater(.init(windowBits: windowBits, level: 9, memoryLevel: 8)))
        var output: [UInt8] = []
        text.withUnsafeBytes { deflater.compress($0, isLast: true, into: &output) }
        let distance = try #require(DeflateProbe.farthestDistance(in: output + [0, 0, 0xFF, 0xFF]))
        #expect(distance <= 1 << windowBits)
        #expect(distance > (windowBits == 8 ? 0 : 1 << (windowBits - 1) - 512), "it does look back")
        // And can be read with that window.
        let inflater = try #require(Inflater(windowBits: windowBits))
        var back: [UInt8] = []
        try output.withUnsafeBytes { bytes in
            try inflater.decompress(bytes, isLast: true, limit: .max, into: &back)
        }
        #expect(back == text)
    }
}
