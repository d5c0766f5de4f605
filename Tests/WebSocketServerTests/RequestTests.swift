import HTTPTypes
import NIOCore
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

/// One HTTP request over TCP, as bytes: what is upgraded, what is refused and how.
@Suite("Requests", .timeLimit(.minutes(1)))
struct RequestTests {
    private func configuration(_ change: (inout ConnectionOptions) -> Void = { _ in })
        -> WebSocketServer.Configuration
    {
        var options = ConnectionOptions()
        change(&options)
        return .init(port: 0, connection: options)
    }

    private func routes(_ server: WebSocketServer) {
        server.route("/echo", subprotocols: ["v2", "v1"]) { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        server.page("/page") { _ in .text(.ok, "a page\n") }
    }

    @Test func `The upgrade's answer, and frames in the request's segment are not lost`() async throws {
        try await serving(configuration(), routes) { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(
                    Array(Handshake.request("/echo").utf8) + Handshake.frame("one") + Handshake.frame("two")
                )
                let head = try await connection.readHead()
                #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
                #expect(head.contains(Handshake.accept))
                #expect(head.contains("Upgrade: websocket\r\n"))
                #expect(head.contains("Connection: Upgrade\r\n"))
                #expect(!head.contains("Sec-WebSocket-Protocol"))
                #expect(try await connection.read(10) == [0x81, 3] + "one".utf8 + [0x81, 3] + "two".utf8)
            }
        }
    }

    @Test(arguments: [("/page", 200), ("/nope", 404), ("/echo", 426), ("/%zz", 400)])
    func `No answer to HEAD has content, but the size that GET would get`(path: String, status: Int)
        async throws
    {
        try await serving(configuration(), routes) { port in
            let get = try await HTTPGet.get(port: port, path)
            let head = try await HTTPGet.answer(port: port, "HEAD \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(get.status == status)
            #expect(head.status == status)
            #expect(!get.body.isEmpty)
            #expect(head.body == "")
            #expect(head.head.contains("content-length: \(get.body.utf8.count)"))
        }
    }

    @Test(arguments: [nil, WebSocketServer.Engine.nio])
    func `An answer larger than any socket's buffer arrives whole, and then the end`(
        engine: WebSocketServer.Engine?
    ) async throws {
        let size = 16 << 20
        var configuration = configuration()
        configuration.engine = engine
        let routes: (WebSocketServer) -> Void = { server in
            server.page("/large") { _ in HTTPAnswer(body: [UInt8](repeating: 0x61, count: size)) }
        }
        try await serving(configuration, routes) { port in
            let answer = try await HTTPGet.get(port: port, "/large")
            #expect(answer.status == 200)
            #expect(answer.body.utf8.count == size)
        }
    }

    @Test func `A request in single bytes is upgraded too`() async throws {
        try await serving(configuration(), routes) { port in
            try await RawConnection.with(port: port) { connection in
                for byte in Array(Handshake.request("/echo").utf8) + Handshake.frame("x") {
                    try await connection.write([byte])
                }
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
                #expect(try await connection.read(3) == [0x81, 1, UInt8(ascii: "x")])
            }
        }
    }

    @Test func `The server's preference decides among the subprotocols offered`() async throws {
        try await serving(configuration(), routes) { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(
                    Handshake.request(
                        "/echo",
                        fields: "Sec-WebSocket-Protocol: v0, v1\r\nSec-WebSocket-Protocol: v2\r\n"
                    )
                )
                #expect(try await connection.readHead().contains("Sec-WebSocket-Protocol: v2\r\n"))
            }
        }
    }

    @Test(
        arguments: [
            ("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n", 404),
            ("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n", 426),
            ("POST /page HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405),
            ("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET /echo HTTP/1.1\r\n\r\n", 400),
            ("GET  /echo HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}\u{2}\r\n\r\n", 400),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            (Handshake.request("/echo").replacing("Version: 13", with: "Version: 8"), 426),
            (Handshake.request("/echo").replacing("GET", with: "PUT"), 405),
            (Handshake.request("/echo").replacing("dGhl", with: "????"), 400),
            (Handshake.request("/echo", fields: "Sec-WebSocket-Extensions: a; b=\"\r\n"), 400),
            (Handshake.request("/echo", fields: "X: \(String(repeating: "x", count: 20_000))\r\n"), 431),
            (Handshake.request("/echo", fields: String(repeating: "X: y\r\n", count: 2_000)), 431),
        ])
    func `A refusal has its status, closes, and does not answer what was sent behind it`(
        request: String,
        status: Int
    ) async throws {
        try await serving(configuration(), routes) { port in
            let behind = "GET /page HTTP/1.1\r\nHost: h\r\n\r\n"
            let answer = try await HTTPGet.answer(port: port, request + behind)
            #expect(answer.status == status)
            #expect(
                answer.head.contains("connection: close")
                    || answer.head.contains("connection: upgrade, close")
            )
            #expect(answer.head.contains("\r\ndate: "))
            #expect(answer.head.contains("content-length: \(answer.body.utf8.count)"))
            #expect(answer.body.hasSuffix("\n") && answer.body.count > 5)
            #expect(!answer.body.contains("a page"))
        }
    }

    @Test func `An endless head costs 16 KiB and is answered`() async throws {
        try await serving(configuration(), routes) { port in
            let head = try await RawConnection.with(port: port) { connection in
                try await connection.write("GET / HTTP/1.1\r\nX: ")
                let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 8 << 10)
                // Four times the limit, and never the end of the field.
                for _ in 0..<8 { try await connection.write(piece) }
                return try await connection.readHead()
            }
            #expect(head.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func `A refusal reaches a client that is still sending`() async throws {
        try await serving(configuration(), routes) { port in
            let text = try await RawConnection.with(port: port) { connection in
                try await connection.write(
                    "POST /page HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n"
                )
                let piece = [UInt8](repeating: 7, count: 64 << 10)
                for _ in 0..<64 { try await connection.write(piece) }
                return String(decoding: try await connection.readToEnd(), as: UTF8.self)
            }
            #expect(text.hasPrefix("HTTP/1.1 405 "))
        }
    }

    @Test func `A client that ends its half behind the request gets its answer`() async throws {
        try await serving(configuration(), routes) { port in
            let text = try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /page HTTP/1.1\r\nHost: h\r\n\r\n")
                connection.endOutput()
                return String(decoding: try await connection.readToEnd(), as: UTF8.self)
            }
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(text.hasSuffix("\r\n\r\na page\n"))
        }
    }

    @Test func `Half a request and then the end is closed without a word`() async throws {
        try await serving(configuration(), routes) { port in
            let bytes = try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /echo HTTP/1.1\r\nHos")
                connection.endOutput()
                return try await connection.readToEnd()
            }
            #expect(bytes.isEmpty)
        }
    }
}
