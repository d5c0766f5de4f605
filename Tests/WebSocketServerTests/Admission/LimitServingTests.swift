import HTTPTypes
import NIOCore
import Synchronization
import TestSupport
import Testing
import WebSocketTransport

@testable import WebSocketServer

/// How many may come, and how fast.
@Suite("Serving so many and no more", .timeLimit(.minutes(2)))
struct LimitServingTests {
    private func served<Value>(
        _ admission: WebSocketServer.Admission,
        handshakeTimeout: Duration = .seconds(60),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (WebSocketServer, Int) async throws -> Value
    ) async throws -> Value {
        var configuration = WebSocketServer.Configuration(port: 0, admission: admission)
        configuration.connection.handshakeTimeout = handshakeTimeout
        let server = Locked<WebSocketServer?>(nil)
        return try await serving(configuration) { made in
            made.route("/echo") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
            made.route("/refused") { _ -> Upgrade<Void> in
                .refuse(.text(.unauthorized, "no\n"))
            } handler: { _, _, _ in
            }
            made.page("/page") { _ in .text(.ok, "a page\n") }
            server.withLock { $0 = made }
        } _: { port in
            try await body(try #require(server.withLock { $0 }), port)
        }
    }

    private static func proxied(_ client: String) -> [UInt8] {
        Array("PROXY TCP4 \(client) 10.0.0.1 1 2\r\n".utf8)
    }
    private static func proxied6(_ client: String) -> [UInt8] {
        Array("PROXY TCP6 \(client) ::1 1 2\r\n".utf8)
    }

    /// Holds a connection on which this was sent, and of which the answer's head has come, if one was awaited.
    private func hold(
        _ port: Int,
        _ bytes: [UInt8],
        awaitsAnswer: Bool = true
    ) async throws -> (status: Int?, release: () -> Void) {
        let status = Promised<Int?>()
        let released = Promised<Void>()
        let task = Task {
            try await RawConnection.with(port: port) { connection in
                try await connection.write(bytes)
                status.fulfil(
                    awaitsAnswer ? Int(try await connection.readHead().dropFirst(9).prefix(3)) : nil
                )
                try await released.value
            }
        }
        let number = try await within(waitingFor: "an answer") { try await status.value }
        return (number, { _ = (released.fulfil(()), task) })
    }

    private func upgrade(_ path: String = "/echo") -> [UInt8] { Array(Handshake.request(path).utf8) }

    @Test func `One WebSocket too many is refused with 503, and pages are still served`() async throws {
        try await served(.init(maxConnections: 2)) { server, port in
            let first = try await hold(port, upgrade())
            let second = try await hold(port, upgrade())
            #expect(first.status == 101 && second.status == 101)
            let answer = try await HTTPGet.answer(port: port, String(decoding: upgrade(), as: UTF8.self))
            #expect(answer.status == 503)
            #expect(answer.head.contains("connection: close"))
            let field = try #require(
                answer.head.split(separator: "\r\n").first { $0.hasPrefix("retry-after: ") }
            )
            #expect((5...15).contains(try #require(Int(field.dropFirst(13)))))
            expectEqual(try await HTTPGet.get(port: port, "/page").status, 200)
            #expect(server.refusals == [.connections: 1])
            first.release()
            second.release()
            await server.registry.waitUntilEmpty()
            let third = try await hold(port, upgrade())
            #expect(third.status == 101)
            third.release()
        }
    }

    @Test func `Far too many are closed as they come`() async throws {
        try await served(.init(maxConnections: 1, maxSockets: 3)) { server, port in
            var held: [() -> Void] = []
            for _ in 0..<3 {
                // A page's head would end it: half a request does not.
                held.append(try await hold(port, Array("GET /page HT".utf8), awaitsAnswer: false).release)
            }
            try await within { while server.registry.total < 3 { await Task.yield() } }
            let answer = try await RawConnection.with(port: port) { connection in
                (try? await connection.readToEnd()) ?? []
            }
            #expect(answer.isEmpty)
            #expect(server.refusals == [.sockets: 1])
            for release in held { release() }
            await server.registry.waitUntilEmpty()
            expectEqual(try await HTTPGet.get(port: port, "/page").status, 200)
        }
    }

    @Test func `An address has so many, half-open ones included, and others are not touched by it`()
        async throws
    {
        let admission = WebSocketServer.Admission(
            proxyProtocol: .required(from: [.loopback]),
            maxConnectionsPerAddress: 2
        )
        try await served(admission) { server, port in
            let (one, other) = (Self.proxied("198.51.100.1"), Self.proxied("198.51.100.2"))
            var held = [try await hold(port, one + upgrade())]
            held.append(try await hold(port, one + Array("GET /".utf8), awaitsAnswer: false))
            let table = try #require(server.admission.withLock { $0?.addresses })
            try await within {
                while table.totals.connections < 2 { await Task.yield() }
            }
            let answer = try await HTTPGet.answer(
                port: port,
                String(decoding: one + upgrade(), as: UTF8.self)
            )
            #expect(answer.status == 429)
            #expect(answer.head.contains("retry-after: "))
            held.append(try await hold(port, other + upgrade()))
            #expect(held.map(\.status) == [101, nil, 101])
            // Networks of 64 bits of IPv6.
            for client in ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"] {
                held.append(try await hold(port, Self.proxied6(client) + upgrade()))
                #expect(held.last?.status == 101)
            }
            held.append(try await hold(port, Self.proxied6("2001:db8::3") + upgrade()))
            #expect(held.last?.status == 429)
            for one in held { one.release() }
            await server.registry.waitUntilEmpty()
            #expect(table.totals == AddressTable.Totals(0, 0))
            #expect(server.refusals == [.connectionsOfAddress: 2])
        }
    }

    @Test func `An address that goes on is closed as it comes`() async throws {
        try await served(.init(maxConnectionsPerAddress: 1)) { server, port in
            let table = try #require(server.admission.withLock { $0?.addresses })
            var held: [() -> Void] = []
            for _ in 0..<17 {
                held.append(try await hold(port, Array("GET /".utf8), awaitsAnswer: false).release)
            }
            try await within { while table.totals.connections < 17 { await Task.yield() } }
            let answer = try await RawConnection.with(port: port) { connection in
                (try? await connection.readToEnd()) ?? []
            }
            #expect(answer.isEmpty)
            #expect(server.refusals == [.socketsOfAddress: 1])
            for release in held { release() }
            await server.registry.waitUntilEmpty()
            #expect(table.totals == AddressTable.Totals(0, 0))
        }
    }

    @Test func `Clients of a trusted proxy are counted by the address that it names`() async throws {
        let admission = WebSocketServer.Admission(trustedProxies: [.loopback], maxConnectionsPerAddress: 1)
        try await served(admission) { server, port in
            func request(_ client: String) -> [UInt8] {
                Array(Handshake.request("/echo", fields: "X-Forwarded-For: \(client)\r\n").utf8)
            }
            let held = [
                try await hold(port, request("192.0.2.1")), try await hold(port, request("192.0.2.2")),
                try await hold(port, request("192.0.2.1")), try await hold(port, upgrade()),
                try await hold(port, upgrade()),
            ]
            // The proxy itself is many people.
            #expect(held.map(\.status) == [101, 101, 429, 101, 101])
            for one in held { one.release() }
            await server.registry.waitUntilEmpty()
            #expect(server.admission.withLock { $0?.addresses?.totals.connections } == 0)
        }
    }

    @Test func `So many handshakes at once, of all and of one address`() async throws {
        // Slow enough that nothing is earned while the test runs.
        let rate = HandshakeRate(perSecond: 0.001, burst: 2)
        let each = WebSocketServer.Admission(
            proxyProtocol: .required(from: [.loopback]),
            handshakeRatePerAddress: rate
        )
        try await served(each) { server, port in
            let (one, other) = (Self.proxied("198.51.100.1"), Self.proxied("198.51.100.2"))
            var statuses: [Int] = []
            for client in [one, one, one, other, one] {
                let answer = try await HTTPGet.answer(
                    port: port,
                    String(decoding: client + upgrade("/refused"), as: UTF8.self)
                )
                statuses.append(answer.status)
                if answer.status == 429 {
                    // A thousand seconds, less what the test has taken.
                    let field = try #require(
                        answer.head.split(separator: "\r\n").first { $0.hasPrefix("retry-after: ") }
                    )
                    #expect((900...1000).contains(try #require(Int(field.dropFirst(13)))))
                }
            }
            #expect(statuses == [401, 401, 429, 401, 429])
            #expect(server.refusals == [.rateOfAddress: 2])
        }
        try await served(.init(handshakeRate: rate)) { server, port in
            var statuses: [Int] = []
            for _ in 0..<3 {
                let request = String(decoding: upgrade("/refused"), as: UTF8.self)
                statuses.append(try await HTTPGet.answer(port: port, request).status)
            }
            #expect(statuses == [401, 401, 503])
            expectEqual(try await HTTPGet.get(port: port, "/page").status, 200)
        }
    }

    @Test func `Whoever opens connections and says next to nothing keeps nobody else out`() async throws {
        let admission = WebSocketServer.Admission(
            proxyProtocol: .required(from: [.loopback]),
            maxConnectionsPerAddress: 50
        )
        try await served(admission, handshakeTimeout: .seconds(3)) { server, port in
            let silent = Self.proxied("198.51.100.1") + Array("GET /echo HTTP/1.1\r\nX: ".utf8)
            let answers = Locked<[Int?]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<300 {
                    group.addTask {
                        let text = try await RawConnection.with(port: port) { connection in
                            try? await connection.write(silent)
                            return String(decoding: (try? await connection.readToEnd()) ?? [], as: UTF8.self)
                        }
                        answers.withLock { $0.append(Int(text.dropFirst(9).prefix(3))) }
                    }
                }
                for number in 0..<20 {
                    let client = Self.proxied("203.0.113.\(number)")
                    let held = try await within(.seconds(3), waitingFor: "a normal client's turn") { [self] in
                        let held = try await hold(port, client + upgrade())
                        held.release()
                        return held.status
                    }
                    #expect(held == 101)
                }
                try await group.waitForAll()
            }
            // All gone at the deadline: as many as an address may keep half open with an answer, the others before.
            let all = answers.withLock { $0 }
            #expect(all.count == 300)
            #expect(all.count { $0 == 408 } <= 100)
            #expect(all.allSatisfy { $0 == nil || $0 == 408 })
            #expect((server.refusals[.socketsOfAddress] ?? 0) >= 200)
            await server.registry.waitUntilEmpty()
            #expect(server.admission.withLock { $0?.addresses?.totals.connections } == 0)
        }
    }

    @Test func `However connections end, nothing stays counted`() async throws {
        let admission = WebSocketServer.Admission(
            origins: .allow(["https://app.example"]),
            maxConnections: 40,
            maxSockets: 60,
            maxConnectionsPerAddress: 30,
            handshakeRatePerAddress: .init(perSecond: 100_000, burst: 100_000)
        )
        try await served(admission, handshakeTimeout: .seconds(5)) { server, port in
            let open = upgrade()
            let ways: [[UInt8]] = [
                [], Array(open.prefix(20)), open, open + [0x81], open + Handshake.frame("hello"),
                open + Handshake.close(1000), open + [0xFF, 0xFF], upgrade("/refused"), upgrade("/nothing"),
                Array("GET /page HTTP/1.1\r\nHost: h\r\n\r\n".utf8), Array("nonsense\r\n\r\n".utf8),
                Array(Handshake.request("/echo", fields: "Origin: https://evil.example\r\n").utf8),
                Array(Handshake.request("/echo").replacing("Version: 13", with: "Version: 8").utf8),
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<600 {
                    let bytes = ways[number % ways.count]
                    group.addTask {
                        switch number % 3 {
                        case 0: try? await RawConnection.reset(port: port, behind: bytes)
                        case 1:
                            try? await RawConnection.with(port: port) { connection in
                                try await connection.write(bytes)
                                connection.endOutput()
                                _ = try await connection.readToEnd()
                            }
                        default:
                            try? await RawConnection.with(port: port) { try await $0.write(bytes) }
                        }
                    }
                    if number % 40 == 39 { try await group.waitForAll() }
                }
                try await group.waitForAll()
            }
            try await within(waitingFor: "every connection's end") { await server.registry.waitUntilEmpty() }
            #expect(server.registry.total == 0)
            #expect(server.connectionCount == 0)
            #expect(server.admission.withLock { $0?.addresses?.totals.connections } == 0)
            let held = try await hold(port, open)
            #expect(held.status == 101)
            held.release()
        }
    }
}
