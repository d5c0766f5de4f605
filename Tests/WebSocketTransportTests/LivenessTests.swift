import NIOCore
import NIOEmbedded
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Pings and pongs on a connection, with a clock that the test turns.
@Suite("Liveness", .timeLimit(.minutes(3)))
struct LivenessTests {
    static let roles: [Role] = [.client, .server]

    private func opcodes(_ socket: EmbeddedConnection) throws -> [Opcode] {
        try socket.takeFrames().map(\.opcode)
    }

    @Test(
        "With the defaults, a peer that vanished is found within interval, timeout and a second",
        arguments: roles
    )
    func defaultsFindDeadPeer(_ role: Role) throws {
        let options = ConnectionOptions()
        let socket = try EmbeddedConnection(role, options)
        let interval = try #require(options.pingInterval)
        socket.advance(by: TimeAmount(interval))
        #expect(try opcodes(socket) == [.ping])
        socket.advance(by: TimeAmount(options.pongTimeout) + .seconds(1))
        #expect(try socket.onlyEnd().cause == .pingTimeout)
    }

    @Test("A peer that reads slowly lives, though its pongs are a long way behind", arguments: roles)
    func slowReader(_ role: Role) throws {
        let options = ConnectionOptions.quiet {
            $0.pingInterval = .seconds(20)
            $0.pongTimeout = .seconds(5)
            $0.outboundLimit = .max
        }
        let socket = try EmbeddedConnection(role, options)
        socket.pipe.takesWrites = false
        let message = [UInt8](repeating: 7, count: 200_000)
        for _ in 0..<40 { try socket.isolated.send(.binary, message.span.bytes) }
        // Every four seconds the system takes a write; no pong comes at all.
        for _ in 0..<30 {
            socket.advance(by: .seconds(4))
            socket.pipe.takeOneHeldWrite()
        }
        #expect(socket.ends.isEmpty)
        // It stops reading too.
        socket.advance(by: .seconds(30))
        #expect(try socket.onlyEnd().cause == .pingTimeout)
    }

    @Test("Pings go on for as long as the peer answers", arguments: roles)
    func answeredPings(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .init(pingInterval: .seconds(20), pongTimeout: .seconds(5), jitter: 0)
        )
        var payloads: Set<[UInt8]> = []
        for _ in 0..<50 {
            socket.advance(by: .seconds(20))
            let pings = try socket.takeFrames()
            #expect(pings.map(\.opcode) == [.ping])
            for ping in pings {
                payloads.insert(ping.payload)
                socket.receive(Frame(.pong, ping.payload))
            }
        }
        #expect(payloads.count == 50, "each has a payload of its own")
        #expect(socket.connection.end == nil)
    }

    @Test("Any byte is a sign of life, half a frame too", arguments: roles)
    func anyByte(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .init(pingInterval: .seconds(20), pongTimeout: .seconds(20))
        )
        let frame = Frame(.binary, [UInt8](repeating: 0, count: 60)).bytes(
            from: role == .client ? .server : .client
        )
        for byte in frame {
            socket.advance(by: .seconds(15))
            socket.pipe.deliver([byte])
        }
        #expect(socket.connection.end == nil)
        #expect(socket.takeMessages().count == 1)
    }

    @Test("Without an interval no ping is ever sent", arguments: roles)
    func never(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .init(pingInterval: nil))
        socket.advance(by: .hours(24))
        #expect(try opcodes(socket).isEmpty)
        #expect(socket.connection.end == nil)
    }

    @Test("A reader that is busy for minutes loses no connection, at either end")
    func busyReader() throws {
        let options = ConnectionOptions(
            inboundHighWaterMark: 1000,
            pingInterval: .seconds(20),
            pongTimeout: .seconds(10)
        )
        let busy = try EmbeddedConnection(.client, options, hasReader: false)
        let sender = try EmbeddedConnection(.server, options, loop: busy.loop)
        PipeTransport.connect(busy.pipe, sender.pipe)
        busy.pipe.pieceSize = 600
        for _ in 0..<50 { try sender.isolated.send(.binary, [UInt8](repeating: 0, count: 500).span.bytes) }
        for _ in 0..<300 { busy.advance(by: .seconds(1)) }
        #expect(busy.pipe.isReadingPaused)
        #expect(busy.connection.end == nil)
        #expect(sender.connection.end == nil)
        #expect(sender.ends.isEmpty)
        // RFC 6455 §5.5.3: an unasked pong is a heartbeat; the busy end's is what keeps the other calm.
        #expect(try opcodes(busy).contains(.pong))
        busy.read()
        for _ in 0..<60 { busy.advance(by: .seconds(1)) }
        #expect(busy.takeMessages().count == 50)
        #expect(busy.connection.end == nil)
        #expect(sender.connection.end == nil)
    }

    @Test("Each ping is answered with its payload, those of one read in one write", arguments: roles)
    func pong(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet())
        socket.receive(Frame(.ping, [1, 2, 3]))
        #expect(try socket.takeFrames() == [Frame(.pong, [1, 2, 3])])
        socket.receive(Frame(.ping))
        #expect(try socket.takeFrames() == [Frame(.pong)])
        socket.receive(Frame(.ping, [UInt8](repeating: 5, count: 125)))
        #expect(try socket.takeFrames() == [Frame(.pong, [UInt8](repeating: 5, count: 125))])
        _ = socket.pipe.takeCalls()
        socket.receive(Frame(.ping, [1]), .text("between"), Frame(.ping, [2]))
        #expect(try socket.takeFrames() == [Frame(.pong, [1]), Frame(.pong, [2])])
        #expect(socket.pipe.takeCalls().count == 1)
    }

    @Test("More pings in a second than allowed: 1008", arguments: roles)
    func pingFlood(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.maxPingsPerSecond = 10 })
        for _ in 0..<3 {
            for _ in 0..<10 { socket.receive(Frame(.ping)) }
            socket.advance(by: .seconds(1))
        }
        _ = try socket.takeFrames()
        #expect(socket.connection.end == nil)
        for _ in 0..<11 { socket.receive(Frame(.ping)) }
        #expect(try socket.takeFrames().last?.closeCode == 1008)
        socket.pipe.deliverEnd()
        #expect(try socket.onlyEnd().cause == .protocolError(.tooManyPings(limit: 10)))
    }

    @Test("Closing has a clock of its own: no ping ends it earlier", arguments: roles)
    func closingOutlastsPings(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .init(closeTimeout: .seconds(100), pingInterval: .seconds(20), pongTimeout: .seconds(5))
        )
        try socket.isolated.close()
        socket.advance(by: .seconds(99))
        #expect(socket.ends.isEmpty, "no ping can be sent any more, so none can be missed")
        socket.receive(.close(1000))
        socket.pipe.deliverEnd()
        #expect(try socket.onlyEnd().wasClean)
    }

    @Test("An interval of zero does not hold up the loop", arguments: roles)
    func zeroInterval(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .init(pingInterval: .zero, pongTimeout: .milliseconds(100)))
        socket.advance(by: .milliseconds(50))
        #expect(try opcodes(socket) == [.ping])
        socket.advance(by: .milliseconds(100))
        #expect(try socket.onlyEnd().cause == .pingTimeout)
    }

    // MARK: Pings of the application

    @Test("A ping returns when its pong is here")
    func ping() async throws {
        let pair = try await PipePair()
        let taken = try await within { try await pair.client.ping() }
        #expect(taken >= .zero)
        #expect(taken < .seconds(20))
    }

    @Test("The latest pong answers the pings before it; unasked pongs answer none")
    func pongsAnswerThoseBefore() async throws {
        let pair = try await PipePair()
        try await pair.onPipes { _, server in server.takesWrites = false }
        let pings = (0..<5).map { _ in Task { try await pair.client.ping() } }
        try await within { while await pair.client.pendingPings < 5 { await Task.yield() } }
        try await pair.onPipes { client, _ in
            client.deliver(Frame(.pong).bytes(from: .server))
            client.deliver(Frame(.pong, [1, 2, 3]).bytes(from: .server))
            client.deliver(Frame(.pong, [0, 0, 0, 0, 0, 0, 0, 5]).bytes(from: .server))
            client.deliver(Frame(.pong, [UInt8](repeating: 255, count: 8)).bytes(from: .server))
        }
        #expect(await pair.client.pendingPings == 5)
        try await pair.onPipes { client, _ in
            client.deliver(Frame(.pong, [0, 0, 0, 0, 0, 0, 0, 3]).bytes(from: .server))
        }
        #expect(await pair.client.pendingPings == 1)
        try await pair.onPipes { client, _ in
            client.deliver(Frame(.pong, [0, 0, 0, 0, 0, 0, 0, 4]).bytes(from: .server))
        }
        for ping in pings { _ = try await within { try await ping.value } }
    }

    @Test("A peer that never answers: at most 1024 pings wait, one more is refused, the end lets all go")
    func unansweredPings() async throws {
        let pair = try await PipePair()
        try await pair.onPipes { _, server in server.takesWrites = false }
        let pings = (0..<1024).map { _ in Task { try await pair.client.ping() } }
        try await within { while await pair.client.pendingPings < 1024 { await Task.yield() } }
        let error = try await within {
            await thrownError(SendError.self) { _ = try await pair.client.ping() }
        }
        #expect(error == .bufferFull(buffered: 1024, limit: 1024))
        pair.client.abort()
        let ended = SendError.ended(await pair.client.closed)
        for ping in pings {
            #expect(
                try await within { await thrownError(SendError.self) { _ = try await ping.value } } == ended
            )
        }
    }

    @Test("No ping while closing, nor after the end")
    func pingRefused() async throws {
        let pair = try await PipePair()
        try await pair.onPipes { _, server in server.takesWrites = false }
        let closing = Task { try await pair.client.close() }
        try await within { while await pair.client.isOpenForData { await Task.yield() } }
        #expect(
            try await within { await thrownError(SendError.self) { _ = try await pair.client.ping() } }
                == .usage(.notOpen)
        )
        pair.client.abort()
        let end = try await closing.value
        #expect(
            try await within { await thrownError(SendError.self) { _ = try await pair.client.ping() } }
                == .ended(end)
        )
    }
}

extension WebSocketConnection {
    var pendingPings: Int { get async { await onCore(\.pendingPingCount) } }
    var isOpenForData: Bool { get async { await onCore(\.endpoint.closeHandshake.maySendData) } }
}
