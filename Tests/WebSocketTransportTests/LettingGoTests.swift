import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Connections that this end lets go of by itself: idle ones, old ones, and those whose time has expired. With a clock
/// that the test turns.
@Suite("Letting go", .timeLimit(.minutes(1)))
struct LettingGoTests {
    static let roles: [Role] = [.client, .server]

    private static let patience = ConnectionOptions.quiet {
        $0.jitter = 0
        $0.idleTimeout = .seconds(60)
    }

    /// Checks that a close frame went out, and has the peer answer it.
    private func expectClose(
        _ socket: EmbeddedConnection,
        _ cause: EndCause,
        code: CloseCode = .goingAway,
        _ reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let frame = try #require(try socket.takeFrames().last, sourceLocation: sourceLocation)
        #expect(frame.opcode == .close, sourceLocation: sourceLocation)
        #expect(frame.closeCode == code.rawValue, sourceLocation: sourceLocation)
        socket.receive(.close(code.rawValue))
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd(sourceLocation: sourceLocation)
        #expect(end.cause == cause, sourceLocation: sourceLocation)
        #expect(end.wasClean, sourceLocation: sourceLocation)
        #expect(end.code == code, sourceLocation: sourceLocation)
        #expect(end.sent == (try ClosePayload(sending: code, reason: reason)), sourceLocation: sourceLocation)
    }

    // MARK: Idle

    @Test("Without a message for the idle timeout: 1001, and the end says why", arguments: roles)
    func idle(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, Self.patience)
        socket.advance(by: .milliseconds(59_999))
        #expect(try socket.takeFrames().isEmpty)
        socket.advance(by: .milliseconds(1))
        try expectClose(socket, .idleTimeout, "idle for too long")
    }

    @Test("By default no connection is too idle or too old", arguments: roles)
    func never(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet())
        socket.advance(by: .hours(24 * 365))
        #expect(try socket.takeFrames().isEmpty)
        #expect(socket.connection.end == nil)
    }

    /// What keeps a connection from being idle, or does not.
    enum Sign: String, CaseIterable, CustomTestStringConvertible {
        case receivedText, receivedEmpty, receivedInPieces, receivedFragment, sentText, sentPrepared,
            sentBatch, sentInBurst
        case receivedPing, receivedPong, receivedHalfAPing, sentPing

        var isMessage: Bool {
            switch self {
            case .receivedPing, .receivedPong, .receivedHalfAPing, .sentPing: false
            default: true
            }
        }
        var testDescription: String { rawValue }
    }

    @Test(
        "A message or a part of one, either way, is no idleness; pings and pongs are",
        arguments: roles,
        Sign.allCases
    )
    func signs(_ role: Role, _ sign: Sign) throws {
        let socket = try EmbeddedConnection(role, Self.patience)
        let peer: Role = role == .client ? .server : .client
        if sign == .sentInBurst {
            socket.read { isolated, message in try? isolated.send(message.text ?? "") }
        }
        let large = Frame(.binary, [UInt8](repeating: 1, count: 500)).bytes(from: peer)
        let ping = Frame(.ping, [UInt8](repeating: 1, count: 100)).bytes(from: peer)
        var sent = 0
        for second in 1...30 as ClosedRange<Int> {
            socket.advance(by: .seconds(7))
            switch sign {
            case .receivedText, .sentInBurst: socket.receive(.text("here"))
            case .receivedEmpty: socket.receive(Frame(.binary))
            case .receivedInPieces:
                socket.pipe.deliver(Array(large[sent..<(sent + 10)]))
                sent += 10
            case .receivedFragment:
                socket.receive(Frame(second == 1 ? .binary : .continuation, [1], isFinal: false))
            case .sentText: try? socket.isolated.send("here")
            case .sentPrepared: try? socket.isolated.send(PreparedMessage(Message("here")))
            case .sentBatch:
                _ = try? socket.isolated.send(PreparedBatch([PreparedMessage(Message("here"))]))
            case .receivedPing: socket.receive(Frame(.ping))
            case .receivedPong: socket.receive(Frame(.pong))
            case .receivedHalfAPing:
                guard sent < ping.count - 5 else { break }
                socket.pipe.deliver(Array(ping[sent..<(sent + 3)]))
                sent += 3
            case .sentPing: socket.core.sendPing()
            }
            socket.endTurn()
        }
        let frames = try socket.takeFrames()
        #expect(frames.contains { $0.opcode == .close } == !sign.isMessage)
        if sign.isMessage {
            #expect(!socket.core.isClosingTimed)
            socket.advance(by: .milliseconds(67_500))
            #expect(try socket.takeFrames().last?.opcode == .close, "an eighth late at most")
        }
    }

    @Test(
        "A message that the system takes bit by bit is no idleness; one that it does not take at all is",
        arguments: roles
    )
    func slowPeer(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, Self.patience)
        socket.pipe.takesWrites = false
        for _ in 0..<10 {
            try socket.isolated.send(.binary, [UInt8](repeating: 7, count: 200_000).span.bytes)
        }
        for _ in 0..<8 {
            socket.advance(by: .seconds(50))
            socket.pipe.takeOneHeldWrite()
        }
        #expect(socket.ends.isEmpty)
        #expect(!socket.core.isClosingTimed)
        socket.advance(by: .milliseconds(67_500))
        #expect(socket.core.isClosingTimed)
        // Nothing gets through, the close frame neither.
        socket.advance(by: .seconds(5))
        let end = try socket.onlyEnd()
        #expect(end.cause == .idleTimeout)
        #expect(!end.wasClean)
        #expect(end.unsentBytes > 0)
    }

    @Test("A socket paused by its own slow reader is not idle", arguments: roles)
    func slowReader(_ role: Role) throws {
        var options = Self.patience
        options.inboundHighWaterMark = 1000
        options.closeTimeout = .seconds(60)
        let socket = try EmbeddedConnection(role, options, hasReader: false)
        socket.receive(Frame(.binary, [UInt8](repeating: 0, count: 2000)))
        #expect(socket.pipe.isReadingPaused)
        socket.advance(by: .hours(1))
        #expect(!socket.core.isClosingTimed)
        socket.read()
        #expect(socket.takeMessages().count == 1)
        socket.advance(by: .milliseconds(67_500))
        try expectClose(socket, .idleTimeout, "idle for too long")
    }

    @Test(
        "A peer that does not answer is cut after the close timeout, and it was idleness all the same",
        arguments: roles
    )
    func silentPeer(_ role: Role) throws {
        var options = Self.patience
        options.closeTimeout = .seconds(3)
        let socket = try EmbeddedConnection(role, options)
        socket.advance(by: .milliseconds(62_999))
        #expect(socket.ends.isEmpty)
        socket.advance(by: .milliseconds(1))
        let end = try socket.onlyEnd()
        #expect(end.cause == .idleTimeout)
        #expect(!end.wasClean)
        #expect(end.code == .abnormalClosure)
    }

    @Test("Whoever closed first is the cause; an abort and a broken rule are what they are", arguments: roles)
    func otherCauses(_ role: Role) throws {
        func closing() throws -> EmbeddedConnection {
            let socket = try EmbeddedConnection(role, Self.patience)
            socket.advance(by: .seconds(60))
            #expect(socket.core.isClosingTimed)
            return socket
        }
        let aborted = try closing()
        aborted.core.abort()
        #expect(try aborted.onlyEnd().cause == .aborted)

        let broken = try closing()
        broken.receive(Frame(Opcode(rawValue: 11)))
        broken.pipe.deliverEnd()
        #expect(try broken.onlyEnd().cause == .protocolError(.reservedOpcode(Opcode(rawValue: 11))))

        let left = try EmbeddedConnection(role, Self.patience)
        left.advance(by: .seconds(59))
        left.receive(.close(1000))
        left.advance(by: .seconds(1))
        left.pipe.deliverEnd()
        #expect(try left.onlyEnd().cause == .closedByPeer)
    }

    // MARK: Age

    @Test("At its maximum age a connection closes with 1001, however busy", arguments: roles)
    func maximumAge(_ role: Role) throws {
        let options = ConnectionOptions.quiet {
            $0.jitter = 0
            $0.maximumAge = .seconds(600)
        }
        let socket = try EmbeddedConnection(role, options)
        for _ in 0..<599 {
            socket.advance(by: .seconds(1))
            socket.receive(.text("busy"))
        }
        #expect(try socket.takeFrames().isEmpty)
        socket.advance(by: .seconds(1))
        try expectClose(socket, .maximumAge, "open for too long")
    }

    @Test("What is being sent when a connection is too old goes out before the close frame", arguments: roles)
    func ageWaitsForMessages(_ role: Role) throws {
        let options = ConnectionOptions.quiet {
            $0.jitter = 0
            $0.maximumAge = .seconds(600)
            $0.fragmentSize = nil
        }
        let socket = try EmbeddedConnection(role, options)
        socket.advance(by: .seconds(599))
        socket.pipe.takesWrites = false
        for _ in 0..<4 { try socket.isolated.send(.binary, [UInt8](repeating: 7, count: 150_000).span.bytes) }
        socket.advance(by: .seconds(1))
        socket.pipe.takesWrites = true
        #expect(try socket.takeFrames().map(\.opcode) == [.binary, .binary, .binary, .binary, .close])
    }

    // MARK: Expiry

    @Test("At its expiry a connection closes with the code and reason it was given", arguments: roles)
    func expiry(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet())
        socket.connection.closeAt(socket.loop.now + .seconds(30), code: CloseCode(3000), reason: "token")
        socket.advance(by: .milliseconds(29_999))
        #expect(try socket.takeFrames().isEmpty)
        socket.advance(by: .milliseconds(1))
        try expectClose(socket, .expired, code: CloseCode(3000), "token")
    }

    @Test("An expiry can be put off, brought forward, and taken back", arguments: roles)
    func expiryMoves(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet())
        try socket.connection.expire(after: .seconds(10))
        try socket.isolated.expire(after: .seconds(100))
        socket.advance(by: .seconds(99))
        #expect(!socket.core.isClosingTimed)
        try socket.isolated.expire(after: nil)
        socket.advance(by: .hours(1))
        #expect(!socket.core.isClosingTimed)
        try socket.connection.expire(after: .seconds(7200))
        try socket.connection.expire(after: .seconds(-1), code: CloseCode(4001), reason: "now")
        socket.advance(by: .zero)
        try expectClose(socket, .expired, code: CloseCode(4001), "now")
    }

    @Test(
        "A code that cannot be sent is refused, by `closeAt` left out; after closing has begun nothing is set"
    )
    func expiryRefused() throws {
        let socket = try EmbeddedConnection(.server, .quiet())
        #expect(throws: UsageError.closeCodeNotSendable(CloseCode(1005))) {
            try socket.connection.expire(after: .seconds(1), code: CloseCode(1005))
        }
        #expect(throws: UsageError.closeReasonTooLong(bytes: 124)) {
            try socket.isolated.expire(after: .seconds(1), reason: String(repeating: "a", count: 124))
        }
        socket.advance(by: .seconds(10))
        #expect(!socket.core.isClosingTimed)
        socket.connection.closeAt(.distantPast, code: CloseCode(1006), reason: "")
        socket.advance(by: .zero)
        #expect(try socket.takeFrames() == [Frame(.close)])
        try socket.connection.expire(after: .milliseconds(1))
        socket.receive(.close(1000))
        socket.pipe.deliverEnd()
        #expect(try socket.onlyEnd().cause == .expired)
        try socket.connection.expire(after: .milliseconds(1))
        socket.advance(by: .seconds(1))
        #expect(socket.ends.count == 1)
    }

    @Test("From any thread, over TCP, both ends say what it was", arguments: LoopbackServer.Engine.names)
    func overTCP(_ name: String) async throws {
        let engine = try LoopbackServer.Engine.named(name, loops: 2)
        for isExpiry in [false, true] {
            let accepted = AsyncStream<WebSocketConnection>.makeStream()
            let options = ConnectionOptions.quiet { $0.idleTimeout = isExpiry ? nil : .milliseconds(40) }
            let server = try await LoopbackServer(engine, options: options) {
                accepted.continuation.yield($0)
            }
            var connections = accepted.stream.makeAsyncIterator()
            let client = try await WebSocketConnection.connect(to: server.url)
            let peer = try #require(await connections.next())
            if isExpiry { peer.closeAt(.now(), code: CloseCode(4002), reason: "session") }
            let ends = try await within { (await client.closed, await peer.closed) }
            #expect(ends.0.cause == .closedByPeer)
            #expect(ends.1.wasClean)
            #expect(ends.1.cause == (isExpiry ? .expired : .idleTimeout))
            #expect(ends.0.code == (isExpiry ? CloseCode(4002) : .goingAway))
            await server.stop()
        }
        try await engine.group.shutdownGracefully()
    }

    // MARK: Round trips

    @Test("A keepalive ping's pong tells how long the way takes, once, and only its own", arguments: roles)
    func roundTrip(_ role: Role) throws {
        let options = ConnectionOptions.quiet {
            $0.jitter = 0
            $0.pingInterval = .seconds(20)
        }
        let socket = try EmbeddedConnection(role, options)
        let log = Log<Duration>()
        var callbacks = ConnectionCallbacks(onMessage: { _, _, _ in })
        callbacks.observer = ConnectionObserver(
            onPeerClosing: {},
            onBuffered: { _ in },
            onRoundTrip: { log.add($0) }
        )
        socket.connection.setCallbacks(callbacks)
        socket.advance(by: .seconds(20))
        let ping = try #require(try socket.takeFrames().first)
        socket.receive(
            Frame(.pong),
            Frame(.pong, [1, 2, 3]),
            Frame(.pong, [UInt8](repeating: 255, count: 8))
        )
        #expect(log.entries.isEmpty)
        socket.advance(by: .milliseconds(120))
        socket.receive(Frame(.pong, ping.payload), Frame(.pong, ping.payload))
        #expect(log.takeAll() == [.milliseconds(120)])

        // An answer to a later ping of the application's tells of that one.
        socket.advance(by: .seconds(20))
        let keepalive = try #require(try socket.takeFrames().last)
        #expect(keepalive.opcode == .ping)
        socket.core.sendPing()
        let other = try #require(try socket.takeFrames().last)
        socket.receive(Frame(.pong, other.payload), Frame(.pong, keepalive.payload))
        #expect(log.entries.isEmpty)
    }

    @Test("What lay unread while this end did not read tells nothing of the way")
    func roundTripWhilePaused() throws {
        let options = ConnectionOptions.quiet {
            $0.jitter = 0
            $0.pingInterval = .seconds(20)
            $0.inboundHighWaterMark = 1000
        }
        let socket = try EmbeddedConnection(.client, options, hasReader: false)
        socket.advance(by: .seconds(20))
        let ping = try #require(try socket.takeFrames().first)
        socket.receive(Frame(.binary, [UInt8](repeating: 0, count: 2000)))
        #expect(socket.pipe.isReadingPaused)
        socket.receive(Frame(.pong, ping.payload))
        socket.advance(by: .seconds(60))
        let log = Log<Duration>()
        var callbacks = ConnectionCallbacks(onMessage: { _, _, _ in })
        callbacks.observer = ConnectionObserver(
            onPeerClosing: {},
            onBuffered: { _ in },
            onRoundTrip: { log.add($0) }
        )
        socket.connection.setCallbacks(callbacks)
        socket.endTurn()
        #expect(!socket.pipe.isReadingPaused)
        #expect(log.entries.isEmpty)
    }
}
