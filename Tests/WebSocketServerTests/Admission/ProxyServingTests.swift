import HTTPTypes
import Logging
import MetricsTestKit
import NIOCore
import TestSupport
import Testing
import WebSocketTransport

@testable import WebSocketServer

/// Servers behind proxies that say whose requests and connections they pass on.
@Suite("Serving behind proxies", .timeLimit(.minutes(1)))
struct ProxyServingTests {
    /// Tells a client who it is taken for.
    private func routes(_ server: WebSocketServer) {
        server.routeWho()
        server.page("/page") { _ in .text(.ok, "a page\n") }
    }

    private func configuration(
        engine: WebSocketServer.Engine? = nil,
        _ admission: WebSocketServer.Admission
    ) -> WebSocketServer.Configuration {
        .init(port: 0, engine: engine, admission: admission)
    }

    /// What those who watch a server are told.
    private struct Watch {
        let metrics = TestMetrics()
        let log = LogCollector()

        func watching(_ configuration: WebSocketServer.Configuration) -> WebSocketServer.Configuration {
            var configuration = configuration
            configuration.metrics = MetricsOptions(factory: metrics, interval: .seconds(3600))
            configuration.logger = log.logger(.info)
            return configuration
        }

        /// As "reason status: count".
        var refused: [String] {
            metrics.counters(label: "duplex_handshakes_refused_total").map { counter in
                counter.dimensions.map(\.1).joined(separator: " ") + ": \(counter.totalValue)"
            }.sorted()
        }

        func lines(_ reason: String) -> Int {
            log.lines.count {
                $0.hasPrefix("info refused peer=127.0.0.1:") && $0.hasSuffix(" rule=\(reason)")
            }
        }
    }

    private static func readWho(_ connection: inout RawConnection) async throws -> String {
        guard try await connection.readHead().hasPrefix("HTTP/1.1 101 ") else { return "refused" }
        let header = try await connection.read(2)
        return String(decoding: try await connection.read(Int(header[1])), as: UTF8.self)
    }

    private func who(_ port: Int, preface: [UInt8] = [], fields: String = "") async throws -> String {
        try await RawConnection.with(port: port) { connection in
            try await connection.write(preface + Handshake.request("/who", fields: fields).utf8)
            return try await Self.readWho(&connection)
        }
    }

    // MARK: Forwarded

    @Test func `A trusted proxy's fields name the client, a stranger's are nothing`() async throws {
        let fields = "X-Forwarded-For: 6.6.6.6, 192.0.2.60\r\nX-Forwarded-Proto: https\r\n"
        try await serving(configuration(.init(trustedProxies: [.loopback])), routes) { port in
            expectEqual(try await who(port, fields: fields), "192.0.2.60 0 https")
            expectEqual(
                try await who(port, fields: "Forwarded: for=\"[2001:db8::1]:5\"\r\n"),
                "2001:db8::1 5 http"
            )
            expectEqual(try await who(port).hasPrefix("127.0.0.1 "), true)
            // What a client has invented cannot be passed on by a proxy that writes the other field.
            expectEqual(
                try await who(port, fields: "Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 192.0.2.60\r\n"),
                "refused"
            )
        }
        try await serving(configuration(.init()), routes) { port in
            let own = try await who(port, fields: fields)
            #expect(own.hasPrefix("127.0.0.1 ") && own.hasSuffix(" http"))
        }
    }

    @Test func `The host that a trusted proxy was asked for is the one that pages are compared with`()
        async throws
    {
        let fields =
            "Origin: https://example.org\r\nX-Forwarded-For: 192.0.2.60\r\nX-Forwarded-Proto: https\r\n"
        try await serving(configuration(.init(trustedProxies: [.loopback])), routes) { port in
            expectEqual(try await who(port, fields: fields), "refused")
            let all = fields + "X-Forwarded-Host: example.org\r\n"
            expectEqual(try await who(port, fields: all), "192.0.2.60 0 https")
            expectEqual(try await who(port, fields: all.replacing("https://", with: "http://")), "refused")
        }
    }

    // MARK: PROXY

    private static let line = Array("PROXY TCP4 192.0.2.60 10.0.0.1 4711 443\r\n".utf8)
    private static let binary = ProxyHeaderParserTests.binary(
        0x21,
        0x11,
        [192, 0, 2, 60, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xBB, 0x04, 0, 1, 0]
    )
    private static let local = ProxyHeaderParserTests.binary(0x20, 0, [])

    private var engines: [WebSocketServer.Engine] { WebSocketServer.Engine.allCases.filter(\.isAvailable) }

    @Test func `Both versions name the client, on every engine, however they are cut`() async throws {
        for engine in engines {
            let configuration = configuration(
                engine: engine,
                .init(proxyProtocol: .required(from: [.loopback]))
            )
            try await serving(configuration, routes) { port in
                for preface in [Self.line, Self.binary] {
                    expectEqual(try await who(port, preface: preface), "192.0.2.60 4711 http")
                    let slowly = try await RawConnection.with(port: port) { connection in
                        for byte in preface + Handshake.request("/who").utf8 {
                            try await connection.write([byte])
                        }
                        return try await Self.readWho(&connection)
                    }
                    #expect(slowly == "192.0.2.60 4711 http")
                }
                expectEqual(try await who(port, preface: Self.local).hasPrefix("127.0.0.1 "), true)
                expectEqual(
                    try await who(port, preface: Array("PROXY UNKNOWN\r\n".utf8)).hasPrefix("127.0.0.1 "),
                    true
                )
            }
        }
    }

    @Test func `What has no header, or a wrong one, is closed without a word, and counted`() async throws {
        for engine in engines {
            let admission = WebSocketServer.Admission(proxyProtocol: .required(from: [.loopback]))
            let served = Locked<WebSocketServer?>(nil)
            let watch = Watch()
            try await serving(watch.watching(configuration(engine: engine, admission))) { server in
                routes(server)
                served.withLock { $0 = server }
            } _: { port in
                let wrong = [
                    Array("GET /page HTTP/1.1\r\nHost: h\r\n\r\n".utf8), Array("PROXY TCP4 a b c d\r\n".utf8),
                    Array("PROXY ".utf8) + [UInt8](repeating: 0x20, count: 200),
                    ProxyHeaderParserTests.binary(0x21, 0x11, [], length: 5000),
                    // A second header is none of ours.
                    Self.line + Self.line + Array("\r\n".utf8),
                ]
                for bytes in wrong {
                    let answer = try await RawConnection.with(port: port) { connection in
                        try? await connection.write(bytes)
                        return await connection.readToEndOrReset()
                    }
                    if bytes.starts(with: Self.line) {
                        #expect(answer.starts(with: "HTTP/1.1 400 ".utf8))
                    } else {
                        #expect(answer.isEmpty)
                    }
                }
                let refusals = served.withLock { $0?.refusals }
                #expect(refusals == [.proxyHeader: wrong.count - 1])
                #expect(watch.refused == ["malformedHead 400: 1", "proxyHeader none: \(wrong.count - 1)"])
                #expect(watch.lines("proxyHeader") == wrong.count - 1)
            }
        }
    }

    @Test func `From elsewhere than its proxies the server takes nothing`() async throws {
        for engine in engines {
            let admission = WebSocketServer.Admission(
                proxyProtocol: .required(from: [try AddressRange("192.0.2.0/24")])
            )
            let served = Locked<WebSocketServer?>(nil)
            let watch = Watch()
            try await serving(watch.watching(configuration(engine: engine, admission))) { server in
                routes(server)
                served.withLock { $0 = server }
            } _: { port in
                let answer = try await RawConnection.with(port: port) { connection in
                    try? await connection.write(Self.line + Handshake.request("/who").utf8)
                    // It may be reset, since it had sent something.
                    return await connection.readToEndOrReset()
                }
                #expect(answer.isEmpty)
                #expect(served.withLock { $0?.refusals } == [.notAProxy: 1])
                #expect(watch.refused == ["notAProxy none: 1"])
                #expect(watch.lines("notAProxy") == 1)
            }
        }
    }

    @Test func `A header has the handshake's deadline`() async throws {
        for engine in engines {
            var configuration = configuration(
                engine: engine,
                .init(proxyProtocol: .required(from: [.loopback]))
            )
            configuration.connection.handshakeTimeout = .milliseconds(200)
            try await serving(configuration, routes) { port in
                let answer = try await RawConnection.with(port: port) { connection in
                    try await connection.write(Array(Self.line.dropLast()))
                    // It may be reset, since it had sent something.
                    return await connection.readToEndOrReset()
                }
                #expect(answer.isEmpty)
            }
        }
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl is not installed"))
    func `What comes without a header where TLS is served is counted, too`() async throws {
        let certificate = try await Certificate.make()
        var configuration = configuration(.init(proxyProtocol: .required(from: [.loopback])))
        configuration.tls = certificate.serverConfiguration
        let watch = Watch()
        try await serving(watch.watching(configuration), routes) { port in
            let answer = try await RawConnection.with(port: port) { connection in
                try await connection.write([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3])
                return await connection.readToEndOrReset()
            }
            #expect(answer.isEmpty)
            #expect(watch.refused == ["proxyHeader none: 1"])
            #expect(watch.lines("proxyHeader") == 1)
        }
    }
}
