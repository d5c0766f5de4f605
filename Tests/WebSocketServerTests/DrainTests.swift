import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// How a server stops, step by step.
@Suite("Draining", .timeLimit(.minutes(2)))
struct DrainTests {
    private typealias Options = WebSocketServer.DrainOptions

    /// A server that runs, and what is needed to stop it.
    private struct Running {
        let server: WebSocketServer
        let port: Int
        let task: Task<Void, any Error>

        var url: String { "ws://127.0.0.1:\(port)" }

        func stop() { task.cancel() }

        func ended(within limit: Duration = .seconds(30)) async throws -> DrainReport {
            let task = task
            try await within(limit, waitingFor: "the server's end") { try await task.value }
            return try #require(server.drainReport)
        }
    }

    private func run(
        _ drain: Options = .init(),
        closeTimeout: Duration = .seconds(20),
        workers: Int = 1,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        _ routes: (WebSocketServer) -> Void = { _ in }
    ) async throws -> Running {
        var configuration = WebSocketServer.Configuration(
            port: 0,
            workers: workers,
            engine: Tools.engine,
            drain: drain,
            logger: logger
        )
        configuration.connection.closeTimeout = closeTimeout
        configuration.connection.handshakeTimeout = .seconds(60)
        let server = WebSocketServer(configuration)
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        server.page("/readyz") { [weak server] _ in
            server?.isReady == true ? .text(.ok, "ready\n") : .text(.serviceUnavailable, "not ready\n")
        }
        routes(server)
        #expect(!server.isReady)
        let port = try #require(try await server.start().port)
        #expect(server.isReady)
        return Running(server: server, port: port, task: Task { try await server.run() })
    }

    // MARK: The order of things

    @Test func `Readiness fails first; until the delay is over all are served; a second word cuts it short`()
        async throws
    {
        let drain = Options(readinessDelay: .seconds(100), window: .seconds(100), deadline: .seconds(300))
        var configuration = WebSocketServer.Configuration(port: 0, engine: Tools.engine, drain: drain)
        configuration.connection.handshakeTimeout = .seconds(60)
        let server = WebSocketServer(configuration)
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        server.page("/readyz") { [weak server] _ in
            server?.isReady == true ? .text(.ok, "ready\n") : .text(.serviceUnavailable, "not ready\n")
        }
        let port = try #require(try await server.start().port)
        let group = ServiceGroup(
            services: [server],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let run = Task { try await group.run() }
        #expect(try await HTTPGet.get(port: port, "/readyz").status == 200)

        await group.triggerGracefulShutdown()
        try await within(waitingFor: "readiness to fail") { while server.isReady { await Task.yield() } }
        #expect(try await HTTPGet.get(port: port, "/readyz").status == 503)
        let late = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/echo")
        try await late.send("served")
        #expect(try await late.receive()?.text == "served")
        #expect(server.drainReport == nil)

        run.cancel()
        try? await within(waitingFor: "the server's end") { try await run.value }
        let report = try #require(server.drainReport)
        #expect(report.connections == 1)
        #expect(report.duration < .seconds(60))
        // It was told all the same.
        #expect(await late.closed.code == .serviceRestart)
    }

    @Test(
        arguments: [
            (.serviceRestart, "the server is restarting"), (.goingAway, "the server is going away"),
            (.tryAgainLater, "the server is stopping; try again later"),
            (CloseCode(4000), "the server is stopping"),
        ] as [(CloseCode, String)]
    )
    func `Without a reason of its own, a drain gives its code's`(code: CloseCode, reason: String) {
        var options = WebSocketServer.DrainOptions(code: code)
        #expect(options.reason == reason)
        options.code = .goingAway
        #expect(options.reason == "the server is going away")
        options.reason = "bye"
        #expect(options.reason == "bye")
    }

    @Test func `Code and reason are those of the configuration`() async throws {
        let running = try await run(.init(code: .goingAway, reason: "bye"))
        let socket = try await WebSocketConnection.connect(to: running.url + "/echo")
        running.stop()
        let end = await socket.closed
        #expect(end.code == .goingAway)
        #expect(end.reason == "bye")
        #expect(end.wasClean)
        let report = try await running.ended()
        #expect(report.closed == 1)
        #expect(report.wasClean)
        #expect(!running.server.isReady)
    }

    @Test(arguments: [
        WebSocketServer.DrainOptions(code: .abnormalClosure),
        .init(reason: String(repeating: "x", count: 124)),
        .init(readinessDelay: .seconds(6), window: .seconds(6)),
        .init(deadline: .seconds(-1)),
    ])
    func `What cannot be done is told at the start`(drain: WebSocketServer.DrainOptions) async throws {
        let server = WebSocketServer(.init(port: 0, drain: drain))
        let error = await #expect(throws: ServerError.self) { try await server.start() }
        guard case .wrongDrain(let why) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!why.isEmpty)
    }

    @Test func `By default few connections are closed at once, and many within two seconds`() {
        let options = Options()
        #expect(options.window(for: 0, until: .seconds(10)) == .zero)
        #expect(options.window(for: 5, until: .seconds(10)) == .milliseconds(50))
        #expect(options.window(for: 1_000_000, until: .seconds(10)) == .seconds(2))
        #expect(options.window(for: 1_000_000, until: .seconds(1)) == .milliseconds(500))
        #expect(options.window(for: 1_000_000, until: .seconds(-1)) == .zero)
        #expect(Options(window: .seconds(7)).window(for: 1, until: .seconds(10)) == .seconds(7))
        #expect(WebSocketServer.Configuration(shutdownTimeout: .seconds(3)).drain.deadline == .seconds(3))
    }

    // MARK: What was accepted

    @Test func `What was accepted for a slow reader goes out before the close frame, all of it`() async throws
    {
        let running = try await run(.init(deadline: .seconds(60)), closeTimeout: .seconds(50)) { server in
            server.route(
                "/flood",
                callbacks: { _, _ in
                    ConnectionCallbacks(onMessage: { socket, _, _ in
                        let bytes = [UInt8](repeating: 7, count: 100_000)
                        for _ in 0..<100 { try? socket.send(.binary, bytes.span.bytes) }
                    })
                }
            )
        }
        var options = ClientOptions()
        options.connection.compression = nil
        let socket = try await WebSocketConnection.connect(to: running.url + "/flood", options: options)
        try await socket.send("go")
        // All was accepted before the first came here, and most of it has no room on the way.
        #expect(try await socket.receive()?.bytes.count == 100_000)
        running.stop()
        try await within(waitingFor: "readiness to fail") {
            while running.server.isReady { await Task.yield() }
        }
        var count = 1
        while let message = try await socket.receive() {
            #expect(message.bytes.count == 100_000)
            count += 1
        }
        #expect(count == 100)
        #expect(await socket.closed.code == .serviceRestart)
        let report = try await running.ended()
        #expect(report.closed == 1)
        #expect(report.unsentBytes == 0)
    }

    // MARK: Who is cut

    @Test func `Who reads nothing is cut after closeTimeout, and the report says how much was left`()
        async throws
    {
        let log = LogCollector(level: .notice)
        let running = try await run(
            .init(deadline: .seconds(60)),
            closeTimeout: .milliseconds(200),
            logger: log.logger
        ) { server in
            server.route(
                "/flood",
                callbacks: { _, _ in
                    // As much as is accepted, far more than has room on the way.
                    ConnectionCallbacks(onMessage: { socket, _, _ in
                        let bytes = [UInt8](repeating: 7, count: 1 << 20)
                        for _ in 0..<100 { try? socket.send(.binary, bytes.span.bytes) }
                    })
                }
            )
        }
        var options = ClientOptions()
        options.connection.compression = nil
        let socket = try await WebSocketConnection.connect(
            to: running.url + "/flood?token=secret",
            options: options
        )
        try await socket.send("go")
        _ = try await socket.receive()
        running.stop()
        let report = try await running.ended()
        #expect(report.cut == 1)
        let cut = try #require(report.cutConnections.first)
        #expect(cut.unsentBytes > 0)
        #expect(report.unsentBytes == cut.unsentBytes)
        #expect(!cut.closeWasSent)
        #expect(cut.cause == .closeTimeout)
        #expect(cut.path == "/flood")
        #expect(cut.remoteAddress?.ipAddress == "127.0.0.1")
        #expect("\(cut)".hasPrefix("connection \(cut.id) of 127.0.0.1:"))
        #expect("\(cut)".hasSuffix(" at /flood: the peer did not answer the close frame in time"))
        let line = try #require(log.lines.last)
        #expect(line.hasPrefix("warning drained "))
        #expect(line.contains("127.0.0.1:"))
        #expect(!line.contains("[IPv4]"))
        #expect(line.contains("/flood"))
        #expect(!line.contains("secret"))
        socket.abort()
    }

    @Test func `Who vanishes while the server stops is neither closed nor cut`() async throws {
        let running = try await run()
        try await RawConnection.with(port: running.port) { connection in
            try await connection.write(Handshake.request("/echo"))
            _ = try await connection.readHead()
            running.stop()
            #expect(try await connection.read(2) == [0x88, 26])
        }
        let report = try await running.ended()
        #expect(report.gone == 1)
        #expect(report.connections == 1)
        #expect(report.wasClean)
    }

    @Test func `A handler that ends when it is cancelled is waited for; one that never does is counted`()
        async throws
    {
        let (cancelled, cancelledNow) = AsyncStream<Void>.makeStream()
        let gate = Promised<Void>()
        // So long that the clients, which share the processor with it, answer in time.
        let running = try await run(.init(deadline: .seconds(3))) { server in
            server.route("/patient") { socket, _ in
                try await socket.send("here")
                try? await Task.sleep(for: .seconds(600))
                cancelledNow.yield()
            }
            server.route("/deaf") { socket, _ in
                try await socket.send("here")
                try await gate.value
            }
        }
        var sockets: [WebSocketConnection] = []
        for path in ["/patient", "/deaf", "/echo"] {
            sockets.append(try await .connect(to: running.url + path))
        }
        for socket in sockets.prefix(2) { _ = try await socket.receive() }
        #expect(try await sockets[2].ping() > .zero)
        #expect(running.server.handlerCount == 3)
        running.stop()
        let report = try await running.ended()
        try await within(waitingFor: "the cancellation") { for await _ in cancelled { break } }
        // Their clients answered the close frame: only the handlers were left.
        #expect(report.closed == 3)
        #expect(report.cut == 0)
        #expect(report.handlersLeft == 1)
        gate.fulfil(())
    }

    @Test func `An upgrade hook that ends late is waited for; one that never does is counted`() async throws {
        let (begun, beginning) = AsyncStream<Void>.makeStream()
        let (late, never) = (Promised<Void>(), Promised<Void>())
        func running(_ deadline: Duration, until gate: Promised<Void>) async throws -> Running {
            try await run(.init(deadline: deadline)) { server in
                server.route("/asked") { _ -> Upgrade<Int> in
                    beginning.yield()
                    // Deaf to its cancellation.
                    try await gate.value
                    return .accept(1)
                } handler: { _, _, _ in
                }
            }
        }
        /// Asks, and is answered 503 once the server stops.
        func ask(_ running: Running, whenStopped body: () -> Void) async throws {
            try await RawConnection.with(port: running.port) { connection in
                try await connection.write(Handshake.request("/asked"))
                try await within(waitingFor: "the hook") { for await _ in begun { break } }
                #expect(running.server.hookCount == 1)
                running.stop()
                let answer = try await connection.readToEnd()
                #expect(answer.starts(with: "HTTP/1.1 503 ".utf8))
            }
            body()
        }

        let patient = try await running(.seconds(100), until: late)
        // Its client has gone by then: there is nothing but the hook to wait for.
        try await ask(patient) {
            #expect(patient.server.drainReport == nil)
            late.fulfil(())
        }
        let clean = try await patient.ended()
        #expect(clean.hooksLeft == 0)
        #expect(clean.wasClean)

        let deaf = try await running(.seconds(2), until: never)
        try await ask(deaf) {}
        let report = try await deaf.ended()
        #expect(report.hooksLeft == 1)
        #expect(report.duration >= .seconds(2))
        #expect(report.handlersLeft == 0)
        #expect(report.connections == 0)
        #expect(!report.wasClean)
        never.fulfil(())
    }

    @Test func `A handler that ends with its messages is not cancelled`() async throws {
        let wasCancelled = Promised<Bool>()
        let running = try await run { server in
            server.route("/good") { socket, _ in
                try await socket.send("here")
                for try await _ in socket.messages {}
                wasCancelled.fulfil(Task.isCancelled)
            }
        }
        let socket = try await WebSocketConnection.connect(to: running.url + "/good")
        _ = try await socket.receive()
        running.stop()
        #expect(try await within { try await wasCancelled.value } == false)
        #expect(try await running.ended().closed == 1)
        #expect(running.server.handlerCount == 0)
    }

    @Test func `With a deadline of zero all is cut at once, and the server ends whatever there is`()
        async throws
    {
        let idle = try await run(.init(deadline: .zero))
        idle.stop()
        #expect(try await idle.ended().connections == 0)

        let gate = Promised<Void>()
        let running = try await run(.init(deadline: .zero), workers: 2) { server in
            server.route("/deaf") { socket, _ in
                try await socket.send("here")
                try await gate.value
            }
        }
        let deaf = try await WebSocketConnection.connect(to: running.url + "/deaf")
        _ = try await deaf.receive()
        var others: [WebSocketConnection] = []
        for _ in 0..<20 { others.append(try await .connect(to: running.url + "/echo")) }
        for socket in others { _ = try await socket.ping() }
        try await RawConnection.with(port: running.port) { connection in
            try await connection.write("GET /echo HTTP/1.1\r\nHo")
            // Whoever connected later was accepted later.
            _ = try await WebSocketConnection.connect(to: running.url + "/echo").close()
            running.stop()
            #expect(try await connection.readToEnd().isEmpty)
        }
        let report = try await running.ended()
        // The one that was closed may not have left yet.
        #expect(21...22 ~= report.connections)
        #expect(report.handlersLeft == 1)
        #expect(report.blockedLoops == 0)
        for socket in others { _ = await socket.closed }
        gate.fulfil(())
    }

    @Test func `A loop that a handler blocks does not keep the server from ending`() async throws {
        let gate = DispatchGate()
        let running = try await run(.init(deadline: .milliseconds(200)), workers: 2) { server in
            server.route(
                "/block",
                callbacks: { _, _ in ConnectionCallbacks(onMessage: { _, _, _ in gate.wait() }) }
            )
        }
        let socket = try await WebSocketConnection.connect(to: running.url + "/block")
        try await socket.send("block")
        try await within(waitingFor: "the block") { while !gate.isBlocking { await Task.yield() } }
        running.stop()
        let report = try await running.ended()
        #expect(report.blockedLoops == 1)
        #expect(!report.wasClean)
        gate.open()
        socket.abort()
    }

    // MARK: HTTP/2

    @Test
    func `Of two sockets on an HTTP/2 connection the deaf one is cut at the deadline, and the connection`()
        async throws
    {
        try await expectCut(.cleartextHTTP2(), over: { _ in })
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl is not installed"))
    func `The same below TLS`() async throws {
        let certificate = try await Certificate.make()
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.tls = certificate.serverConfiguration
        var client = certificate.clientConfiguration
        client.applicationProtocols = ["h2"]
        let context = try NIOSSLContext(configuration: client)
        try await expectCut(configuration) { channel in
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: context, serverHostname: "localhost")
            )
        }
    }

    /// Opens two sockets on one connection, of which one answers its close frame.
    private func expectCut(
        _ configuration: WebSocketServer.Configuration,
        over lower: @escaping @Sendable (any Channel) throws -> Void
    ) async throws {
        var configuration = configuration
        configuration.workers = 1
        configuration.drain = .init(window: .zero, deadline: .seconds(3))
        configuration.connection.closeTimeout = .seconds(100)
        configuration.connection.handshakeTimeout = .seconds(60)
        configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = WebSocketServer(configuration)
        HTTP2Peer.echo(server)
        let port = try #require(try await server.start().port)
        let running = Running(server: server, port: port, task: Task { try await server.run() })
        let descriptors = DescriptorCounter(port: port)
        try await HTTP2Peer.with(port: port, over: lower) { peer in
            try await peer.acknowledgeSettings()
            for stream in [1, 3] as [UInt32] { try await peer.open(stream: stream) }
            running.stop()
            var told: [HTTP2RawFrame] = []
            while told.count < 3, let frame = try await peer.next() {
                if frame.type == HTTP2RawFrame.goAway || frame.type == HTTP2RawFrame.data {
                    told.append(frame)
                }
            }
            #expect(told.contains { $0.type == HTTP2RawFrame.goAway && $0.errorCode == 0 })
            for stream in [1, 3] as [UInt32] {
                #expect(
                    told.contains { $0.stream == stream && $0.payload.starts(with: [0x88, 26, 0x03, 0xF4]) }
                )
            }
            try await peer.send(HTTP2Peer.data(Handshake.close(1012), stream: 1, endStream: true))
            let report = try await running.ended()
            #expect(report.closed == 1)
            #expect(report.cut == 1)
            #expect(report.connections == 2)
            #expect(report.cutConnections.map(\.path) == ["/echo"])
            #expect(report.cutConnections.map(\.cause) == [.aborted])
            #expect(report.handlersLeft == 0)
            let rest = try await peer.rest()
            #expect(rest.contains { $0.stream == 1 && $0.flags & HTTP2RawFrame.endStream != 0 })
            // CANCEL.
            #expect(rest.contains { $0.stream == 3 && $0.errorCode == 8 })
            // The client's own end is still open.
            try await within(waitingFor: "the server's descriptor to be freed") {
                while descriptors.open > 1 { await Task.yield() }
            }
        }
        try await within(waitingFor: "both descriptors to be freed") {
            while descriptors.open > 0 { await Task.yield() }
        }
    }

    // MARK: Requests under way

    @Test func `A request that is complete only then is answered 503`() async throws {
        let running = try await run(
            .init(window: .zero, deadline: .seconds(60), requestGrace: .seconds(50))
        )
        let socket = try await WebSocketConnection.connect(to: running.url + "/echo")
        let answer = try await RawConnection.with(port: running.port) { connection in
            let request = Handshake.request("/echo")
            try await connection.write(String(request.dropLast(10)))
            // Whoever connected later was accepted later.
            let last = try await WebSocketConnection.connect(to: running.url + "/echo")
            running.stop()
            // The one loop has told of it those whose requests are under way before it closes the first.
            _ = await last.closed
            try await connection.write(String(request.suffix(10)))
            return String(decoding: try await connection.readToEnd(), as: UTF8.self).lowercased()
        }
        #expect(answer.hasPrefix("http/1.1 503 service unavailable\r\n"))
        #expect(answer.contains("\r\nconnection: close\r\n"))
        #expect(answer.contains("\r\nretry-after: 1\r\n"))
        #expect(await socket.closed.code == .serviceRestart)
        #expect(try await running.ended().refused == 1)
    }

    @Test func `A request about which a hook still thinks is answered 503, and the hook cancelled`()
        async throws
    {
        let (asked, askedNow) = AsyncStream<Void>.makeStream()
        let wasCancelled = Promised<Bool>()
        let running = try await run { server in
            server.route("/thinking") { _ -> Upgrade<Int> in
                askedNow.yield()
                try? await Task.sleep(for: .seconds(600))
                wasCancelled.fulfil(Task.isCancelled)
                return .accept(1)
            } handler: { _, _, _ in
            }
        }
        let port = running.port
        let answer = Task { try await HTTPGet.answer(port: port, Handshake.request("/thinking")) }
        try await within(waitingFor: "the hook") { for await _ in asked { break } }
        running.stop()
        #expect(try await answer.value.status == 503)
        #expect(try await within { try await wasCancelled.value })
        #expect(try await running.ended().refused == 1)
    }

    // MARK: The loops' lists

    @Test func `What carries WebSockets learns of the drain while it is in the list, and can ask later`()
        async throws
    {
        final class Carrier: UnopenedConnection {
            let told: Locked<[String]>
            let name: String
            init(_ name: String, _ told: Locked<[String]>) { (self.name, self.told) = (name, told) }
            func drainBegan() { told.withLock { $0.append(name) } }
            func abort() {}
        }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let registry = ConnectionRegistry()
        let connections = registry.connections(on: loop)
        let told = Locked<[String]>([])
        let kept = try await loop.submit {
            let list = connections.value
            let kept = list.add(Carrier("kept", told))
            list.remove(at: list.add(Carrier("forgotten", told)))
            #expect(!list.isDraining)
            return kept
        }.get()
        let plan = DrainPlan(try ClosePayload(sending: .serviceRestart), window: .zero)
        registry.beginDrain(plan)
        try await loop.submit {
            if connections.value.isDraining { told.withLock { $0.append("late") } }
            connections.value.remove(at: kept)
        }.get()
        #expect(told.withLock { $0 } == ["kept", "late"])
        let isEmpty = Promised<Void>()
        registry.whenEmpty { isEmpty.fulfil(()) }
        #expect(isEmpty.isFulfilled)
    }
}

/// Something that holds up a thread.
private final class DispatchGate: Sendable {
    private let blocking = Atomic(false)
    private let isOpen = Atomic(false)

    var isBlocking: Bool { blocking.load(ordering: .acquiring) }
    func open() { isOpen.store(true, ordering: .releasing) }

    func wait() {
        blocking.store(true, ordering: .releasing)
        while !isOpen.load(ordering: .acquiring) { sched_yield() }
    }
}
