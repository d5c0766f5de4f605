import Hummingbird
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketHummingbird
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// Duplex's routes in a Hummingbird application: one port, both servers' answers.
@Suite("Hummingbird", .timeLimit(.minutes(1)))
struct HummingbirdTests {
    /// Runs an application with `/page` of Hummingbird's, and `/echo` and `/guarded` of Duplex's.
    private func serving(
        isService: Bool = true,
        _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        let duplex = WebSocketServer()
        duplex.route("/echo", subprotocols: ["v1"]) { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        duplex.route("/guarded") { _ -> Upgrade<Void> in
            .refuse(.text(.forbidden, "not you\n"))
        } handler: { _, _, _ in
        }
        let router = Router()
        router.get("page") { _, _ in "of Hummingbird" }
        router.get("echo") { _, _ in "a page of Hummingbird's at a socket's path" }
        router.post("upload") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 20)
            return "\(body.readableBytes) bytes"
        }
        let port = Promised<Int>()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var application = Application(
            router: router,
            server: try .http1(webSockets: duplex),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in port.fulfil(channel.localAddress?.port ?? 0) },
            logger: logger
        )
        if isService { application.addServices(duplex) }
        let run = Task { [application] in try await application.run() }
        do {
            try await body(try await within { try await port.value })
        } catch {
            run.cancel()
            throw error
        }
        run.cancel()
        try await within(waitingFor: "the application's end") { _ = await run.result }
    }

    private func options(_ change: (inout ClientOptions) -> Void = { _ in }) -> ClientOptions {
        var options = ClientOptions()
        options.connection.handshakeTimeout = .seconds(60)
        change(&options)
        return options
    }

    private func get(_ port: Int, _ path: String) async throws -> HTTPGet.Answer {
        try await HTTPGet.answer(port: port, "GET \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    }

    @Test func `A WebSocket, a page, an upload, on one port`() async throws {
        try await serving { port in
            let socket = try await WebSocketConnection.connect(
                to: "ws://127.0.0.1:\(port)/echo",
                options: options { $0.subprotocols = ["v1"] }
            )
            #expect(socket.subprotocol == "v1")
            #expect(socket.compression != nil)
            try await socket.send("hola")
            #expect(try await socket.receive() == Message("hola"))
            let large = [UInt8](repeating: 7, count: 1 << 20)
            try await socket.send(large)
            #expect(try await socket.receive() == Message(large))

            let page = try await get(port, "/page")
            #expect(page.status == 200)
            #expect(page.body == "of Hummingbird")
            let pageAtSocket = try await get(port, "/echo")
            #expect(pageAtSocket.body == "a page of Hummingbird's at a socket's path")
            let upload = try await HTTPGet.answer(
                port: port,
                "POST /upload HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n"
                    + String(repeating: "x", count: 300_000)
            )
            #expect(upload.body == "300000 bytes")

            let end = try await socket.close(code: .init(4001))
            #expect(end.wasClean)
        }
    }

    @Test func `Duplex's refusals, and Hummingbird's answer where no socket is`() async throws {
        try await serving { port in
            for (path, status) in [("/guarded", 403), ("/nowhere", 404)] {
                do {
                    _ = try await WebSocketConnection.connect(
                        to: "ws://127.0.0.1:\(port)\(path)",
                        options: options()
                    )
                    Issue.record("\(path) was opened")
                } catch let error as ConnectError {
                    #expect(error.response?.status.code == status)
                }
            }
            let old = try await HTTPGet.answer(
                port: port,
                "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n"
            )
            #expect(old.status == 426)
        }
    }

    @Test(arguments: [true, false])
    func `The application's end says goodbye to the sockets`(isService: Bool) async throws {
        let opened = Promised<WebSocketConnection>()
        try await serving(isService: isService) { port in
            let socket = try await WebSocketConnection.connect(
                to: "ws://127.0.0.1:\(port)/echo",
                options: options()
            )
            try await socket.send("x")
            _ = try await socket.receive()
            opened.fulfil(socket)
        }
        let end = try await within { try await opened.value.closed }
        #expect(end.wasClean)
        #expect([1001, 1012].contains(end.code.rawValue))
    }
}
