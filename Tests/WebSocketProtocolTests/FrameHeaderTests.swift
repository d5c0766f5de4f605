import Testing

@testable import WebSocketProtocol

/// RFC 6455 §5.2, written and read.
@Suite("Frame headers", .ownThread)
struct FrameHeaderTests {
    // MARK: Writing

    @Test(
        "A length is written in as few bytes as hold it",
        arguments: [
            (0, [0x82, 0]),
            (1, [0x82, 1]),
            (125, [0x82, 125]),
            (126, [0x82, 126, 0, 126]),
            (0xFFFF, [0x82, 126, 0xFF, 0xFF]),
            (0x1_0000, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (1 << 32, [0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]),
            (UInt64(1) << 63 - 1, [0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        ] as [(UInt64, [UInt8])]
    )
    func lengths(_ length: UInt64, _ bytes: [UInt8]) {
        var output: [UInt8] = [0xEE]
        FrameHeader(opcode: .binary, payloadLength: length).append(to: &output)
        #expect(output == [0xEE] + bytes)
    }

    @Test("Every bit of the first byte, and the key behind the length")
    func bits() {
        var output: [UInt8] = []
        let key = MaskingKey(1, 2, 3, 4)
        FrameHeader(isFinal: false, reservedBits: 5, opcode: .ping, maskingKey: key, payloadLength: 300)
            .append(to: &output)
        #expect(output == [0x59, 0xFE, 1, 0x2C, 1, 2, 3, 4])
    }

    // MARK: Reading

    @Test(
        "A message at each border of the three encodings",
        arguments: Role.both,
        [0, 1, 125, 126, 0xFFFF, 0x1_0000]
    )
    func borders(_ role: Role, _ count: Int) throws {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let outcome = try outcome(of: [.binary(payload), .text("next")], role: role)
        #expect(outcome.events == [.binary(payload), .text("next")])
        #expect(outcome.state == .open)
    }

    /// What a bad header must come to: nothing of it is delivered, and the peer is told.
    private func expectFailure(
        _ error: ProtocolError,
        behind before: [WireFrame] = [],
        of header: [UInt8],
        role: Role,
        limits: Limits = Limits(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let start = before.flatMap { $0.bytes(from: role.peer) }
        // One byte of payload: it must not come to that.
        for end in [[], [0x61]] as [[UInt8]] {
            let outcome = try outcomeHoweverCut(
                start + header + end,
                at: WebSocketEndpoint(role: role, limits: limits),
                sourceLocation: sourceLocation
            )
            #expect(outcome.events.last == .failed(error), sourceLocation: sourceLocation)
            #expect(outcome.replies.count == 1, sourceLocation: sourceLocation)
            let code = error.closeCode.rawValue
            #expect(
                outcome.replies.first?.payload.prefix(2) == [UInt8(code >> 8), UInt8(code & 0xFF)],
                sourceLocation: sourceLocation
            )
            let reason = String(decoding: outcome.replies.first?.payload.dropFirst(2) ?? [], as: UTF8.self)
            #expect(reason == error.description, sourceLocation: sourceLocation)
        }
    }

    @Test("Lengths in more bytes than they need", arguments: Role.both, [0, 1, 125] as [UInt64])
    func notMinimalIn16(_ role: Role, _ length: UInt64) throws {
        let header = WireFrame.header(
            0x82,
            length: 126,
            extended: WireFrame.bytes(of: length, count: 2),
            from: role.peer
        )
        try expectFailure(.lengthNotMinimal(length: length), of: header, role: role)
    }

    @Test(
        "Lengths in far more bytes than they need",
        arguments: Role.both,
        [0, 125, 126, 0xFFFF] as [UInt64]
    )
    func notMinimalIn64(_ role: Role, _ length: UInt64) throws {
        let header = WireFrame.header(
            0x82,
            length: 127,
            extended: WireFrame.bytes(of: length, count: 8),
            from: role.peer
        )
        try expectFailure(.lengthNotMinimal(length: length), of: header, role: role)
    }

    @Test("The top bit of a 64-bit length", arguments: Role.both, [1 << 63, .max, 1 << 63 | 1] as [UInt64])
    func topBit(_ role: Role, _ length: UInt64) throws {
        let header = WireFrame.header(
            0x82,
            length: 127,
            extended: WireFrame.bytes(of: length, count: 8),
            from: role.peer
        )
        try expectFailure(.lengthTopBitSet, of: header, role: role)
    }

    @Test(
        "Huge lengths are refused on the header",
        arguments: Role.both,
        [1 << 31 - 1, 1 << 31, 1 << 32, 1 << 40, 1 << 62, 1 << 63 - 1] as [UInt64]
    )
    func huge(_ role: Role, _ length: UInt64) throws {
        let header = WireFrame.header(
            0x82,
            length: 127,
            extended: WireFrame.bytes(of: length, count: 8),
            from: role.peer
        )
        try expectFailure(.messageTooBig(length: length, limit: 16 << 20), of: header, role: role)
    }

    @Test("Reserved bits, on frames of every kind", arguments: Role.both, [1, 2, 3, 4, 5, 6, 7] as [UInt8])
    func reservedBits(_ role: Role, _ bits: UInt8) throws {
        for opcode in [Opcode.text, .binary, .ping, .pong, .close] {
            let header = WireFrame.header(0x80 | bits << 4 | opcode.rawValue, length: 1, from: role.peer)
            try expectFailure(.reservedBitSet(bits: bits, opcode: opcode), of: header, role: role)
        }
        let header = WireFrame.header(0x80 | bits << 4, length: 1, from: role.peer)
        try expectFailure(
            .reservedBitSet(bits: bits, opcode: .continuation),
            behind: [.text("a", isFinal: false)],
            of: header,
            role: role
        )
    }

    @Test(
        "Unknown opcodes, before a byte of what they announce",
        arguments: Role.both,
        [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] as [UInt8]
    )
    func reservedOpcodes(_ role: Role, _ opcode: UInt8) throws {
        let header = WireFrame.header(
            0x80 | opcode,
            length: 127,
            extended: WireFrame.bytes(of: 1 << 40, count: 8),
            from: role.peer
        )
        try expectFailure(.reservedOpcode(Opcode(rawValue: opcode)), of: header, role: role)
        // Certain with the first byte already.
        let outcome = try outcome(of: [[0x80 | opcode]], at: WebSocketEndpoint(role: role))
        #expect(outcome.events == [.failed(.reservedOpcode(Opcode(rawValue: opcode)))])
    }

    @Test(
        "A mask where there must be none, and none where there must be one",
        arguments: [1, 2, 8, 9, 10] as [UInt8]
    )
    func maskDirection(_ opcode: UInt8) throws {
        try expectFailure(.unmaskedClientFrame, of: [0x80 | opcode, 0x01], role: .server)
        try expectFailure(.maskedServerFrame, of: [0x80 | opcode, 0x81, 1, 2, 3, 4], role: .client)
    }

    @Test("Control frames in fragments", arguments: Role.both, [Opcode.close, .ping, .pong])
    func fragmentedControl(_ role: Role, _ opcode: Opcode) throws {
        let header = WireFrame.header(opcode.rawValue, length: 1, from: role.peer)
        try expectFailure(.fragmentedControlFrame(opcode), of: header, role: role)
    }

    @Test("Control frames above 125 bytes", arguments: Role.both, [Opcode.close, .ping, .pong])
    func longControl(_ role: Role, _ opcode: Opcode) throws {
        for (length, extended) in [
            (126, WireFrame.bytes(of: 126, count: 2)), (127, WireFrame.bytes(of: 1 << 40, count: 8)),
        ]
            as [(UInt8, [UInt8])]
        {
            let header = WireFrame.header(
                0x80 | opcode.rawValue,
                length: length,
                extended: extended,
                from: role.peer
            )
            try expectFailure(.controlFrameTooLong(opcode), of: header, role: role)
        }
    }

    @Test("A continuation of nothing", arguments: Role.both)
    func unexpectedContinuation(_ role: Role) throws {
        for isFinal: UInt8 in [0, 0x80] {
            try expectFailure(
                .unexpectedContinuation,
                of: WireFrame.header(isFinal, length: 1, from: role.peer),
                role: role
            )
        }
        // A message that has ended is nothing to continue.
        try expectFailure(
            .unexpectedContinuation,
            behind: [.text("a", isFinal: false), .continuation([0x62])],
            of: WireFrame.header(0x80, length: 1, from: role.peer),
            role: role
        )
    }

    @Test("A message inside another", arguments: Role.both, [Opcode.text, .binary])
    func messageInsideMessage(_ role: Role, _ opcode: Opcode) throws {
        try expectFailure(
            .messageInsideMessage(opcode),
            behind: [.binary([1], isFinal: false)],
            of: WireFrame.header(0x80 | opcode.rawValue, length: 1, from: role.peer),
            role: role
        )
    }

    @Test("After a failure nothing is read and nothing more is said", arguments: Role.both)
    func afterFailure(_ role: Role) throws {
        let frames: [WireFrame] = [
            .text("before"), .init(opcode: 3), .text("after"), .ping("p"), .close(1000),
        ]
        let outcome = try outcome(of: frames, role: role)
        let error = ProtocolError.reservedOpcode(Opcode(rawValue: 3))
        #expect(outcome.events == [.text("before"), .failed(error)])
        #expect(outcome.replies == [.close(1002, error.description)])
    }
}
