import HTTPTypes
import TestSupport
import Testing
import Tracing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// The span of an opening handshake, as swift-distributed-tracing is told it.
@Suite("Observing: traces", .timeLimit(.minutes(1)))
struct ObservingTraceTests {
    private let tracer = TracerInMemory()
    private let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private var configuration: WebSocketServer.Configuration {
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.tracer = tracer
        return configuration
    }

    private func ask(_ port: Int, _ path: String, then frames: [UInt8] = []) async throws -> String {
        let request = Handshake.request(path, fields: "traceparent: \(parent)\r\n")
        return try await RawConnection.with(port: port) { connection in
            try await connection.write(Array(request.utf8) + frames)
            let head = try await connection.readHead()
            _ = try await connection.readToEnd()
            return head
        }
    }

    @Test
    func `It belongs to the client's trace, tells the route, and is what the hook and the handler run in`()
        async throws
    {
        let contexts = Log<[String]>()
        let (chatIsServed, plainIsServed) = (Promised<Void>(), Promised<Void>())
        @Sendable func note() {
            let context = ServiceContext.current
            contexts.add([
                context?[TracerInMemory.TraceKey.self] ?? "", context?[TracerInMemory.SpanKey.self] ?? "",
            ])
        }
        try await serving(configuration) { server in
            server.route("/chat/:room") { _ -> Upgrade<Int> in
                note()
                return .accept(1)
            } handler: { _, _, _ in
                note()
                chatIsServed.fulfil(())
            }
            let plain: SocketHandler = { _, _ in
                note()
                plainIsServed.fulfil(())
            }
            server.route("/plain", handler: plain)
        } _: { port in
            let answer = try await ask(port, "/chat/tea?token=secret", then: Handshake.close(1000))
            #expect(answer.hasPrefix("HTTP/1.1 101 "))
            try await within(waitingFor: "the first handler") { try await chatIsServed.value }
            _ = try await ask(port, "/plain", then: Handshake.close(1000))
            try await within(waitingFor: "the second handler") { try await plainIsServed.value }
        }
        #expect(
            contexts.entries == [
                [parent, "GET /chat/:room"], [parent, "GET /chat/:room"], [parent, "GET /plain"],
            ]
        )
        #expect(tracer.spans.count == 2)
        let span = try #require(tracer.spans.first)
        #expect(span.ends == 1)
        #expect(span.operationName == "GET /chat/:room")
        #expect(span.kind == .server)
        #expect(span.status == nil)
        let texts = span.texts.filter { !$0.hasPrefix("client.port=") }
        #expect(
            texts == [
                "client.address=127.0.0.1", "http.request.method=GET", "http.response.status_code=101",
                "http.route=/chat/:room", "network.protocol.name=http", "network.protocol.version=1.1",
                "url.path=/chat/tea", "url.scheme=http",
            ]
        )
        #expect(texts.count == span.texts.count - 1)
    }

    @Test func `A refusal ends it too: the client's mistake by its name, the server's as an error`()
        async throws
    {
        try await serving(configuration) { server in
            server.route("/refused") { _ -> Upgrade<Int> in
                .refuse(.text(.unauthorized, "who?\n"))
            } handler: { _, _, _ in
            }
            server.route("/throws") { _ -> Upgrade<Int> in
                throw CancellationError()
            } handler: { _, _, _ in
            }
            server.page("/page") { _ in .text(.ok, "page") }
        } _: { port in
            for path in ["/refused", "/throws", "/nowhere"] { _ = try await ask(port, path) }
            _ = try await HTTPGet.get(port: port, "/page")
        }
        let spans = tracer.spans
        #expect(spans.map(\.operationName) == ["GET /refused", "GET /throws", "GET"])
        #expect(spans.map(\.ends) == [1, 1, 1])
        #expect(spans.map { $0.status?.code } == [nil, .error, nil])
        let told = spans.map { span in
            span.texts.filter { $0.hasPrefix("error.") || $0.hasPrefix("http.response") }.joined(
                separator: " "
            )
        }
        #expect(
            told == [
                "error.type=hook http.response.status_code=401",
                "error.type=hookFailed http.response.status_code=500",
                "error.type=notServed http.response.status_code=404",
            ]
        )
    }
}
