import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Every way a connection can end, seen from the seam: exactly one terminal event, with the right code,
/// reason, cleanness and cause. Ends that need a real network are in `SocketEndingsTests`, those of a
/// connection that never opened in `ConnectEndingsTests`, and those under TLS in `TLSTests`.
@Suite("Endings", .timeLimit(.minutes(3)))
struct EndingsTests {
    static let roles: [Role] = [.client, .server]

    @Test("Closed by this end", arguments: roles)
    func closedByUs(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        try socket.isolated.close(code: CloseCode(4001), reason: "bye")
        #expect(try socket.takeFrames() == [.close(4001, "bye")])
        socket.receive(.close(4001, "bye"))
        // RFC 6455 §7.1.1: the server ends its half first, the client waits for that.
        #expect(socket.pipe.isOutputClosed == (role == .server))
        #expect(socket.ends.isEmpty, "not before TCP has ended")
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        let sent = try ClosePayload(sending: CloseCode(4001), reason: "bye")
        #expect(
            end
                == ConnectionEnd(
                    code: CloseCode(4001),
                    reason: "bye",
                    wasClean: true,
                    cause: .closedByUs,
                    sent: sent,
                    unsentBytes: 0
                )
        )
    }

    @Test("Closed by this end; the code told is the peer's, not ours", arguments: roles)
    func closedByUsAnsweredOtherwise(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        try socket.isolated.close(code: .normalClosure)
        socket.receive(.close(4321, "as you like"))
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.code == CloseCode(4321))
        #expect(end.reason == "as you like")
        #expect(end.sent?.code == .normalClosure)
        #expect(end.cause == .closedByUs)
    }

    @Test("Closed by the peer, which finds its own words in the answer", arguments: roles)
    func closedByPeer(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.receive(.close(4002, "gone"))
        #expect(try socket.takeFrames() == [.close(4002, "gone")])
        #expect(socket.pipe.isOutputClosed == (role == .server))
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.code == CloseCode(4002))
        #expect(end.reason == "gone")
        #expect(end.wasClean)
        #expect(end.cause == .closedByPeer)
        #expect(end.sent?.code == CloseCode(4002))
    }

    @Test("Closed by the peer without a status: 1005", arguments: roles)
    func closedWithoutStatus(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.receive(.close())
        // RFC 6455 §7.4.1: 1005 must not be sent, so the answer is empty too.
        #expect(try socket.takeFrames() == [.close()])
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.code == .noStatusReceived)
        #expect(end.reason.isEmpty)
        #expect(end.wasClean)
        #expect(end.cause == .closedByPeer)
    }

    @Test("Both ends close at once", arguments: roles)
    func simultaneousClose(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        try socket.isolated.close(code: CloseCode(4003), reason: "I")
        #expect(try socket.takeFrames() == [.close(4003, "I")])
        // Sent before ours was there, and so with a code of its own.
        socket.receive(.close(4004, "no, I"))
        #expect(try socket.takeFrames() == [], "one close frame is enough")
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.code == CloseCode(4004))
        #expect(end.reason == "no, I")
        #expect(end.wasClean)
        #expect(end.sent?.code == CloseCode(4003))
    }

    @Test(
        "An invalid close code is a protocol error: 1002",
        arguments: roles,
        [0, 999, 1004, 1005, 1006, 1015, 5000]
    )
    func invalidCloseCode(_ role: Role, _ code: Int) throws {
        let socket = try EmbeddedConnection(role)
        socket.receive(.close(UInt16(code), "x"))
        #expect(try socket.takeFrames().map(\.closeCode) == [1002])
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.code == .abnormalClosure)
        #expect(end.reason.isEmpty)
        #expect(!end.wasClean)
        #expect(end.cause == .protocolError(.invalidCloseCode(CloseCode(UInt16(code)))))
        #expect(end.sent?.code == .protocolError)
    }

    @Test("A close reason that is not UTF-8: 1007", arguments: roles)
    func closeReasonNotUTF8(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.receive(Frame(.close, [0x03, 0xE8, 0xC3, 0x28]))
        #expect(try socket.takeFrames().map(\.closeCode) == [1007])
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.code == .abnormalClosure)
        #expect(end.cause == .protocolError(.closeReasonNotUTF8))
        #expect(end.sent?.code == .invalidFramePayloadData)
    }

    @Test("The end of TCP without a close frame: 1006", arguments: roles)
    func endOfStream(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(
            end
                == ConnectionEnd(
                    code: .abnormalClosure,
                    reason: "",
                    wasClean: false,
                    cause: .endOfStream,
                    sent: nil,
                    unsentBytes: 0
                )
        )
    }

    @Test("The end of TCP after our close frame and before the peer's: 1006", arguments: roles)
    func endOfStreamWhileClosing(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        try socket.isolated.close()
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.code == .abnormalClosure)
        #expect(!end.wasClean)
        #expect(end.cause == .endOfStream)
        #expect(end.sent?.code == .normalClosure)
    }

    @Test(
        "A failure of the transport, whatever it is",
        arguments: roles,
        [EndCause.reset, .tls("bad record"), .network("x")]
    )
    func transportFailure(_ role: Role, _ cause: EndCause) throws {
        let socket = try EmbeddedConnection(role)
        socket.core.failed(cause)
        socket.core.failed(.endOfStream)
        let end = try socket.onlyEnd()
        #expect(end.code == .abnormalClosure)
        #expect(!end.wasClean)
        #expect(end.cause == cause)
    }

    @Test("A reset after the closing handshake does not make it unclean", arguments: roles)
    func resetAfterClose(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.receive(.close(1000))
        socket.core.failed(.reset)
        let end = try socket.onlyEnd()
        #expect(end.wasClean)
        #expect(end.code == .normalClosure)
        #expect(end.cause == .closedByPeer)
    }

    @Test("A broken rule: the peer is told, our half ended, the rest ignored", arguments: roles)
    func protocolError(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.receive(.text("before"), Frame(Opcode(rawValue: 3)), .text("after"))
        socket.receive(.text("later"), .close(1000))
        #expect(socket.takeTexts() == ["before"])
        #expect(try socket.takeFrames().map(\.closeCode) == [1002], "told once, and nothing of it answered")
        // RFC 6455 §7.1.7: either role ends its half after failing the connection.
        #expect(socket.pipe.isOutputClosed)
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.code == .abnormalClosure)
        #expect(!end.wasClean)
        #expect(end.cause == .protocolError(.reservedOpcode(Opcode(rawValue: 3))))
    }

    @Test("A message too big: 1009", arguments: roles)
    func messageTooBig(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.limits.maxMessageSize = 10 })
        socket.receive(Frame(.binary, [UInt8](repeating: 0, count: 10)))
        #expect(socket.takeMessages().count == 1, "at the limit")
        socket.receive(Frame(.binary, [UInt8](repeating: 0, count: 11)))
        #expect(try socket.takeFrames().map(\.closeCode) == [1009])
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.cause == .protocolError(.messageTooBig(length: 11, limit: 10)))
        #expect(end.sent?.code == .messageTooBig)
        #expect(socket.takeMessages().isEmpty)
    }

    @Test("Aborted by this end", arguments: roles)
    func aborted(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.isolated.abort()
        socket.isolated.abort()
        let end = try socket.onlyEnd()
        #expect(try socket.takeFrames().isEmpty, "without a word")
        #expect(
            end
                == ConnectionEnd(
                    code: .abnormalClosure,
                    reason: "",
                    wasClean: false,
                    cause: .aborted,
                    sent: nil,
                    unsentBytes: 0
                )
        )
    }

    @Test("A close frame that waits behind what the peer does not read was not sent", arguments: roles)
    func closeNotSent(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.closeTimeout = .seconds(5) })
        socket.pipe.takesWrites = false
        try socket.isolated.send("unread")
        try socket.isolated.close()
        socket.advance(by: .seconds(6))
        let end = try socket.onlyEnd()
        #expect(end.cause == .closeTimeout)
        #expect(end.sent == nil)
        #expect(end.unsentBytes == 6)
    }

    @Test("The peer never answers the close frame", arguments: roles)
    func closeTimeout(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.closeTimeout = .seconds(5) })
        try socket.isolated.close()
        socket.advance(by: .milliseconds(4999))
        #expect(socket.ends.isEmpty)
        socket.advance(by: .milliseconds(1))
        let end = try socket.onlyEnd()
        #expect(end.code == .abnormalClosure)
        #expect(!end.wasClean)
        #expect(end.cause == .closeTimeout)
        #expect(end.sent?.code == .normalClosure)
    }

    @Test(
        "The peer answers the close frame and never ends TCP: clean, and bounded all the same",
        arguments: roles
    )
    func closedButTCPStays(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.closeTimeout = .seconds(5) })
        try socket.isolated.close()
        socket.receive(.close(1000))
        #expect(socket.ends.isEmpty)
        socket.advance(by: .seconds(5))
        let end = try socket.onlyEnd()
        #expect(end.wasClean)
        #expect(end.cause == .closedByUs)
    }

    @Test("The peer closes and never ends TCP", arguments: roles)
    func peerClosesButTCPStays(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.closeTimeout = .seconds(5) })
        socket.receive(.close(1000))
        socket.advance(by: .seconds(5))
        #expect(try socket.onlyEnd().cause == .closedByPeer)
    }

    @Test("The peer breaks a rule and never ends TCP", arguments: roles)
    func failedPeerStays(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.closeTimeout = .seconds(5) })
        socket.receive(Frame(Opcode(rawValue: 11)))
        socket.advance(by: .seconds(5))
        #expect(try socket.onlyEnd().cause == .protocolError(.reservedOpcode(Opcode(rawValue: 11))))
    }

    @Test("The peer is silent after a ping", arguments: roles)
    func pingTimeout(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .init(pingInterval: .seconds(20), pongTimeout: .seconds(15), jitter: 0)
        )
        socket.advance(by: .seconds(34))
        #expect(socket.ends.isEmpty)
        socket.advance(by: .seconds(1))
        let end = try socket.onlyEnd()
        #expect(end.code == .abnormalClosure)
        #expect(end.cause == .pingTimeout)
        #expect(end.sent == nil)
    }

    @Test(
        "Two ends on a pipe close cleanly whoever begins, however the bytes are cut",
        arguments: roles,
        [1, 2, 7, .max]
    )
    func endToEnd(_ first: Role, _ pieceSize: Int) throws {
        let client = try EmbeddedConnection(.client)
        let server = try EmbeddedConnection(.server, loop: client.loop)
        PipeTransport.connect(client.pipe, server.pipe)
        client.pipe.pieceSize = pieceSize
        server.pipe.pieceSize = pieceSize
        try client.isolated.send("to the server")
        try server.isolated.send("to the client")
        try (first == .client ? client : server).isolated.close(code: CloseCode(3000), reason: "done")
        client.loop.run()
        #expect(client.takeTexts() == ["to the client"])
        #expect(server.takeTexts() == ["to the server"])
        for socket in [client, server] {
            let end = try socket.onlyEnd()
            #expect(end.code == CloseCode(3000))
            #expect(end.reason == "done")
            #expect(end.wasClean)
            #expect(end.cause == (socket.core.endpoint.role == first ? .closedByUs : .closedByPeer))
        }
        // RFC 6455 §7.1.1: the server ended its half first; then the client, told of it, let go.
        #expect(server.pipe.takeCalls().suffix(2) == [.closeOutput, .abort])
        #expect(client.pipe.takeCalls().suffix(1) == [.abort])
    }
}
