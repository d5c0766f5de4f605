import HTTPTypes
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// WebSockets and pages over HTTP/2, frame by frame.
@Suite("HTTP/2", .timeLimit(.minutes(1)))
struct HTTP2Tests {
    private typealias Raw = HTTP2RawFrame

    // MARK: Opening

    @Test func `A WebSocket opens, echoes, and ends with its stream; the connection goes on`() async throws {
        let log = LogCollector()
        try await serving(.cleartextHTTP2 { $0.logger = log.logger }, HTTP2Peer.echo) { port in
            try await HTTP2Peer.with(port: port) { peer in
                let settings = try await peer.next()
                #expect(settings?.type == Raw.settings)
                // SETTINGS_ENABLE_CONNECT_PROTOCOL, RFC 8441 §3.
                let payload = settings?.payload ?? []
                #expect(
                    stride(from: 0, to: payload.count, by: 6).contains {
                        payload[$0..<$0 + 6] == [0, 8, 0, 0, 0, 1]
                    }
                )
                try await peer.acknowledgeSettings()
                for stream in [1, 3] as [UInt32] {
                    try await peer.open(stream: stream)
                    try await peer.echo("hello", stream: stream)
                    try await peer.send(
                        HTTP2Peer.data(Handshake.close(1000), stream: stream, endStream: true)
                    )
                    let close = try await peer.next(Raw.data, on: stream)
                    #expect(close.payload == [0x88, 2, 0x03, 0xE8])
                    #expect(close.flags == Raw.endStream)
                }
                try await peer.send(try peer.get("/page", stream: 5))
                #expect(try await peer.answer(on: 5)[":status"] == "200")
                #expect(try await peer.next(Raw.data, on: 5).payload == Array("page".utf8))
            }
        }
        #expect(log.lines.contains { $0.contains("info opened") && $0.contains(" http=2 ") })
    }

    @Test func `A client may ask as soon as it knows our settings, before it acknowledges them`() async throws
    {
        try await serving(.cleartextHTTP2(), HTTP2Peer.echo) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.open(stream: 1)
                try await peer.echo("early", stream: 1)
            }
        }
    }

    @Test func `A hook sees the extended CONNECT, and says on what terms it opens`() async throws {
        try await serving(.cleartextHTTP2()) { server in
            server.route("/:room", subprotocols: ["v1"]) { request -> Upgrade<String> in
                #expect(request.httpVersion == .http2)
                #expect(request.request.method == .connect)
                #expect(request.request.authority == "example.test")
                #expect(request.request.path == "/tea?x=1")
                #expect(request.offeredSubprotocols == ["v1", "v2"])
                #expect(!request.isSecure)
                #expect(request.remoteAddress?.ipAddress == "127.0.0.1")
                guard let name = request.cookie("name") else {
                    return .refuse(.text(.unauthorized, "who?\n"))
                }
                return .accept(name, UpgradeTerms(headers: [.setCookie: "seen=1"]))
            } handler: { socket, name, parameters in
                #expect(socket.subprotocol == "v1")
                try await socket.send("\(name) \(parameters["room"] ?? "")")
            }
        } _: { port in
            try await HTTP2Peer.with(port: port) { peer in
                let fields = [("sec-websocket-version", "13"), ("sec-websocket-protocol", "v1, v2")]
                let named = fields + [("cookie", "a=b"), ("cookie", "name=Ana")]
                try await peer.send(try peer.connect("/tea?x=1", stream: 1, fields: named))
                let answer = try await peer.answer(on: 1)
                #expect(answer[":status"] == "200")
                #expect(answer["sec-websocket-protocol"] == "v1")
                #expect(answer["set-cookie"] == "seen=1")
                #expect(answer["sec-websocket-accept"] == nil)
                #expect(answer["connection"] == nil)
                let greeting = try await peer.next(Raw.data, on: 1)
                #expect(greeting.payload.prefix(9) == [0x81, 7] + "Ana tea".utf8)
                try await peer.send(try peer.connect("/tea?x=1", stream: 3, fields: fields))
                let refusal = try await peer.answer(on: 3)
                #expect(refusal[":status"] == "401")
                #expect(refusal["connection"] == nil)
                #expect(try await peer.next(Raw.data, on: 3).payload == Array("who?\n".utf8))
            }
        }
    }

    @Test func `A missing version is refused, and tolerated where that is wanted`() async throws {
        for isTolerated in [false, true] {
            let configuration = WebSocketServer.Configuration.cleartextHTTP2 {
                $0.http2.toleratesMissingVersion = isTolerated
            }
            try await serving(configuration, HTTP2Peer.echo) { port in
                try await HTTP2Peer.with(port: port) { peer in
                    try await peer.send(try peer.connect(stream: 1, fields: []))
                    let answer = try await peer.answer(on: 1)
                    #expect(answer[":status"] == (isTolerated ? "200" : "400"))
                    #expect(answer["sec-websocket-version"] == (isTolerated ? nil : "13"))
                }
            }
        }
    }

    @Test func `Malformed requests are answered 400 or 431, each on its stream`() async throws {
        let configuration = WebSocketServer.Configuration.cleartextHTTP2 {
            $0.connection.limits.maxHeadSize = 1_000
        }
        try await serving(configuration, HTTP2Peer.echo) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                let page = [(":method", "GET"), (":scheme", "http"), (":path", "/page"), (":authority", "h")]
                let rows: [([(String, String)], String)] = [
                    (page + [("connection", "close")], "400"),
                    (page + [("x", "a"), (":path", "/")], "400"),
                    (page + [("Capital", "a")], "400"),
                    (page.filter { $0.0 != ":path" }, "400"),
                    (page + [("x", String(repeating: "x", count: 1_000))], "431"),
                    (page, "200"),
                ]
                var stream: UInt32 = 1
                for (fields, status) in rows {
                    try await peer.send(try peer.headers(fields, stream: stream, endStream: true))
                    #expect(try await peer.answer(on: stream)[":status"] == status, "\(fields)")
                    stream += 2
                }
            }
        }
    }

    // MARK: The end of streams and connections

    @Test func `How a stream ends is how its socket ends`() async throws {
        let ends = Promised<[String: EndCause]>()
        let seen = Locked<[String: EndCause]>([:])
        try await serving(.cleartextHTTP2()) { server in
            server.route("/:name") { socket, parameters in
                do { for try await _ in socket.messages {} } catch {}
                let end = await socket.closed
                let all = seen.withLock { seen in
                    seen[parameters["name"] ?? ""] = end.cause
                    return seen
                }
                if all.count == 4 { ends.fulfil(all) }
            }
        } _: { port in
            try await HTTP2Peer.with(port: port) { peer in
                for (stream, name) in [(1, "reset"), (3, "end"), (5, "close"), (7, "gone")]
                    as [(UInt32, String)]
                {
                    try await peer.open("/\(name)", stream: stream)
                }
                try await peer.send(
                    HTTP2Peer.data(Array(Handshake.frame("half a message").prefix(9)), stream: 1),
                    HTTP2Peer.reset(1),
                    HTTP2Peer.data([], stream: 3, endStream: true),
                    HTTP2Peer.data(Handshake.close(1000), stream: 5, endStream: true)
                )
                // RFC 9113 §8.5: whoever was abandoned in the middle is reset.
                let reset = try await peer.next(Raw.reset)
                #expect(reset.stream == 3)
            }
            let causes = try await within { try await ends.value }
            #expect(
                causes == [
                    "reset": .reset, "end": .endOfStream, "close": .closedByPeer, "gone": .endOfStream,
                ]
            )
        }
    }

    @Test func `A client that says goodbye keeps its sockets until they are done`() async throws {
        try await serving(.cleartextHTTP2(), HTTP2Peer.echo) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                try await peer.open(stream: 1)
                try await peer.send(Raw(type: Raw.goAway, payload: [UInt8](repeating: 0, count: 8)))
                try await peer.echo("still here", stream: 1)
                try await peer.send(HTTP2Peer.data(Handshake.close(1000), stream: 1, endStream: true))
                let rest = try await peer.rest()
                #expect(rest.contains { $0.type == Raw.data && $0.payload == [0x88, 2, 0x03, 0xE8] })
            }
        }
    }

    @Test func `A shutdown tells the connection, closes its sockets, takes no new ones, and ends`()
        async throws
    {
        let server = WebSocketServer(.cleartextHTTP2())
        HTTP2Peer.echo(server)
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        try await HTTP2Peer.with(port: port) { peer in
            try await peer.acknowledgeSettings()
            try await peer.open(stream: 1)
            run.cancel()
            var frames: [Raw] = []
            while frames.count < 2, let frame = try await peer.next() {
                if frame.type == Raw.goAway || frame.type == Raw.data { frames.append(frame) }
            }
            let goAway = try #require(frames.first { $0.type == Raw.goAway })
            #expect(goAway.errorCode == 0)
            #expect(Raw.read(goAway.payload.prefix(4)) == 1)
            let close = try #require(frames.first { $0.type == Raw.data })
            #expect(close.payload.prefix(4) == [0x88, UInt8(close.payload.count - 2), 0x03, 0xF4])
            try await peer.send(try peer.connect(stream: 3))
            try await peer.send(HTTP2Peer.data(Handshake.close(1012), stream: 1, endStream: true))
            let rest = try await peer.rest()
            #expect(!rest.contains { $0.stream == 3 && $0.type == Raw.headers })
        }
        try await within(waitingFor: "the server's end") { try await run.value }
    }

    @Test func `A connection without streams is closed after a while, one with a socket is not`() async throws
    {
        let configuration = WebSocketServer.Configuration.cleartextHTTP2 {
            $0.http2.idleTimeout = .seconds(2)
        }
        try await serving(configuration, HTTP2Peer.echo) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                try await peer.open(stream: 1)
                try await HTTP2Peer.with(port: port) { idle in
                    try await idle.acknowledgeSettings()
                    let goAway = try await idle.next(Raw.goAway)
                    #expect(goAway.errorCode == 0)
                    #expect(try await idle.rest() == [])
                }
                try await peer.echo("awake", stream: 1)
            }
        }
    }

    @Test(arguments: [[], Array(HTTP2Peer.preface.prefix(20)), HTTP2Peer.preface])
    func `Who does not say how it speaks in time is cut off`(said: [UInt8]) async throws {
        let configuration = WebSocketServer.Configuration.cleartextHTTP2 {
            $0.connection.handshakeTimeout = .milliseconds(150)
        }
        try await serving(configuration, HTTP2Peer.echo) { port in
            try await RawConnection.with(port: port) { connection in
                // A reset is an end as well.
                try? await connection.write(said)
                _ = try? await connection.readToEnd()
            }
        }
    }

    @Test func `Settings that are not acknowledged in time end the connection`() async throws {
        let configuration = WebSocketServer.Configuration.cleartextHTTP2 {
            $0.connection.handshakeTimeout = .seconds(1)
        }
        try await serving(configuration, HTTP2Peer.echo) { port in
            try await HTTP2Peer.with(port: port) { peer in
                let goAway = try await peer.next(Raw.goAway)
                // SETTINGS_TIMEOUT.
                #expect(goAway.errorCode == 4)
            }
        }
    }

    // MARK: Beside HTTP/1.1

    @Test func `A port without TLS serves both, however their first bytes are cut`() async throws {
        try await serving(.cleartextHTTP2(), HTTP2Peer.echo) { port in
            let page = try await HTTPGet.get(port: port, "/page")
            #expect(page.status == 200)
            // "P" may be the beginning of either.
            let posted = try await RawConnection.with(port: port) { connection in
                try await connection.write("P")
                try await connection.write("OST /page HTTP/1.1\r\nHost: h\r\n\r\n")
                return try await connection.readHead()
            }
            #expect(posted.hasPrefix("HTTP/1.1 405 "))
            try await RawConnection.with(port: port) { connection in
                for byte in HTTP2Peer.preface { try await connection.write([byte]) }
                try await connection.write(Raw(type: Raw.settings).bytes)
                let head = try await connection.read(9)
                #expect(head[3] == Raw.settings)
            }
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/echo")
            try await socket.send("by HTTP/1.1")
            #expect(try await socket.receive()?.text == "by HTTP/1.1")
            #expect(try await socket.close().wasClean)
        }
    }

    @Test func `Without being asked to, a port without TLS knows nothing of HTTP/2`() async throws {
        try await serving(.init(port: 0), HTTP2Peer.echo) { port in
            let answer = try await RawConnection.with(port: port) { connection in
                try await connection.write(HTTP2Peer.preface)
                return try await connection.readHead()
            }
            #expect(answer.hasPrefix("HTTP/1.1 505 "))
        }
    }

    @Test(arguments: [WebSocketServer.Engine.epoll, .ioUring])
    func `The loops of our own serve no HTTP/2, and say so`(engine: WebSocketServer.Engine) async throws {
        let server = WebSocketServer(.cleartextHTTP2 { $0.engine = engine })
        let error = await #expect(throws: ServerError.self) { try await server.start() }
        guard case .engineUnavailable(engine, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
