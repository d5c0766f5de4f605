import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// A server's WebSockets in front of somebody else's HTTP.
@Suite("Mounted in a SwiftNIO pipeline", .timeLimit(.minutes(1)))
struct MountTests {
    /// Answers every request with its method, path and the size of its body.
    private final class Pages: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
        private var size = 0

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, size) = (head, 0)
            case .body(let part): size += part.readableBytes
            case .end:
                let text = "\(head.method) \(head.uri) \(size)\n"
                let fields = HTTPHeaders([("content-length", "\(text.utf8.count)")])
                context.write(
                    wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: fields))),
                    promise: nil
                )
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
                if !head.isKeepAlive { context.close(promise: nil) }
            }
        }
    }

    private func serving(
        handshakeTimeout: Duration = .seconds(60),
        admission: WebSocketServer.Admission = .init(),
        _ body: @escaping @Sendable (WebSocketServer, Int) async throws -> Void
    ) async throws {
        var configuration = WebSocketServer.Configuration(admission: admission)
        configuration.connection.handshakeTimeout = handshakeTimeout
        let server = WebSocketServer(configuration)
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let mount = try server.mount()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                mount.add(to: channel) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                        try channel.pipeline.syncOperations.addHandler(Pages())
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let run = Task { try await server.run() }
        do {
            try await body(server, channel.localAddress?.port ?? 0)
        } catch {
            run.cancel()
            try await channel.close()
            throw error
        }
        run.cancel()
        try await within(waitingFor: "the server's end") { _ = await run.result }
        try await channel.close()
    }

    @Test
    func `WebSockets are the server's, in single bytes too, and frames behind the request are not lost`()
        async throws
    {
        try await serving { _, port in
            try await RawConnection.with(port: port) { connection in
                for byte in Handshake.request("/echo").utf8 { try await connection.write([byte]) }
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
            }
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Array(Handshake.request("/echo").utf8) + Handshake.frame("one"))
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
                #expect(try await connection.read(5) == [0x81, 3] + "one".utf8)
                try await connection.write(Handshake.close(1000))
                #expect(try await connection.read(4) == [0x88, 2, 0x03, 0xE8])
                let rest = try await connection.readToEnd()
                #expect(rest.isEmpty)
            }
        }
    }

    @Test func `All else is the pipeline's: requests one after the other, bodies, what is no HTTP`()
        async throws
    {
        try await serving { _, port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 200 "))
                #expect(try await connection.read(9) == Array("GET /a 0\n".utf8))
                // A WebSocket as a connection's second request is the pipeline's, whatever it makes of it.
                let body = String(repeating: "x", count: 100_000)
                try await connection.write(
                    "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                )
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 200 "))
                #expect(try await connection.read(15) == Array("POST /b 100000\n".utf8))
            }
            // Each is read only as far as it has to go: whether SwiftNIO hangs up behind it is its own affair.
            try await RawConnection.with(port: port) { connection in
                try await connection.write(
                    "GET /c HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                )
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 200 "))
                #expect(try await connection.read(9) == Array("GET /c 0\n".utf8))
            }
            try await RawConnection.with(port: port) { connection in
                try await connection.write("what is this?\r\n\r\n")
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test func `A client that is silent is left to the pipeline`() async throws {
        try await serving(handshakeTimeout: .milliseconds(50)) { _, port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /slow HT")
                // By now it is the pipeline that reads, or it will be; both have the same bytes.
                try await connection.write("TP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                let answer = try await connection.readToEnd()
                #expect(String(decoding: answer, as: UTF8.self).hasSuffix("\r\n\r\nGET /slow 0\n"))
            }
        }
    }

    // MARK: How many

    @Test func `One WebSocket too many is refused with 503; pages are the pipeline's, and not counted`()
        async throws
    {
        try await serving(admission: .init(maxConnections: 1)) { server, port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Handshake.request("/echo"))
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
                try await RawConnection.with(port: port) { page in
                    try await page.write("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try await page.readHead().hasPrefix("HTTP/1.1 200 "))
                    let answer = try await HTTPGet.answer(port: port, Handshake.request("/echo"))
                    #expect(answer.status == 503)
                    #expect(answer.head.contains("retry-after: "))
                }
                #expect(server.refusals == [.connections: 1])
            }
            await server.registry.waitUntilEmpty()
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Handshake.request("/echo"))
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
            }
        }
    }

    @Test func `Far too many WebSockets are closed without a word, and pages still served`() async throws {
        let admission = WebSocketServer.Admission(maxConnections: 1, maxSockets: 1)
        try await serving(admission: admission) { server, port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Handshake.request("/echo"))
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
                for number in 1...3 {
                    let answer = try await RawConnection.with(port: port) { late in
                        try? await late.write(Array(Handshake.request("/echo").utf8) + Handshake.frame("hi"))
                        // It may be reset, since it had sent something.
                        return (try? await late.readToEnd()) ?? []
                    }
                    #expect(answer.isEmpty)
                    #expect(server.refusals == [.sockets: number])
                }
                try await RawConnection.with(port: port) { page in
                    try await page.write("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try await page.readHead().hasPrefix("HTTP/1.1 200 "))
                }
                // The one that was there notices nothing.
                try await connection.write(Handshake.frame("one"))
                #expect(try await connection.read(5) == [0x81, 3] + "one".utf8)
            }
            await server.registry.waitUntilEmpty()
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Handshake.request("/echo"))
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
            }
        }
    }

    @Test func `A server that is mounted does not listen, and the other way round`() async throws {
        let server = WebSocketServer(.init(port: 0))
        _ = try server.mount()
        await #expect(throws: ServerError.alreadyStarted) { try await server.start() }
        #expect(throws: ServerError.alreadyStarted) { try server.mount() }
    }
}
