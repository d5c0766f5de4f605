import CoreMetrics
import HTTPTypes
import Logging
import MetricsTestKit
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// A server's figures, as swift-metrics is told them.
@Suite("Observing: metrics", .timeLimit(.minutes(2)))
struct ObservingMetricsTests {
    private let metrics = TestMetrics()
    private let log = LogCollector()

    /// Sampled only when it is asked for.
    private var configuration: WebSocketServer.Configuration {
        var configuration = WebSocketServer.Configuration(port: 0, logger: log.logger(.info))
        configuration.metrics = MetricsOptions(factory: metrics, interval: .seconds(3600))
        return configuration
    }

    private func total(_ label: String, _ dimensions: [(String, String)] = []) -> Int {
        Int(metrics.counterTotal(label: label, dimensions: dimensions))
    }

    private func gauge(_ label: String) throws -> Double? { try metrics.expectGauge(label).lastValue }

    @Test func `Connections, messages and bytes, as often as they are asked for`() async throws {
        var started: WebSocketServer?
        try await serving(configuration) { server in
            started = server
            server.route("/echo/:name") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { port in
            let server = try #require(started)
            var options = ClientOptions()
            options.connection.compression = nil
            let socket = try await WebSocketConnection.connect(
                to: "ws://127.0.0.1:\(port)/echo/a?b",
                options: options
            )
            var answers = socket.messages.makeAsyncIterator()
            for text in ["one", "two", "three"] {
                try await socket.send(text)
                _ = try await answers.next()
            }
            try await socket.send([1, 2])
            _ = try await answers.next()
            await server.sampleMetrics()
            await server.sampleMetrics()

            #expect(try gauge("duplex_connections_open") == 1)
            #expect(try gauge("duplex_buffered_bytes") == 0)
            #expect(total("duplex_connections_total", [("route", "/echo/:name"), ("http", "1.1")]) == 1)
            for way in ["received", "sent"] {
                #expect(total("duplex_messages_\(way)_total", [("kind", "text")]) == 3)
                #expect(total("duplex_messages_\(way)_total", [("kind", "binary")]) == 1)
                #expect(total("duplex_bytes_\(way)_total") == 13)
            }
            #expect(try metrics.expectTimer("duplex_handshake_seconds").values.count == 1)
            #expect(try metrics.expectTimer("duplex_event_loop_lag_seconds").values.allSatisfy { $0 >= 0 })

            try await socket.send("four")
            _ = try await answers.next()
            await server.sampleMetrics()
            #expect(total("duplex_messages_received_total", [("kind", "text")]) == 4)
            try await socket.close(code: CloseCode(4321))
            _ = try await log.line(containing: "info closed")
            #expect(
                total("duplex_connections_closed_total", [("code", "4xxx"), ("cause", "closedByPeer")]) == 1
            )
        }
        let paths = metrics.counters.flatMap { $0.dimensions }.filter { $0.1.contains("/echo/a") }
        #expect(paths.isEmpty)
    }

    @Test func `What has become of published messages`() async throws {
        var started: WebSocketServer?
        try await serving(configuration) { server in
            started = server
            server.route("/topic") { socket, _ in
                try socket.subscribe("news")
                try await socket.send("here")
                _ = await socket.closed
            }
        } _: { port in
            let server = try #require(started)
            var sockets: [WebSocketConnection] = []
            for _ in 0..<2 { sockets.append(try await .connect(to: "ws://127.0.0.1:\(port)/topic")) }
            for socket in sockets { _ = try await socket.receive() }
            try await server.publish(Message("one"), to: "news")
            try await server.publish(Message("nobody's"), to: "olds")
            for socket in sockets { _ = try await socket.receive() }
            await server.sampleMetrics()
            await server.sampleMetrics()
            let totals = ["published", "delivered", "dropped"].map {
                total("duplex_topic_messages_total", [("outcome", $0)])
            }
            #expect(totals == [2, 2, 0])
        }
    }

    @Test func `The last figures are told at the shutdown, without being asked for`() async throws {
        let server = WebSocketServer(configuration)
        server.route("/") { socket, _ in for try await _ in socket.messages {} }
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/")
        try await socket.send("message")
        _ = try await socket.ping()
        run.cancel()
        try await within(waitingFor: "the shutdown") { try await run.value }
        #expect(try gauge("duplex_connections_open") == 0)
        #expect(total("duplex_messages_received_total", [("kind", "text")]) == 1)
        #expect(total("duplex_pings_received_total") == 1)
        // Also when all is over, and its event loops perhaps gone.
        try await within(waitingFor: "figures") { await server.sampleMetrics() }
        #expect(total("duplex_messages_received_total", [("kind", "text")]) == 1)
    }

    @Test func `They are told at intervals`() async throws {
        var configuration = configuration
        configuration.metrics.interval = .milliseconds(100)
        let told = Promised<Void>()
        configuration.metrics.factory = Listening(metrics) { label in
            if label == "duplex_connections_open" { told.fulfil(()) }
        }
        try await serving(configuration) { server in
            server.route("/") { _, _ in }
        } _: { _ in
            try await within(waitingFor: "figures") { try await told.value }
        }
    }

    @Test func `Each refusal is counted by its reason and status, and nothing of the client's`() async throws
    {
        var configuration = configuration
        configuration.connection.handshakeTimeout = .seconds(2)
        try await serving(configuration) { server in
            server.route("/plain") { _, _ in }
            server.route("/refused") { _ -> Upgrade<Int> in
                .refuse(.text(.forbidden, "no\n"))
            } handler: { _, _, _ in
            }
            server.route("/throws") { _ -> Upgrade<Int> in
                throw CancellationError()
            } handler: { _, _, _ in
            }
            server.route("/wrong") { _ -> Upgrade<Int> in
                .accept(1, UpgradeTerms(subprotocol: .named("x")))
            } handler: { _, _, _ in
            }
            server.route("/slow") { _ -> Upgrade<Int> in
                try await Task.sleep(for: .seconds(3600))
                return .accept(1)
            } handler: { _, _, _ in
            }
            server.page("/page") { _ in .text(.ok, "page") }
        } _: { port in
            func ask(_ request: String) async throws {
                try await RawConnection.with(port: port) { connection in
                    try await connection.write(request)
                    _ = try await connection.readToEnd()
                }
            }
            for path in ["/refused", "/throws", "/wrong", "/slow", "/client/chosen", "/other"] {
                try await ask(Handshake.request(path))
            }
            try await ask("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n")
            try await ask("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
            try await ask("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
            try await ask("nonsense\r\n\r\n")
            try await ask("GET / HTTP/1.1\r\nHost:")
        }
        let refused = metrics.counters(label: "duplex_handshakes_refused_total")
        let counts = refused.map { counter in
            counter.dimensions.map(\.1).joined(separator: " ") + ": \(counter.totalValue)"
        }
        #expect(
            Set(counts) == [
                "hook 403: 1", "hookFailed 500: 1", "wrongTerms 500: 1", "undecided 503: 1",
                "notServed 404: 2",
                "notAnUpgrade 426: 1", "malformedHead 400: 1", "requestTimeout 408: 1",
            ]
        )
        #expect(metrics.counters(label: "duplex_connections_total").isEmpty)
    }

    @Test func `Codes that a peer may choose share a name`() {
        #expect(ServerMetrics.group(of: .normalClosure) == "1000")
        #expect(ServerMetrics.group(of: .abnormalClosure) == "1006")
        #expect(ServerMetrics.group(of: .tlsHandshakeFailed) == "1015")
        #expect(Set((3000...3999).map { ServerMetrics.group(of: CloseCode($0)) }) == ["3xxx"])
        #expect(Set((4000...4999).map { ServerMetrics.group(of: CloseCode($0)) }) == ["4xxx"])
        #expect(
            Set([0, 999, 1016, 2999, 5000, 65_535].map { ServerMetrics.group(of: CloseCode($0)) }) == [
                "other"
            ]
        )
    }

    @Test func `The time of a ping, and what a peer does not read`() async throws {
        var started: WebSocketServer?
        let sent = Promised<Void>()
        try await serving(configuration) { server in
            started = server
            server.route("/ping") { socket, _ in
                _ = try await socket.ping()
                try await socket.send("pinged")
            }
            server.route(
                "/flood",
                callbacks: { _, _ in
                    ConnectionCallbacks(onMessage: { socket, _, _ in
                        try? socket.send(.binary, [UInt8](repeating: 1, count: 16 << 20).span.bytes)
                        sent.fulfil(())
                    })
                }
            )
        } _: { port in
            let server = try #require(started)
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/ping")
            for try await _ in socket.messages {}
            let times = try metrics.expectTimer("duplex_ping_round_trip_seconds").values
            #expect(times.count == 1)
            #expect(times.allSatisfy { $0 > 0 })

            try await RawConnection.with(port: port) { connection in
                try await connection.write(Array(Handshake.request("/flood").utf8) + Handshake.frame("go"))
                try await sent.value
                await server.sampleMetrics()
            }
            // The rest lies in the buffers of the two sockets.
            let buffered = try #require(try gauge("duplex_buffered_bytes"))
            #expect(buffered > Double(1 << 20))
            #expect(buffered <= Double(16 << 20))
            try await log.wait(for: "both ends") { $0.count { $0.hasPrefix("info closed") } == 2 }
            #expect(total("duplex_unsent_bytes_total") > 1 << 20)
        }
    }

    @Test func `A loop that is held up does not hold up whoever asks for figures`() async throws {
        var started: WebSocketServer?
        let (isHeld, mayGo) = (Promised<Void>(), Locked(false))
        var configuration = configuration
        configuration.workers = 1
        try await serving(configuration) { server in
            started = server
            server.route(
                "/hold",
                callbacks: { _, _ in
                    ConnectionCallbacks(onMessage: { _, _, _ in
                        isHeld.fulfil(())
                        while !mayGo.withLock({ $0 }) {}
                    })
                }
            )
        } _: { port in
            let server = try #require(started)
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/hold")
            try await socket.send("hold")
            try await within(waitingFor: "the loop to be held") { try await isHeld.value }
            defer { mayGo.withLock { $0 = true } }
            try await within(waitingFor: "figures") { await server.sampleMetrics() }
            #expect(try gauge("duplex_connections_open") == 1)
            #expect(try gauge("duplex_buffered_bytes") == nil)
        }
    }

    @Test func `Without a factory nothing is computed`() async throws {
        let server = WebSocketServer(.init(port: 0, logger: log.logger(.info)))
        #expect(server.observer == nil)
        await server.sampleMetrics()
        try await server.start()
        #expect(server.observer?.metrics == nil)
        #expect(server.observer?.tracer == nil)
        await server.sampleMetrics()
        let run = Task { try await server.run() }
        run.cancel()
        try await run.value
    }
}

/// A factory that says when a recorder of its own is told something.
private struct Listening: MetricsFactory {
    let base: TestMetrics
    let heard: @Sendable (String) -> Void

    init(_ base: TestMetrics, heard: @escaping @Sendable (String) -> Void) {
        (self.base, self.heard) = (base, heard)
    }

    private final class Recorder: RecorderHandler {
        let label: String
        let heard: @Sendable (String) -> Void
        init(_ label: String, _ heard: @escaping @Sendable (String) -> Void) {
            (self.label, self.heard) = (label, heard)
        }
        func record(_ value: Int64) { heard(label) }
        func record(_ value: Double) { heard(label) }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        base.makeCounter(label: label, dimensions: dimensions)
    }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        Recorder(label, heard)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        base.makeTimer(label: label, dimensions: dimensions)
    }
    func destroyCounter(_ handler: any CounterHandler) { base.destroyCounter(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) { base.destroyTimer(handler) }
}
