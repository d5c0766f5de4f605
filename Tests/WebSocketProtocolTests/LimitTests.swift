import Testing

@testable import WebSocketProtocol

/// What a peer may cost, to the byte.
@Suite("Limits", .ownThread)
struct LimitTests {
    @Test("The defaults are those that are documented")
    func defaults() {
        let limits = Limits()
        #expect(limits.maxFrameSize == nil)
        #expect(limits.maxMessageSize == 16 * 1024 * 1024)
        #expect(limits.maxMessageFragments == nil)
        #expect(limits.effectiveMaxMessageFragments == 262_144)
        #expect(limits.maxHeadSize == 16 * 1024)
        #expect(limits.maxHeadFields == 100)
        #expect(Limits(maxMessageSize: 10).effectiveMaxMessageFragments == 1024)
        #expect(Limits(maxMessageFragments: 7).effectiveMaxMessageFragments == 7)
    }

    @Test("A message at the limit passes, one byte more is 1009", arguments: Role.both)
    func messageInOneFrame(_ role: Role) throws {
        let limits = Limits(maxMessageSize: 200)
        let atLimit = [UInt8](repeating: 1, count: 200)
        let outcome = try outcome(of: [.binary(atLimit), .binary(atLimit + [1])], role: role, limits: limits)
        let error = ProtocolError.messageTooBig(length: 201, limit: 200)
        #expect(outcome.events == [.binary(atLimit), .failed(error)])
        #expect(outcome.replies == [.close(1009, "message of at least 201 bytes exceeds the limit of 200")])
    }

    @Test(
        "A message in fragments is measured as a whole, on the header of the fragment too much",
        arguments: Role.both
    )
    func messageInFragments(_ role: Role) throws {
        let limits = Limits(maxMessageSize: 200)
        let half = [UInt8](repeating: 1, count: 100)
        let passing: [WireFrame] = [.binary(half, isFinal: false), .continuation(half)]
        #expect(try outcome(of: passing, role: role, limits: limits).events == [.binary(half + half)])
        let bytes =
            WireFrame.binary(half, isFinal: false).bytes(from: role.peer)
            + WireFrame.header(0x80, length: 101, from: role.peer)
        let outcome = try outcomeHoweverCut(bytes, at: WebSocketEndpoint(role: role, limits: limits))
        #expect(outcome.events == [.failed(.messageTooBig(length: 201, limit: 200))])
    }

    @Test("Lengths that overflow when added are refused, not wrapped")
    func overflow() throws {
        let limits = Limits(maxMessageSize: .max)
        let huge = WireFrame.bytes(of: 1 << 63 - 1, count: 8)
        let bytes =
            WireFrame.binary([1], isFinal: false).bytes(from: .server)
            + WireFrame.header(0x00, length: 127, extended: huge, from: .server)
        let outcome = try outcome(of: [bytes[...]], at: WebSocketEndpoint(role: .client, limits: limits))
        #expect(outcome.events == [.failed(.messageTooBig(length: 1 << 63, limit: .max))])
    }

    @Test("A length within the limit reserves nothing until its bytes come")
    func announcedLength() throws {
        let limits = Limits(maxMessageSize: .max)
        let header = WireFrame.header(
            0x82,
            length: 127,
            extended: WireFrame.bytes(of: 1 << 62, count: 8),
            from: .server
        )
        // Reserving it would end the process.
        let outcome = try outcome(
            of: [(header + [1])[...], [2]],
            at: WebSocketEndpoint(role: .client, limits: limits)
        )
        #expect(outcome == Outcome())
    }

    @Test("A frame at its limit passes, one byte more is 1009 on the header", arguments: Role.both)
    func frame(_ role: Role) throws {
        let limits = Limits(maxFrameSize: 5)
        let passing: [WireFrame] = [.binary([1, 2, 3, 4, 5], isFinal: false), .continuation([6])]
        #expect(try outcome(of: passing, role: role, limits: limits).events == [.binary([1, 2, 3, 4, 5, 6])])
        let header = WireFrame.header(0x82, length: 6, from: role.peer)
        let outcome = try outcomeHoweverCut(header, at: WebSocketEndpoint(role: role, limits: limits))
        #expect(outcome.events == [.failed(.frameTooBig(length: 6, limit: 5))])
        #expect(outcome.replies == [.close(1009, "frame of 6 bytes exceeds the limit of 5")])
    }

    @Test("Fragments at their limit pass, one more is 1008", arguments: Role.both, [0, 1])
    func fragments(_ role: Role, _ size: Int) throws {
        let limits = Limits(maxMessageFragments: 5)
        let piece = [UInt8](repeating: 7, count: size)
        let four =
            [WireFrame.binary(piece, isFinal: false)]
            + [WireFrame](repeating: .continuation(piece, isFinal: false), count: 3)
        let passing = try outcome(of: four + [.continuation(piece)], role: role, limits: limits)
        #expect(passing.events == [.binary([UInt8](repeating: 7, count: 5 * size))])
        let five = four + [.continuation(piece, isFinal: false)]
        #expect(try outcome(of: five, role: role, limits: limits).events.isEmpty)
        let outcome = try outcome(of: five + [.continuation(piece)], role: role, limits: limits)
        #expect(outcome.events == [.failed(.tooManyFragments(limit: 5))])
        #expect(outcome.replies == [.close(1008, "message of more than 5 fragments")])
    }

    @Test("Where not even one fragment is allowed, the first frame is 1008", arguments: Role.both, [0, 1])
    func noFragments(_ role: Role, _ size: Int) throws {
        let outcome = try outcome(
            of: [.binary([UInt8](repeating: 7, count: size))],
            role: role,
            limits: Limits(maxMessageFragments: 0)
        )
        #expect(outcome.events == [.failed(.tooManyFragments(limit: 0))])
        #expect(outcome.replies == [.close(1008, "message of more than 0 fragments")])
    }

    @Test("A million fragments of one byte or none stop at the default limit", arguments: [0, 1])
    func floodOfFragments(_ size: Int) throws {
        let piece = [UInt8](repeating: 7, count: size)
        let first = WireFrame.binary(piece, isFinal: false).bytes(from: .client)
        let more = WireFrame.continuation(piece, isFinal: false).bytes(from: .client)
        // A thousand fragments a read.
        let read = [UInt8]((0..<1000).map { _ in more }.joined())
        var endpoint = WebSocketEndpoint(role: .server)
        var fragments = 0
        var failure: ProtocolError?
        for index in 0..<1_000 where failure == nil {
            var input = index == 0 ? first + read.dropFirst(more.count) : read
            var offset = 0
            let event = input.withUnsafeMutableBytes { endpoint.receive($0, at: &offset) }
            if case .failed(let error) = event { failure = error }
            fragments += 1000
        }
        #expect(failure == .tooManyFragments(limit: 262_144))
        #expect(fragments == 263_000)
    }
}
