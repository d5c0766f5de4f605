import Logging
import NIOCore
import ServiceLifecycle
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// Starting and stopping.
@Suite("Server lifecycle", .timeLimit(.minutes(1)))
struct LifecycleTests {
    private func echoServer(_ configuration: WebSocketServer.Configuration = .init(port: 0))
        -> WebSocketServer
    {
        let server = WebSocketServer(configuration)
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        return server
    }

    // MARK: Starting

    @Test func `A wrong route makes the start fail`() async throws {
        let server = WebSocketServer(.init(port: 0))
        server.route("no-slash") { _, _ in }
        server.route("/fine") { _, _ in }
        let error = await #expect(throws: RouteError.self) { try await server.start() }
        #expect(error?.path == "no-slash")
    }

    @Test func `A server starts once`() async throws {
        let server = echoServer()
        try await server.start()
        await #expect(throws: ServerError.alreadyStarted) { try await server.start() }
        let run = Task { try await server.run() }
        run.cancel()
        try await run.value
        await #expect(throws: ServerError.alreadyStarted) { try await server.run() }
    }

    @Test func `An occupied port, an address of another machine and no workers say so`() async throws {
        try await serving { _ in
        } _: { port in
            let second = echoServer(.init(port: port))
            await #expect(throws: ServerError.addressInUse(host: "127.0.0.1", port: port)) {
                try await second.run()
            }
        }
        // TEST-NET-3 (RFC 5737): nobody's address.
        let elsewhere = echoServer(.init(host: "203.0.113.1", port: 0))
        let error = await #expect(throws: ServerError.self) { try await elsewhere.start() }
        guard case .cannotListen(host: "203.0.113.1", port: 0, let why) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!why.isEmpty)
        let idle = echoServer(.init(port: 0, workers: 0))
        await #expect(throws: ServerError.noWorkers) { try await idle.start() }
    }

    // MARK: Stopping

    @Test func `A cancelled run closes every connection with 1012 and waits for them`() async throws {
        let server = echoServer(.init(port: 0, workers: 2))
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        var sockets: [WebSocketConnection] = []
        for _ in 0..<5 { sockets.append(try await .connect(to: "ws://127.0.0.1:\(port)/echo")) }
        for socket in sockets { _ = try await socket.ping() }
        run.cancel()
        try await within(waitingFor: "the server's end") { try await run.value }
        for socket in sockets {
            let end = await socket.closed
            #expect(end.code == .serviceRestart)
            #expect(end.reason == "the server is restarting")
            #expect(end.wasClean)
        }
        #expect(server.connectionCount == 0)
        let error = await #expect(throws: ConnectError.self) {
            _ = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/echo")
        }
        #expect(error?.cause == .connectionRefused)
    }

    @Test func `As a service it stops when its group does`() async throws {
        let server = echoServer()
        let port = try #require(try await server.start().port)
        let group = ServiceGroup(services: [server], logger: Logger(label: "test"))
        let run = Task { try await group.run() }
        let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/echo")
        _ = try await socket.ping()
        await group.triggerGracefulShutdown()
        try await within(waitingFor: "the group's end") { try await run.value }
        #expect(await socket.closed.code == .serviceRestart)
    }

    @Test func `A peer that never answers is cut at the deadline, and said so`() async throws {
        let log = LogCollector()
        let server = echoServer(.init(port: 0, shutdownTimeout: .milliseconds(100), logger: log.logger))
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        let bytes = try await RawConnection.with(port: port) { connection in
            try await connection.write(Handshake.request("/echo"))
            _ = try await connection.readHead()
            run.cancel()
            return try await connection.readToEnd()
        }
        #expect(bytes.prefix(4) == [0x88, 26, 0x03, 0xF4])
        try await within(waitingFor: "the server's end") { try await run.value }
        #expect(server.connectionCount == 0)
    }

    @Test func `A handler that does not end by itself is cancelled at the deadline`() async throws {
        let (cancelled, cancelledNow) = AsyncStream<Void>.makeStream()
        let server = WebSocketServer(.init(port: 0, shutdownTimeout: .milliseconds(100)))
        server.route("/stuck") { socket, _ in
            try await socket.send("here")
            // Ends by cancellation only.
            try? await Task.sleep(for: .seconds(600))
            cancelledNow.yield()
        }
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/stuck")
        _ = try await socket.receive()
        run.cancel()
        try await within(waitingFor: "the server's end") { try await run.value }
        try await within(waitingFor: "the handler's cancellation") { for await _ in cancelled { break } }
    }

    @Test func `A request that stays incomplete is dropped by a shutdown`() async throws {
        let server = echoServer()
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        let bytes = try await RawConnection.with(port: port) { connection in
            try await connection.write("GET /echo HTTP/1.1\r\n")
            // Whoever connected later was accepted later: the server knows the first by then.
            _ = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/echo").close()
            run.cancel()
            return try await connection.readToEnd()
        }
        #expect(bytes.isEmpty)
        try await within(waitingFor: "the server's end") { try await run.value }
    }
}
