import Logging
import NIOCore
import NIOEmbedded
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// A shutdown in the middle of everything.
@Suite("Draining under load", .timeLimit(.minutes(3)))
struct DrainLoadTests {
    /// What the server has done for one client.
    private final class Served: Sendable {
        /// Messages that it accepted for sending.
        let accepted = Atomic(0)
        let unsent = Atomic(-1)
    }

    @Test
    func `Of 2,000 clients each gets every echo, and 1012; a hundred that never answer are cut and named`()
        async throws
    {
        let silentCount = 100
        // Both ends of each are this process's.
        let count = min(2000, (DescriptorLimit.raised - 300) / 2 - silentCount)
        let log = LogCollector(level: .notice)
        var configuration = WebSocketServer.Configuration(
            port: 0,
            workers: 2,
            engine: Tools.engine,
            logger: log.logger
        )
        configuration.connection.compression = nil
        configuration.connection.closeTimeout = .seconds(4)
        configuration.connection.handshakeTimeout = .seconds(60)
        // Those that never answer are to be there until the drain cuts them, however long it takes to open the others.
        configuration.connection.pingInterval = nil
        configuration.drain = .init(window: .seconds(1), deadline: .seconds(5))
        let server = WebSocketServer(configuration)
        let served = (0..<count).map { _ in Served() }
        server.route(
            "/echo/:number",
            callbacks: { _, parameters in
                let served = parameters["number"].flatMap { Int($0) }.map { served[$0] } ?? Served()
                return ConnectionCallbacks(
                    onMessage: { socket, kind, bytes in
                        guard (try? socket.send(kind, bytes)) != nil else { return }
                        served.accepted.add(1, ordering: .relaxed)
                    },
                    onEnd: { _, end in served.unsent.store(end.unsentBytes, ordering: .relaxed) }
                )
            }
        )
        let port = try #require(try await server.start().port)
        let group = ServiceGroup(
            services: [server],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let run = Task { try await group.run() }

        var silent: [SilentPeer] = []
        for _ in 0..<silentCount { silent.append(try await .open(port: port, "/echo/none")) }
        let fleet = try await EchoFleet.open(count) { "ws://127.0.0.1:\(port)/echo/\($0)" }
        try await fleet.waitUntilWarm()
        try await within(waitingFor: "the silent ones") {
            while server.connectionCount < count + silentCount { await Task.yield() }
        }

        let beginning = ContinuousClock.now
        await group.triggerGracefulShutdown()
        try await within(waitingFor: "the server's end") { try await run.value }
        let duration = ContinuousClock.now - beginning
        #expect(duration < .seconds(6))

        let ends = try await fleet.ends()
        let abnormal = ends.filter { !$0.end.wasClean || $0.end.code != .serviceRestart }
        #expect(
            abnormal.isEmpty,
            "\(abnormal.count) of \(count), such as \(String(describing: abnormal.first?.end))"
        )
        // What the server had accepted came before its close frame, all of it.
        let lossy = fleet.clients.filter {
            $0.echoed != served[$0.number].accepted.load(ordering: .relaxed) || $0.strays > 0
        }
        #expect(lossy.isEmpty, "\(lossy.count) of \(count) got other echoes than were sent")
        #expect(served.allSatisfy { $0.unsent.load(ordering: .relaxed) == 0 })
        #expect(fleet.clients.allSatisfy { $0.echoed <= $0.sent })

        let report = try #require(server.drainReport)
        #expect(report.closed == count)
        #expect(report.gone == 0)
        #expect(report.cut == silentCount)
        #expect(report.cutConnections.count == DrainReport.mostListed)
        #expect(report.cutConnections.allSatisfy { $0.closeWasSent && $0.path == "/echo/none" })
        #expect(report.handlersLeft == 0)
        #expect(report.blockedLoops == 0)
        let lines = log.lines
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("warning drained ") == true)
        #expect(lines.first?.contains(" closed=\(count) ") == true)
        #expect(lines.first?.contains(" cut=\(silentCount) ") == true)
        for peer in silent { peer.close() }
    }

    @Test func `The close frames are spread over the window`() async throws {
        let count = 200
        var configuration = WebSocketServer.Configuration(port: 0, workers: 2, engine: Tools.engine)
        configuration.drain = .init(window: .seconds(1), deadline: .seconds(30))
        configuration.connection.closeTimeout = .seconds(25)
        let server = WebSocketServer(configuration)
        server.route(
            "/echo",
            callbacks: { _, _ in
                ConnectionCallbacks(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) })
            }
        )
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        // Before anything else of this machine runs: the fleet falls silent once closing has begun.
        let fleet = try await EchoFleet.open(count) { _ in "ws://127.0.0.1:\(port)/echo" }
        try await fleet.waitUntilWarm()
        let beginning = ContinuousClock.now
        run.cancel()
        try await within(waitingFor: "the server's end") { try await run.value }
        var tenths = [Int](repeating: 0, count: 10)
        for end in try await fleet.ends() {
            #expect(end.end.code == .serviceRestart)
            let tenth = Int((end.at - beginning) / .milliseconds(100))
            tenths[min(max(tenth, 0), 9)] += 1
        }
        // Twenty are due in each. A busy machine brings some late, none early.
        #expect(tenths[0] <= 40, "\(tenths)")
        #expect(tenths[0...4].reduce(0, +) <= 120, "\(tenths)")
    }

    @Test func `Each close frame has a moment of its own, in its part of the window`() throws {
        let count = 1000
        let plan = DrainPlan(try ClosePayload(sending: .serviceRestart), window: .seconds(2))
        var farewells = Farewells(plan, on: EmbeddedEventLoop(), count: count)
        for index in 0..<count {
            let part = farewells.beginning + .milliseconds(Int64(2 * index))
            #expect(farewells.due >= part)
            #expect(farewells.due <= part + .milliseconds(2))
            farewells.next()
        }
        // Who opens while the others are told waits for no turn.
        #expect(farewells.due <= farewells.beginning + .seconds(2))
    }
}
