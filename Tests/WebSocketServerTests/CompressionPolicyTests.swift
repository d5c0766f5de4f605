import HTTPTypes
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// Which connections of a server are compressed, and how.
@Suite("Compression policy", .timeLimit(.minutes(1)))
struct CompressionPolicyTests {
    private let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

    /// The answer's extensions, or `nil`.
    private func extensions(
        _ configuration: WebSocketServer.Configuration = .init(port: 0),
        fields: String
    ) async throws -> String? {
        try await serving(configuration) { server in
            server.route("/") { _, _ in }
        } _: { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Handshake.request("/", fields: fields))
                let head = try await connection.readHead()
                #expect(head.hasPrefix("HTTP/1.1 101 "))
                return head.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Extensions: ") }
                    .map { String($0.dropFirst(26)) }
            }
        }
    }

    @Test func `By default each message is compressed by itself`() async throws {
        let answer = try await extensions(fields: offer)
        #expect(answer == "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
        #expect(try await extensions(fields: "") == nil)
    }

    @Test func `It can be off, and with memory`() async throws {
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.connection.compression = nil
        #expect(try await extensions(configuration, fields: offer) == nil)
        configuration.connection.compression = DeflateOptions(keepsOwnContext: true, keepsPeerContext: true)
        #expect(try await extensions(configuration, fields: offer) == "permessage-deflate")
    }

    @Test func `The policy decides for each request`() async throws {
        let configuration = WebSocketServer.Configuration(
            port: 0,
            compressionPolicy: { request, options in
                var options = options
                options.peerMaxWindowBits = 10
                return request.headerFields[.userAgent] == "plain" ? nil : options
            }
        )
        #expect(try await extensions(configuration, fields: offer + "User-Agent: plain\r\n") == nil)
        let answer = try await extensions(configuration, fields: offer)
        #expect(answer?.hasSuffix("; client_max_window_bits=10") == true)
    }

    @Test func `The policy is not asked about who offers nothing`() async throws {
        let asked = Locked(0)
        let configuration = WebSocketServer.Configuration(
            port: 0,
            compressionPolicy: { _, options in
                asked.withLock { $0 += 1 }
                return options
            }
        )
        #expect(try await extensions(configuration, fields: "") == nil)
        #expect(asked.withLock { $0 } == 0)
        #expect(try await extensions(configuration, fields: offer) != nil)
        #expect(asked.withLock { $0 } == 1)
    }

    @Test(
        arguments: [
            (
                "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.0 Mobile/15E148 Safari/604.1",
                true
            ),
            (
                "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.3 Safari/605.1.15",
                true
            ),
            (
                "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15",
                false
            ),
            (
                "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.30 Safari/605.1.15",
                false
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                false
            ),
        ]
    )
    func `By default Safari 15's broken compression is refused, and nobody else's`(
        agent: String,
        isRefused: Bool
    ) async throws {
        let answer = try await extensions(fields: offer + "User-Agent: \(agent)\r\n")
        #expect((answer == nil) == isRefused)
    }

    @Test func `A message to a topic is compressed once for all who agreed on the same`() async throws {
        let hub = TopicHub()
        let text = String(repeating: "the same for everybody ", count: 100)
        try await serving { server in
            server.route("/") { socket, _ in
                try hub.subscribe(socket, to: "t")
                defer { hub.unsubscribe(socket, from: "t") }
                try await socket.send("here")
                for try await message in socket.messages { try await hub.publish(message, to: "t") }
            }
        } _: { port in
            var sockets: [WebSocketConnection] = []
            let modes: [DeflateOptions?] = [
                DeflateOptions(), DeflateOptions(), nil, DeflateOptions(peerMaxWindowBits: 9),
                DeflateOptions(keepsOwnContext: true, keepsPeerContext: true),
            ]
            for mode in modes {
                var options = ClientOptions()
                options.connection.compression = mode
                let socket = try await WebSocketConnection.connect(
                    to: "ws://127.0.0.1:\(port)/",
                    options: options
                )
                #expect((socket.compression == nil) == (mode == nil))
                #expect(try await socket.receive()?.text == "here")
                sockets.append(socket)
            }
            try await sockets[0].send(text)
            try await sockets[0].send("short")
            for socket in sockets {
                #expect(try await socket.receive()?.text == text)
                #expect(try await socket.receive()?.text == "short")
            }
        }
    }
}
