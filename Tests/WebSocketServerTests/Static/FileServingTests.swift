import Foundation
import HTTPTypes
import NIOCore
import Synchronization
import TestSupport
import Testing
import WebSocketTransport

@testable import WebSocketServer

/// Files of a directory over TCP, beside sockets and pages.
@Suite("Serving files", .timeLimit(.minutes(1)))
struct FileServingTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for (name, text) in [
            "index.html": "<p>home", "app.js": "go()", "echo": "hidden by the route",
            "page": "hidden by the page",
            "sub/index.html": "<p>sub",
        ] { try folder.write("site/\(name)", text) }
        try folder.write("assets/a.css", "p {}")
        try folder.write("secret.txt", "secret")
    }

    private func routes(_ server: WebSocketServer) {
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        server.page("/page") { _ in .text(.ok, "a page\n") }
        server.files(at: "/", in: folder.path("site"))
        server.files(at: "/assets/", in: folder.path("assets"), FileOptions(cacheControl: "max-age=60"))
    }

    static let engines = WebSocketServer.Engine.allCases.filter(\.isAvailable)

    @Test(
        arguments: [
            ("GET /", 200, "<p>home"), ("GET /app.js", 200, "go()"), ("GET /sub/", 200, "<p>sub"),
            ("GET /sub", 308, "the folder is at /sub/\n"), ("GET /assets/a.css", 200, "p {}"),
            ("GET /page", 200, "a page\n"), ("GET /nothing", 404, "nothing is served at this path\n"),
            ("GET /../secret.txt", 404, "nothing is served at this path\n"),
            ("GET /assets/../app.js", 404, "nothing is served at this path\n"),
            ("GET /assets", 404, "nothing is served at this path\n"),
            ("GET /%zz", 400, "the path has a broken percent-escape\n"),
            ("POST /app.js", 405, "GET and HEAD are served here\n"),
            ("HEAD /app.js", 200, ""), ("HEAD /nothing", 404, ""),
        ],
        engines
    )
    func `Routes and pages come first, then the deepest directory`(
        request: (line: String, status: Int, body: String),
        engine: WebSocketServer.Engine
    ) async throws {
        let (line, status, body) = request
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.engine = engine
        try await serving(configuration, routes) { port in
            let answer = try await HTTPGet.answer(port: port, "\(line) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.status == status)
            #expect(answer.body == body)
            #expect(answer.head.contains("connection: close"))
            if line == "HEAD /app.js" { #expect(answer.head.contains("content-length: 4")) }
            if status == 200, line.contains("assets") {
                #expect(answer.head.contains("cache-control: max-age=60"))
            }
        }
    }

    @Test func `A socket beside files opens, and a path without one answers by its file`() async throws {
        try await serving(.init(port: 0), routes) { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Array(Handshake.request("/echo").utf8) + Handshake.frame("hi"))
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
                #expect(try await connection.read(4) == [0x81, 2] + "hi".utf8)
            }
            #expect(try await HTTPGet.answer(port: port, Handshake.request("/app.js")).status == 200)
            #expect(try await HTTPGet.get(port: port, "/echo").status == 426)
        }
    }

    @Test func `A client that ends its half behind the request gets its file`() async throws {
        try await serving(.init(port: 0), routes) { port in
            let text = try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /app.js HTTP/1.1\r\nHost: h\r\n\r\n")
                connection.endOutput()
                return String(decoding: try await connection.readToEnd(), as: UTF8.self)
            }
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(text.hasSuffix("\r\n\r\ngo()"))
        }
    }

    @Test(arguments: engines)
    func `A file of many pieces arrives as it is, and so does a part of it`(engine: WebSocketServer.Engine)
        async throws
    {
        let bytes = (0..<(3 << 20) + 7).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }
        try folder.write("site/large", bytes)
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.engine = engine
        try await serving(configuration, routes) { port in
            for (fields, part) in [
                ("", 0..<bytes.count), ("Range: bytes=70000-2000000\r\n", 70_000..<2_000_001),
            ] {
                let got = try await RawConnection.with(port: port) { connection in
                    try await connection.write("GET /large HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
                    #expect(try await connection.readHead().contains("Content-Length: \(part.count)\r\n"))
                    return try await connection.readToEnd()
                }
                #expect(got == Array(bytes[part]))
            }
        }
    }

    @Test func `A file that shrinks while it is sent ends the connection`() async throws {
        try folder.write("site/large", [])
        #expect(truncate(folder.path("site/large"), 1 << 28) == 0)
        let path = folder.path("site/large")
        try await serving(.init(port: 0), routes) { port in
            let got = try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try await connection.readHead().contains("Content-Length: \(1 << 28)\r\n"))
                // The client reads on only now, and no system's buffers hold what is left.
                #expect(truncate(path, 10) == 0)
                // It is reset or ended.
                return (try? await connection.readToEnd())?.count ?? 0
            }
            #expect(got < 1 << 28)
        }
    }

    // MARK: HTTP/2

    @Test func `Over HTTP/2 a file that the client has is 304, with neither content nor a length of it`()
        async throws
    {
        try await serving(.cleartextHTTP2(), routes) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                try await peer.send(try peer.get("/app.js", stream: 1))
                let (fields, body) = try await peer.wholeAnswer(on: 1)
                #expect(fields[":status"] == "200")
                #expect(fields["content-length"] == "4")
                #expect(body == Array("go()".utf8))
                let tag = try #require(fields["etag"])
                let date = try #require(fields["last-modified"])
                let conditions = [
                    ("if-none-match", tag), ("if-none-match", "*"), ("if-modified-since", date),
                ]
                var stream: UInt32 = 3
                for method in ["GET", "HEAD"] {
                    for condition in conditions {
                        try await peer.send(
                            try peer.get("/app.js", stream: stream, method: method, fields: [condition])
                        )
                        let (fields, body) = try await peer.wholeAnswer(on: stream)
                        #expect(fields[":status"] == "304", "\(method) \(condition)")
                        #expect(fields["etag"] == tag)
                        #expect(fields["last-modified"] == date)
                        #expect(fields["content-length"] == nil)
                        #expect(fields["date"] != nil)
                        #expect(body.isEmpty)
                        stream += 2
                    }
                }
                try await peer.send(
                    try peer.get("/app.js", stream: stream, fields: [("if-none-match", "\"other\"")])
                )
                let changed = try await peer.wholeAnswer(on: stream)
                #expect(changed.fields[":status"] == "200")
                #expect(changed.body == Array("go()".utf8))
            }
        }
    }

    @Test func `Over HTTP/2 HEAD is answered as GET, without the content`() async throws {
        try folder.write("site/large", [UInt8](repeating: 7, count: 3 << 20))
        try folder.write("site/empty", "")
        try await serving(.cleartextHTTP2(), routes) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                let rows = [
                    ("/app.js", "200", "4"), ("/large", "200", "\(3 << 20)"), ("/empty", "200", "0"),
                    ("/page", "200", "7"), ("/sub", "308", "23"), ("/nothing", "404", "31"),
                ]
                for (number, (path, status, length)) in rows.enumerated() {
                    let stream = UInt32(2 * number + 1)
                    try await peer.send(try peer.get(path, stream: stream, method: "HEAD"))
                    let (fields, body) = try await peer.wholeAnswer(on: stream)
                    #expect(fields[":status"] == status, "\(path)")
                    #expect(fields["content-length"] == length, "\(path)")
                    #expect(body.isEmpty, "\(path)")
                }
                let last = UInt32(2 * rows.count + 1)
                try await peer.send(try peer.get("/page", stream: last))
                #expect(try await peer.wholeAnswer(on: last).body == Array("a page\n".utf8))
            }
        }
    }

    /// As long as a gibibyte, and knows how much of it was asked for.
    private final class Endless: BodySource {
        let count = 1 << 30
        let stallTimeout = Duration.milliseconds(300)
        let read = Atomic(0)

        func read(_ part: Range<Int>, on eventLoop: any EventLoop) -> EventLoopFuture<[UInt8]> {
            read.store(part.upperBound, ordering: .relaxed)
            return eventLoop.makeSucceededFuture([UInt8](repeating: 7, count: part.count))
        }
    }

    @Test(arguments: engines)
    func `A client that does not read costs one piece, and its connection in the end`(
        engine: WebSocketServer.Engine
    ) async throws {
        let (body, log) = (Endless(), LogCollector())
        var configuration = WebSocketServer.Configuration(port: 0, logger: log.logger)
        configuration.engine = engine
        let routes: (WebSocketServer) -> Void = { server in
            server.page("/endless") { _ in
                var answer = HTTPAnswer()
                answer.content = .source(body)
                return answer
            }
        }
        try await serving(configuration, routes) { port in
            let got = try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try await connection.readHead().contains("Content-Length: \(1 << 30)\r\n"))
                try await within(waitingFor: "the server to give up") {
                    while !log.lines.contains(where: { $0.contains("took nothing") }) { await Task.yield() }
                }
                let read = body.read.load(ordering: .relaxed)
                return ((try? await connection.readToEnd())?.count ?? 0, read)
            }
            // What both systems' buffers hold, which is less than this anywhere; the rest was never read.
            #expect(got.1 < 64 << 20)
            #expect(got.0 <= got.1)
        }
    }

    @Test func `A directory that is not there, or is served twice, makes the start fail`() async throws {
        for (at, directory, sentence) in [
            ("/", "nothing", "which is no directory"), ("/", "secret.txt", "which is no directory"),
            ("/:name", "site", "has a parameter"), ("//a", "site", "has an empty segment"),
            ("a", "site", "does not begin with a slash"), ("/b/", "site", "is served already"),
        ] {
            let server = WebSocketServer(.init(port: 0))
            server.files(at: "/b", in: folder.path("site"))
            server.files(at: at, in: folder.path(directory))
            let error = await #expect(throws: RouteError.self) { try await server.start() }
            #expect(error?.description.contains(sentence) == true)
        }
    }
}
