import HTTPTypes
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

/// Pages and their origins, on real sockets.
@Suite("Serving pages of some origins", .timeLimit(.minutes(1)))
struct OriginServingTests {
    private let asked = Locked(0)

    private func routes(_ server: WebSocketServer) {
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        server.route("/asked") { [asked] _ -> Upgrade<Void> in
            asked.withLock { $0 += 1 }
            return .accept(())
        } handler: { _, _, _ in
        }
        server.page("/page") { _ in .text(.ok, "a page\n") }
    }

    private func request(_ path: String = "/echo", host: String, origin: String...) -> String {
        Handshake.request(path, fields: origin.map { "Origin: \($0)\r\n" }.joined())
            .replacing("Host: example.test", with: "Host: \(host)")
    }

    private func status(_ port: Int, _ request: String) async throws -> Int? {
        try await RawConnection.with(port: port) { connection in
            try await connection.write(request)
            return Int(try await connection.readHead().dropFirst(9).prefix(3))
        }
    }

    @Test func `A stranger's page gets 403 with a reason, and nothing it sends behind is answered`()
        async throws
    {
        try await serving(.init(port: 0), routes) { port in
            let host = "127.0.0.1:\(port)"
            let origins = [
                "https://evil.example", "http://127.0.0.1.evil.example:\(port)",
                "http://127.0.0.1:\(port).evil.example",
                "http://evil127.0.0.1:\(port)", "http://127.0.0.1", "http://127.0.0.1:\(port - 1)",
                "http://127.0.0.1:80",
                "http://127.0.0.2:\(port)", "http://localhost:\(port)",
                "http://localhost.evil.example:\(port)",
                "http://user@127.0.0.1:\(port)", "http://127.0.0.1:\(port)@evil.example",
                "http://127.0.0.1:\(port)/",
                "http://127.0.0.1:\(port)/.evil.example", "http://127.0.0.1:\(port)#",
                "http://127.0.0.1:\(port)?x",
                "http://127.0.0.1.:\(port)", "http://[::1]:\(port)", "http://[::ffff:127.0.0.2]:\(port)",
                "http://0177.0.0.1:\(port)", "http://2130706433:\(port)", "http://127.1:\(port)", "null",
                "NULL",
                "file://", "about:blank", "ftp://127.0.0.1:\(port)", "127.0.0.1:\(port)",
                "//127.0.0.1:\(port)",
                "http://127.0.0.1:\(port), http://evil.example",
                "http://evil.example http://127.0.0.1:\(port)",
                "http://127.0.0.1:\(port) http://127.0.0.1:\(port)", "http://b\u{FC}cher.example",
                "http://127.0.0.1:\(port)0", "http:/127.0.0.1:\(port)", "http://:\(port)", "*", "",
            ]
            for origin in origins {
                for path in ["/echo", "/asked"] {
                    let behind = "GET /page HTTP/1.1\r\nHost: \(host)\r\n\r\n"
                    let answer = try await HTTPGet.answer(
                        port: port,
                        request(path, host: host, origin: origin) + behind
                    )
                    #expect(answer.status == 403, "\(origin)")
                    #expect(answer.head.contains("\r\nconnection: close"))
                    #expect(answer.body.lowercased().contains("origin") || answer.body.hasPrefix("pages of "))
                    #expect(!answer.body.contains("a page"))
                }
            }
            // Not one of them came as far as the hook.
            #expect(asked.withLock { $0 } == 0)
        }
    }

    @Test func `A page of the server's own, and whoever is no browser`() async throws {
        try await serving(.init(port: 0), routes) { port in
            for host in ["127.0.0.1:\(port)", "LOCALHOST:\(port)", "app.localhost:\(port)", "[::1]:\(port)"] {
                expectEqual(try await status(port, request(host: host, origin: "http://\(host)")), 101)
            }
            expectEqual(try await status(port, request("/asked", host: "h")), 101)
            #expect(asked.withLock { $0 } == 1)
        }
    }

    @Test func `Two Origins are refused, though each alone would be right`() async throws {
        try await serving(.init(port: 0), routes) { port in
            let origin = "http://127.0.0.1:\(port)"
            expectEqual(
                try await status(port, request(host: "127.0.0.1:\(port)", origin: origin, origin)),
                403
            )
        }
    }

    @Test func `Only requests for WebSockets are looked at`() async throws {
        try await serving(.init(port: 0), routes) { port in
            let answer = try await HTTPGet.answer(
                port: port,
                "GET /page HTTP/1.1\r\nHost: h\r\nOrigin: https://evil.example\r\n\r\n"
            )
            #expect(answer.status == 200)
        }
    }

    @Test func `On loopback a rebound name is refused, and known behind a proxy of the machine`() async throws
    {
        try await serving(.init(port: 0), routes) { port in
            let rebound = request(host: "evil.example:\(port)", origin: "http://evil.example:\(port)")
            let answer = try await HTTPGet.answer(port: port, rebound)
            #expect(answer.status == 403)
            #expect(answer.body.contains("evil.example"))
            let proxied = request(host: "example.org", origin: "https://example.org")
            expectEqual(try await status(port, proxied), 403)
            for field in [
                "X-Forwarded-For: 192.0.2.1", "Via: 1.1 proxy", "Forwarded: for=192.0.2.1",
                "X-Real-IP: 192.0.2.1",
            ] {
                let request = proxied.replacing("Upgrade: websocket", with: "\(field)\r\nUpgrade: websocket")
                expectEqual(try await status(port, request), 101)
            }
        }
        let named = WebSocketServer.Configuration(port: 0, admission: .init(allowedHosts: ["example.org"]))
        try await serving(named, routes) { port in
            expectEqual(
                try await status(port, request(host: "example.org", origin: "https://example.org")),
                101
            )
        }
    }

    @Test func `A list of origins, and one that is required`() async throws {
        let admission = WebSocketServer.Admission(
            origins: .allow(["https://app.example"]),
            requiresOrigin: true
        )
        try await serving(.init(port: 0, admission: admission), routes) { port in
            expectEqual(try await status(port, request(host: "h", origin: "https://app.example")), 101)
            expectEqual(try await status(port, request(host: "h", origin: "http://h")), 403)
            expectEqual(try await status(port, request(host: "h")), 403)
        }
    }

    // MARK: HTTP/2

    @Test func `Over HTTP/2 a stranger's page loses its stream, and the connection's sockets go on`()
        async throws
    {
        try await serving(.cleartextHTTP2(), routes) { [asked] port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                let authority = "127.0.0.1:\(port)"
                let own = [("sec-websocket-version", "13"), ("origin", "http://\(authority)")]
                try await peer.send(try peer.connect(stream: 1, authority: authority, fields: own))
                #expect(try await peer.answer(on: 1)[":status"] == "200")
                let strangers: [(authority: String, origins: [String])] = [
                    (authority, ["https://evil.example"]), (authority, ["null"]), (authority, [""]),
                    (authority, ["http://127.0.0.1"]), (authority, ["https://127.0.0.1"]),
                    (authority, ["http://\(authority)/"]),
                    // Two, though each alone would be right.
                    (authority, ["http://\(authority)", "http://\(authority)"]),
                    // Rebound.
                    ("evil.example:\(port)", ["http://evil.example:\(port)"]),
                ]
                var stream: UInt32 = 3
                for (asked, origins) in strangers {
                    for path in ["/echo", "/asked"] {
                        let fields =
                            [("sec-websocket-version", "13")] + origins.map { ("origin", $0) }
                        try await peer.send(
                            try peer.connect(path, stream: stream, authority: asked, fields: fields)
                        )
                        let refusal = try await peer.wholeAnswer(on: stream)
                        #expect(refusal.fields[":status"] == "403", "\(origins)")
                        #expect(refusal.fields["content-length"] == "\(refusal.body.count)")
                        #expect(refusal.fields["connection"] == nil)
                        #expect(!refusal.body.isEmpty)
                        // RFC 9113 §8.1: what the client may still send is not wanted, and that is no error.
                        #expect(try await peer.next() == HTTP2Peer.reset(stream, code: 0))
                        try await peer.echo("still here", stream: 1)
                        stream += 2
                    }
                }
                #expect(asked.withLock { $0 } == 0)
                // Who is no browser.
                try await peer.open("/asked", stream: stream)
                #expect(asked.withLock { $0 } == 1)
            }
        }
    }

    @Test func `Over HTTP/2 as well there are lists of origins, and one that is required`() async throws {
        let admission = WebSocketServer.Admission(
            origins: .allow(["https://app.example"]),
            requiresOrigin: true
        )
        try await serving(.cleartextHTTP2 { $0.admission = admission }, routes) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                let rows: [(origin: String?, status: String)] = [
                    ("https://app.example", "200"), ("http://127.0.0.1:\(port)", "403"),
                    ("https://app.example:444", "403"), (nil, "403"), ("https://APP.example:443", "200"),
                ]
                for (number, row) in rows.enumerated() {
                    let stream = UInt32(2 * number + 1)
                    let fields =
                        [("sec-websocket-version", "13")] + (row.origin.map { [("origin", $0)] } ?? [])
                    let asked = "127.0.0.1:\(port)"
                    try await peer.send(try peer.connect(stream: stream, authority: asked, fields: fields))
                    #expect(try await peer.answer(on: stream)[":status"] == row.status)
                    if row.status == "200" { try await peer.echo("hello", stream: stream) }
                }
                try await peer.echo("to the end", stream: 1)
            }
        }
    }

    @Test func `A list that cannot be meant makes the start fail`() async throws {
        for admission in [
            WebSocketServer.Admission(origins: .allow(["https://app.example/"])),
            .init(allowedHosts: ["a:1"]),
            .init(maxConnections: 0), .init(handshakeRate: .init(perSecond: 0, burst: 1)),
        ] {
            let server = WebSocketServer(.init(port: 0, admission: admission))
            await #expect(throws: AdmissionError.self) { try await server.start() }
        }
    }
}
