import HTTPTypes
import Logging
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// What a server writes about its connections, and what never.
@Suite("Observing: the log", .timeLimit(.minutes(2)))
struct ObservingLogTests {
    @Test(arguments: [true, false])
    func `One line when a connection opens, one when it ends`(byCallbacks: Bool) async throws {
        let log = LogCollector()
        try await serving(.init(port: 0, logger: log.logger(.info))) { server in
            if byCallbacks {
                server.route(
                    "/chat/:room",
                    subprotocols: ["v2", "v1"],
                    callbacks: { _, _ in
                        ConnectionCallbacks(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes)
                        })
                    }
                )
            } else {
                server.route("/chat/:room", subprotocols: ["v2", "v1"]) { socket, _ in
                    for try await message in socket.messages { try await socket.send(message) }
                }
            }
        } _: { port in
            let socket = try await WebSocketConnection.connect(
                to: "ws://127.0.0.1:\(port)/chat/tea%20time?token=1",
                options: .init(subprotocols: ["v1"])
            )
            try await socket.send("hello")
            try await socket.close(code: CloseCode(4001), reason: "bye\nnow")
            let closed = try await log.line(containing: "info closed")
            let opened = try await log.line(containing: "opened")
            #expect(opened.hasPrefix("info opened connection="))
            #expect(
                opened.contains(
                    " extensions=permessage-deflate; server_no_context_takeover; client_no_context_takeover"
                )
            )
            #expect(opened.contains(" http=1.1 path=/chat/tea%20time peer=127.0.0.1:"))
            #expect(opened.contains(" route=/chat/:room secure=false subprotocol=v1"))
            #expect(closed.hasPrefix("info closed cause=closedByPeer code=4001 connection="))
            #expect(closed.contains(#" reason="bye\u{A}now" unsentBytes=0 wasClean=true"#))
            let id = try #require(opened.split(separator: " ").first { $0.hasPrefix("connection=") })
            #expect(closed.contains(" \(id) "))
            let duration = try #require(closed.split(separator: " ").first { $0.hasPrefix("durationMs=") })
            let milliseconds = try #require(Int(duration.dropFirst("durationMs=".count)))
            #expect(milliseconds < 120_000)
            #expect(log.lines.count == 2)
        }
    }

    @Test func `An end that is somebody's mistake is explained`() async throws {
        let log = LogCollector()
        try await serving(.init(port: 0, logger: log.logger(.info))) { server in
            server.route("/") { socket, _ in for try await _ in socket.messages {} }
        } _: { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Array(Handshake.request("/").utf8) + [0x83, 0x80, 1, 2, 3, 4])
                _ = try await connection.readToEnd()
            }
            let closed = try await log.line(containing: "info closed")
            #expect(closed.contains("cause=protocolError"))
            #expect(closed.contains("detail=\"the peer broke the protocol: "))
            #expect(closed.contains("wasClean=false"))
        }
    }

    /// The client's secret is wherever clients put such things.
    @Test func `A secret never comes into the log, at any level`() async throws {
        let secret = "s3cr3tT0ken"
        let log = LogCollector()
        let fields = """
            Authorization: Bearer \(secret)\r\nCookie: sid=\(secret)\r\nX-Api-Key: \(secret)\r
            Sec-WebSocket-Protocol: v1, bearer.\(secret)\r\n
            """
        try await serving(.init(port: 0, logger: log.logger(.trace))) { server in
            server.route("/plain", subprotocols: ["v1"]) { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
            server.route("/echoed") { request in
                // Browsers fail a connection unless one of the subprotocols is agreed on, so some servers do this.
                .accept(1, UpgradeTerms(subprotocol: .named(request.offeredSubprotocols.last ?? "")))
            } handler: { socket, _, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
            server.route("/refused") { _ -> Upgrade<Int> in
                .refuse(.text(.forbidden, "no\n"))
            } handler: { _, _, _ in
            }
            server.route("/wrong") { _ -> Upgrade<Int> in
                .accept(1, UpgradeTerms(subprotocol: .named("never offered")))
            } handler: { _, _, _ in
            }
        } _: { port in
            func talk(_ path: String, _ frames: [UInt8]) async throws {
                let request = Handshake.request("\(path)?access_token=\(secret)", fields: fields)
                try await RawConnection.with(port: port) { connection in
                    try await connection.write(Array(request.utf8) + frames)
                    _ = try await connection.readToEnd()
                }
            }
            let message = Handshake.frame(secret)
            try await talk("/plain", message + Handshake.close(1000))
            // Text that is not UTF-8.
            try await talk("/plain", Frame(.text, Array(secret.utf8) + [0xFF]).bytes(from: .client))
            try await talk("/echoed", message + Handshake.close(1000))
            try await talk("/refused", [])
            try await talk("/wrong", [])
            try await talk("/nowhere", [])
            for request in [
                "GET /plain?\(secret) HTTP/1.1\r\nHost: \(secret)\r\nAuthorization : \(secret)\r\n\r\n",
                "GET /plain?\(secret) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(secret)\r\n\r\n",
                "\(secret)\r\n\r\n",
            ] {
                try await RawConnection.with(port: port) { connection in
                    try await connection.write(request)
                    _ = try await connection.readToEnd()
                }
            }
            try await log.wait(for: "all lines") { lines in
                lines.count { $0.hasPrefix("info closed") } == 3
                    && lines.count { $0.hasPrefix("info refused") } == 6
            }
        }
        #expect(log.lines(of: "opened").count == 3)
        #expect(log.lines(of: "opened")[2].contains("subprotocol=(not one of the route's)"))
        #expect(log.lines.filter { $0.lowercased().contains(secret.lowercased()) } == [])
    }

    @Test func `A refusal is told by the name of its rule, the status and the path, cut short`() async throws
    {
        let log = LogCollector()
        try await serving(.init(port: 0, logger: log.logger(.info))) { server in
            server.route("/") { _, _ in }
        } _: { port in
            let path = "/" + String(repeating: "long/", count: 100)
            for request in [Handshake.request(path), Handshake.request("/").replacing("13", with: "12")] {
                try await RawConnection.with(port: port) { connection in
                    try await connection.write(request)
                    _ = try await connection.readToEnd()
                }
            }
            try await log.wait(for: "two lines") { $0.count == 2 }
            let path256 = path.prefix(256)
            #expect(log.lines[0].hasPrefix("info refused path=\(path256)… peer=127.0.0.1:"))
            #expect(log.lines[0].hasSuffix(" rule=notServed status=404"))
            #expect(log.lines[1].hasPrefix("info refused path=/ peer=127.0.0.1:"))
            #expect(log.lines[1].hasSuffix(" rule=unsupportedVersion status=426"))
        }
    }

    @Test func `A flood of refusals is told by a few lines a second and the number of the others`()
        async throws
    {
        let log = LogCollector()
        let clock = ContinuousClock()
        let began = clock.now
        try await serving(.init(port: 0, logger: log.logger(.info))) { server in
            server.route("/") { _, _ in }
        } _: { port in
            let many = 3 * ConnectionLog.mostRefusals
            try await withThrowingTaskGroup { group in
                for _ in 0..<many {
                    group.addTask {
                        try await RawConnection.with(port: port) { connection in
                            try await connection.write("nonsense\r\n\r\n")
                            _ = try await connection.readToEnd()
                        }
                    }
                }
                try await group.waitForAll()
            }
            let lines = try await log.wait(for: "all refusals") { lines in
                lines.reduce(0) { sum, line in
                    sum
                        + (line.contains("refused more")
                            ? Int(line.split(separator: "=").last ?? "") ?? 0 : 1)
                } == many
            }
            // In each second that has begun.
            let seconds = Int((clock.now - began).components.seconds) + 1
            let told = lines.count { !$0.contains("refused more") }
            #expect(told <= ConnectionLog.mostRefusals * (seconds + 1))
        }
    }

    @Test func `The throttle admits its number in each second, and tells once how many it left out`() {
        let throttle = LogThrottle(limit: 2)
        let begin = NIODeadline.uptimeNanoseconds(1_000_000_000)
        #expect(throttle.judge(at: begin) == .log)
        #expect(throttle.judge(at: begin + .milliseconds(10)) == .log)
        #expect(throttle.judge(at: begin + .milliseconds(20)) == .leaveOut(isFirst: true))
        #expect(throttle.judge(at: begin + .milliseconds(999)) == .leaveOut(isFirst: false))
        #expect(throttle.judge(at: begin + .seconds(1)) == .log)
        #expect(throttle.takeLeftOut() == 2)
        #expect(throttle.takeLeftOut() == 0)
        #expect(throttle.judge(at: begin + .seconds(1)) == .log)
        #expect(throttle.judge(at: begin + .seconds(1)) == .leaveOut(isFirst: true))
    }

    @Test func `What is no visible character of a path is escaped`() {
        let target = Array("/a b\u{1B}[31m\n/ü?token=1".utf8)[...]
        #expect(ConnectionLog.path(of: target) == "/a%20b%1B[31m%0A/%C3%BC")
        #expect(ConnectionLog.path(of: Array("/a#b".utf8)[...]) == "/a")
    }
}
