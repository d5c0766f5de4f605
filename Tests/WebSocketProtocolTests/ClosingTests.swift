import Testing

@testable import WebSocketProtocol

/// RFC 6455 §5.5.1 and §7: every order of the closing handshake.
@Suite("Closing", .ownThread)
struct ClosingTests {
    private func receive(_ frames: WireFrame..., at endpoint: inout WebSocketEndpoint) -> [Seen] {
        var input = frames.flatMap { $0.bytes(from: endpoint.role.peer) }
        var offset = 0
        var seen: [Seen] = []
        while let event = input.withUnsafeMutableBytes({ endpoint.receive($0, at: &offset) }) {
            seen.append(Seen(event, in: input))
        }
        return seen
    }

    private func replies(of endpoint: inout WebSocketEndpoint) throws -> [WireFrame] {
        var output: [UInt8] = []
        endpoint.drainReplies(into: &output)
        return try #require(WireFrame.read(output, from: endpoint.role))
    }

    private func close(
        _ endpoint: inout WebSocketEndpoint,
        _ code: Int,
        _ reason: String = ""
    ) throws -> (hasBegun: Bool, frames: [WireFrame]) {
        var output: [UInt8] = []
        let payload = try ClosePayload(sending: CloseCode(UInt16(code)), reason: reason)
        let hasBegun = endpoint.close(payload, into: &output)
        return (hasBegun, try #require(WireFrame.read(output, from: endpoint.role)))
    }

    // MARK: Orders

    @Test(
        "The peer closes: its code and reason are echoed, and nothing behind them is read",
        arguments: Role.both
    )
    func byPeer(_ role: Role) throws {
        let frames: [WireFrame] = [.text("a"), .close(4001, "grüße"), .text("b"), .ping("p"), .close(1000)]
        let outcome = try outcome(of: frames, role: role)
        let payload = try ClosePayload(sending: CloseCode(4001), reason: "grüße")
        #expect(outcome.events == [.text("a"), .close(payload)])
        #expect(outcome.replies == [.close(4001, "grüße")])
        #expect(outcome.state == .complete(sent: payload, received: payload, by: .peer))
    }

    @Test("The peer closes without a code: neither has the answer one", arguments: Role.both)
    func withoutCode(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        #expect(receive(WireFrame(opcode: 8), at: &endpoint) == [.close(.empty)])
        #expect(endpoint.owesReplies)
        #expect(endpoint.closeHandshake.code == .noStatusReceived)
        #expect(try replies(of: &endpoint) == [WireFrame(opcode: 8)])
        #expect(!endpoint.owesReplies)
        #expect(endpoint.closeHandshake.isComplete)
    }

    @Test("This end closes: data still comes until the peer's answer", arguments: Role.both)
    func byThisEnd(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        #expect(try close(&endpoint, 1001, "bye") == (true, [.close(1001, "bye")]))
        #expect(endpoint.closeHandshake.code == .abnormalClosure)
        #expect(!endpoint.closeHandshake.isComplete)
        #expect(receive(.text("late"), .pong("p"), at: &endpoint) == [.text("late"), .pong("p")])
        let answer = try ClosePayload(sending: CloseCode(1000), reason: "ok")
        #expect(receive(.close(1000, "ok"), .text("too late"), at: &endpoint) == [.close(answer)])
        #expect(try replies(of: &endpoint) == [])
        let handshake = endpoint.closeHandshake
        #expect(handshake.isComplete)
        #expect(handshake.code == .normalClosure)
        #expect(handshake.reason == "ok")
        #expect(handshake.sent == (try ClosePayload(sending: .goingAway, reason: "bye")))
        #expect(handshake.received == answer)
        guard case .complete(_, _, by: .local) = handshake.state else {
            Issue.record("\(handshake.state)")
            return
        }
    }

    @Test(
        "A ping behind our close frame is not answered: it was the last thing we send",
        arguments: Role.both
    )
    func pingAfterClose(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        _ = try close(&endpoint, 1000)
        #expect(receive(.ping("p"), at: &endpoint) == [.ping("p")])
        #expect(try replies(of: &endpoint) == [])
    }

    @Test("A pong that is due goes out before our close frame", arguments: Role.both)
    func duePong(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        _ = receive(.ping("p"), at: &endpoint)
        #expect(try close(&endpoint, 1000).frames == [.pong("p"), .close(1000)])
    }

    @Test("Closing again, from either side, says nothing more", arguments: Role.both)
    func again(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        _ = try close(&endpoint, 1000)
        #expect(try close(&endpoint, 1001) == (false, []))
        _ = receive(.close(1000), at: &endpoint)
        #expect(try close(&endpoint, 1001) == (false, []))

        endpoint = WebSocketEndpoint(role: role)
        _ = receive(.close(1000), at: &endpoint)
        // The answer is owed; ours would be a second.
        #expect(try close(&endpoint, 4000) == (false, []))
        #expect(try replies(of: &endpoint) == [.close(1000)])
        #expect(try replies(of: &endpoint) == [])
    }

    @Test("Nothing is sent once closing has begun", arguments: Role.both)
    func sending(_ role: Role) throws {
        let byUs: (inout WebSocketEndpoint) throws -> Void = { _ = try close(&$0, 1000) }
        let byPeer: (inout WebSocketEndpoint) throws -> Void = { _ = receive(.close(1000), at: &$0) }
        let byFailure: (inout WebSocketEndpoint) throws -> Void = {
            _ = receive(WireFrame(opcode: 3), at: &$0)
        }
        for begin in [byUs, byPeer, byFailure] {
            var endpoint = WebSocketEndpoint(role: role)
            try begin(&endpoint)
            var output: [UInt8] = []
            let bytes: [UInt8] = [1]
            #expect(throws: UsageError.notOpen) { try endpoint.send("x", into: &output) }
            #expect(throws: UsageError.notOpen) {
                try endpoint.send(.binary, bytes.span.bytes, into: &output)
            }
            #expect(throws: UsageError.notOpen) {
                try endpoint.sendFragment(.binary, bytes.span.bytes, isLast: true, into: &output)
            }
            #expect(throws: UsageError.notOpen) { try endpoint.sendPing(bytes.span.bytes, into: &output) }
            #expect(throws: UsageError.notOpen) { try endpoint.sendPong(bytes.span.bytes, into: &output) }
            #expect(output.isEmpty)
        }
    }

    @Test("A broken rule behind our close frame is not told by a second one", arguments: Role.both)
    func failureAfterClose(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        _ = try close(&endpoint, 1000, "bye")
        let error = ProtocolError.reservedOpcode(Opcode(rawValue: 3))
        #expect(receive(WireFrame(opcode: 3), at: &endpoint) == [.failed(error)])
        #expect(!endpoint.owesReplies)
        #expect(try replies(of: &endpoint) == [])
        let sent = try ClosePayload(sending: .normalClosure, reason: "bye")
        #expect(endpoint.closeHandshake.state == .failed(error, sent: sent, owed: nil))
        #expect(endpoint.closeHandshake.sent == sent)
    }

    @Test("A rule that only the owner can judge fails the connection in the same way", arguments: Role.both)
    func failureByOwner(_ role: Role) throws {
        var endpoint = WebSocketEndpoint(role: role)
        _ = receive(.ping("p"), .text("half", isFinal: false), at: &endpoint)
        endpoint.fail(.tooManyPings(limit: 3))
        #expect(try replies(of: &endpoint) == [.close(1008, "more than 3 pings in a second")])
        #expect(receive(.text("x"), at: &endpoint) == [])
        // What has ended is not failed any more.
        var closed = WebSocketEndpoint(role: role)
        _ = receive(.close(1000), at: &closed)
        closed.fail(.tooManyPings(limit: 3))
        #expect(try replies(of: &closed) == [.close(1000)])
    }

    // MARK: Payloads

    @Test("Every code is taken or refused as §7.4 and the registry say", arguments: Role.both)
    func codes(_ role: Role) throws {
        let allowed = Set(1000...1003).union(1007...1014).union(3000...4999)
        for code in Array(0...5001) + [9999, 0x7FFF, 0xFFFF] {
            var endpoint = WebSocketEndpoint(role: role)
            let seen = receive(.close(code), at: &endpoint)
            let closeCode = CloseCode(UInt16(code))
            if allowed.contains(code) {
                #expect(seen == [.close(try ClosePayload(sending: closeCode))])
                #expect(try replies(of: &endpoint) == [.close(code)])
            } else {
                #expect(seen == [.failed(.invalidCloseCode(closeCode))])
                #expect(try replies(of: &endpoint) == [.close(1002, "close code \(code) must not be sent")])
                #expect(throws: UsageError.closeCodeNotSendable(closeCode)) {
                    try ClosePayload(sending: closeCode)
                }
            }
        }
    }

    @Test("Half a code is 1002, a reason that is not UTF-8 is 1007", arguments: Role.both)
    func payloads(_ role: Role) throws {
        let half = try outcome(of: [WireFrame(opcode: 8, payload: [3])], role: role)
        #expect(half.events == [.failed(.closePayloadOfOneByte)])
        #expect(half.replies == [.close(1002, "a close frame must hold no byte or at least two")])
        for reason in [[0xC3, 0x28], [0x61, 0xE2, 0x82], [0xFF]] as [[UInt8]] {
            let bad = try outcome(of: [WireFrame(opcode: 8, payload: [0x03, 0xE8] + reason)], role: role)
            #expect(bad.events == [.failed(.closeReasonNotUTF8)])
            #expect(bad.replies == [.close(1007, "close reason is not UTF-8")])
        }
    }

    @Test("A reason of 123 bytes fits, one of 124 does not")
    func reasonLength() throws {
        let fits = String(repeating: "é", count: 61) + "a"
        #expect(try ClosePayload(sending: .normalClosure, reason: fits).bytes.count == 125)
        #expect(throws: UsageError.closeReasonTooLong(bytes: 124)) {
            try ClosePayload(sending: .normalClosure, reason: String(repeating: "é", count: 62))
        }
        #expect(ClosePayload.empty.bytes == [])
        #expect(ClosePayload.empty.code == nil)
    }

    @Test("What is told of a failure is cut to fit, at a character")
    func failureReasonIsCut() {
        let text = String(repeating: "é", count: 100)
        let payload = ClosePayload(failing: .malformedHead(text))
        #expect(payload.reason == "malformed HTTP head: " + String(repeating: "é", count: 51))
        #expect(payload.bytes.count == 125)
        #expect(payload.code == .protocolError)
    }

    @Test("Codes are named where the registry names them")
    func names() {
        let names = (0...5000).map { CloseCode(UInt16($0)) }.filter { $0.description.contains("(") }
        #expect(names.map(\.rawValue) == [1000, 1001, 1002, 1003] + Array(1005...1015))
        #expect(CloseCode.goingAway.description == "1001 (going away)")
        #expect(CloseCode(rawValue: 4321).description == "4321")
    }
}
