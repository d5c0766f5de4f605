import Foundation
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

/// Signals that come in the middle of everything. Not among those suites that run on each engine: it is the command that
/// is tested here, and `DrainLoadTests` has the rest.
@Suite("duplex serve, stopping", .timeLimit(.minutes(2)))
struct DrainCommandTests {
    @Test func `SIGTERM in the middle of 2,000 echoes ends with every client closed by 1012, and status 0`()
        async throws
    {
        let count = min(2000, DescriptorLimit.raised - 300)
        let serve = try await ServeProcess.start(["--compression", "off"])
        let fleet = try await EchoFleet.open(count) { _ in serve.url("/echo") }
        try await fleet.waitUntilWarm()
        let beginning = ContinuousClock.now
        serve.process.signal(SIGTERM)
        let (exit, _, errors) = try await serve.process.finished()
        #expect(ContinuousClock.now - beginning < .seconds(11))
        #expect(exit == .init(status: 0))
        #expect(errors == "")
        let ends = try await fleet.ends()
        let abnormal = ends.filter { !$0.end.wasClean || $0.end.code != .serviceRestart }
        #expect(
            abnormal.isEmpty,
            "\(abnormal.count) of \(count), such as \(String(describing: abnormal.first?.end))"
        )
        // Each once and in order, without a gap.
        #expect(fleet.clients.allSatisfy { $0.strays == 0 && $0.echoed >= 5 && $0.echoed <= $0.sent })
    }

    @Test func `A second signal cuts those who do not answer, and the log names them`() async throws {
        let serve = try await ServeProcess.start()
        let beginning = ContinuousClock.now
        try await RawConnection.with(port: serve.port) { connection in
            try await connection.write(
                "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            _ = try await connection.readHead()
            serve.process.signal(SIGTERM)
            #expect(try await connection.read(4) == [0x88, 26, 0x03, 0xF4])
            serve.process.signal(SIGTERM)
            _ = try await connection.readToEnd()
        }
        let (exit, _, errors) = try await serve.process.finished()
        #expect(exit == .init(status: 0))
        // Closing handshakes have five seconds.
        #expect(ContinuousClock.now - beginning < .seconds(4))
        #expect(errors.contains("drained"))
        #expect(errors.contains("cut=1"))
        #expect(errors.contains("/echo"))
        #expect(errors.contains("127.0.0.1:"))
        #expect(!errors.contains("[IPv4]"))
    }

    @Test func `A metrics port has no end of its own in the log`() async throws {
        let serve = try await ServeProcess.start(["--metrics-port", "0", "--log-level", "info"])
        _ = try await serve.process.line(beginning: "  metrics  ")
        serve.process.signal(SIGTERM)
        let (exit, _, errors) = try await serve.process.finished()
        #expect(exit == .init(status: 0))
        for word in ["draining", "drained"] {
            #expect(errors.components(separatedBy: " \(word)").count == 2, "\(errors)")
        }
    }

    @Test func `The limit of descriptors is raised as far as it goes`() async throws {
        let process = try ChildProcess(
            "/bin/sh",
            ["-c", "ulimit -S -n 64 && exec \"$0\" serve --port 0 --workers 1", Tools.duplex]
        )
        let place = try await process.line(beginning: "Duplex serves on ")
        let port = try #require(place.split(separator: ":").last.flatMap { Int($0) })
        let fleet = try await EchoFleet.open(100) { _ in "ws://127.0.0.1:\(port)/echo" }
        try await fleet.waitUntilWarm()
        process.signal(SIGTERM)
        for end in try await fleet.ends() { #expect(end.end.code == .serviceRestart) }
        let (exit, _, _) = try await process.finished()
        #expect(exit == .init(status: 0))
    }
}
