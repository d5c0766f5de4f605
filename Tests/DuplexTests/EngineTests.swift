import NIOSSL
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// What differs between the engines, and what must not.
@Suite("Engines", .timeLimit(.minutes(1)))
struct EngineTests {
    @Test(arguments: Tools.engines.map(\.rawValue))
    func `The engine asked for serves, by name`(engine: String) async throws {
        let serve = try await ServeProcess.start(["--engine", engine])
        let socket = try await WebSocketConnection.connect(to: serve.url("/echo"))
        try await socket.send("hello")
        #expect(try await socket.receive()?.text == "hello")
        #expect(try await HTTPGet.get(port: serve.port, "/healthz").status == 200)
        // The loops of the one have a name that those of the other have not.
        if let names = serve.process.threadNames {
            #expect(names.contains { $0.hasPrefix("duplex-epoll") } == (engine == "epoll"))
            #expect(names.contains { $0.hasPrefix("duplex-uring") } == (engine == "io_uring"))
        }
    }

    @Test func `An engine that does not exist is status 64`() async throws {
        let process = try ChildProcess(Tools.duplex, ["serve", "--engine", "steam"])
        let (exit, _, errors) = try await process.finished()
        #expect(exit == .init(status: 64))
        #expect(errors.contains("nio, epoll or io_uring"))
    }

    @Test(arguments: [WebSocketServer.Engine.epoll, .ioUring])
    func `A loop of our own says that it serves no TLS; by default TLS goes to SwiftNIO`(
        engine: WebSocketServer.Engine
    ) async throws {
        let certificate = try await Certificate.make()
        var configuration = WebSocketServer.Configuration(
            port: 0,
            tls: certificate.serverConfiguration,
            engine: engine
        )
        let server = WebSocketServer(configuration)
        let error = await #expect(throws: ServerError.self) { try await server.start() }
        guard case .engineUnavailable(engine, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        configuration.engine = nil
        #expect(WebSocketServer.Engine.fastest(withTLS: true) == .nio)
        try await serving(configuration) { _ in
        } _: { port in
            #expect(port > 0)
        }
    }

    @Test(arguments: Tools.engines)
    func `What a task sends goes out though it then waits in the middle of another message`(
        engine: WebSocketServer.Engine
    ) async throws {
        let gate = Promised<Void>()
        var configuration = WebSocketServer.Configuration(port: 0, workers: 1, engine: engine)
        configuration.connection.compression = nil
        try await serving(configuration) { server in
            server.route("/") { socket, _ in
                for try await _ in socket.messages {
                    try await socket.send("ack")
                    try await socket.sendMessage(.text) { writer in
                        try await gate.value
                        try await writer.write("done")
                    }
                }
            }
        } _: { port in
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/")
            try await socket.send("go")
            #expect(try await within(waitingFor: "ack") { try await socket.receive() }?.text == "ack")
            gate.fulfil(())
            #expect(try await within(waitingFor: "done") { try await socket.receive() }?.text == "done")
        }
    }

    @Test(arguments: Tools.engines)
    func `A peer that ends its half while nobody reads loses nothing of what it sent`(
        engine: WebSocketServer.Engine
    ) async throws {
        let gate = Promised<Void>()
        let result = Promised<(count: Int, cause: EndCause?)>()
        // More than waits for a reader, so that the loop has stopped to read when the end comes.
        let message = [0x82, 0x80 | 126, 0x03, 0xE8, 0, 0, 0, 0] + [UInt8](repeating: 7, count: 1000)
        let messages = [UInt8]((0..<1500).map { _ in message }.joined())
        try await serving(.init(port: 0, workers: 1, engine: engine)) { server in
            server.route("/slow") { socket, _ in
                try await gate.value
                var count = 0
                do {
                    for try await _ in socket.messages { count += 1 }
                } catch {}
                result.fulfil((count, await socket.closed.cause))
            }
            server.route("/echo") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(
                    "GET /slow HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                )
                _ = try await connection.readHead()
                try await connection.write(messages)
                connection.endOutput()
                // Whoever answers now has had a look at the end of the other.
                let other = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/echo")
                for _ in 0..<3 {
                    try await other.send("still there")
                    #expect(try await other.receive()?.text == "still there")
                }
                gate.fulfil(())
                let (count, cause) = try await within(waitingFor: "all messages") { try await result.value }
                #expect(count == 1500)
                #expect(cause == .endOfStream)
            }
        }
    }

    #if os(Linux)
    @Test func `Whichever engines two servers have, they never share a port`() async throws {
        for first in Tools.engines {
            for second in Tools.engines {
                try await serving(.init(port: 0, workers: 2, engine: first)) { _ in
                } _: { port in
                    let other = WebSocketServer(.init(port: port, workers: 2, engine: second))
                    await #expect(throws: ServerError.addressInUse(host: "127.0.0.1", port: port)) {
                        try await other.start()
                    }
                }
            }
        }
    }

    @Test(arguments: Tools.engines.filter { $0 != .nio })
    func `Each worker has its share of the connections, and all of them serve`(
        engine: WebSocketServer.Engine
    ) async throws {
        let loops = Locked<Set<ObjectIdentifier>>([])
        try await serving(.init(port: 0, workers: 3, engine: engine)) { server in
            server.route("/") { socket, _ in
                _ = loops.withLock { $0.insert(ObjectIdentifier(socket.eventLoop)) }
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { port in
            var sockets: [WebSocketConnection] = []
            for number in 0..<60 {
                let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/")
                try await socket.send("\(number)")
                #expect(try await socket.receive()?.text == "\(number)")
                sockets.append(socket)
            }
            // By chance one of three gets none of sixty once in 10^10 runs.
            #expect(loops.withLock { $0.count } == 3)
        }
    }

    @Test(.enabled(if: Tools.mayUseRing, "the system has no io_uring for us"))
    func `By default io_uring serves, where there is one`() async throws {
        #expect(WebSocketServer.Engine.fastest(withTLS: false) == .ioUring)
        let server = WebSocketServer(.init(port: 0))
        #expect(server.engine == nil)
        _ = try await server.start()
        #expect(server.engine == .ioUring)
        let running = Task { try await server.run() }
        running.cancel()
        try await within { try await running.value }
    }

    @Test(.enabled(if: Tools.mayUse(Tools.python), "Python is missing"))
    func `Where the system refuses io_uring, epoll serves, and whoever insists is told`() async throws {
        let python = try Tools.python.orMissing("Python")
        let refusing = [
            Tools.path("Tests/Interop/python/without_io_uring.py"), Tools.duplex, "serve", "--port", "0",
        ]
        let process = try ChildProcess(python, refusing)
        let place = try await process.line(beginning: "Duplex serves on ")
        let port = try #require(place.split(separator: ":").last.flatMap { Int($0) })
        #expect(try await process.line(beginning: "  engine   ") == "epoll")
        let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/echo")
        try await socket.send("hello")
        #expect(try await socket.receive()?.text == "hello")
        if let names = process.threadNames {
            #expect(names.contains { $0.hasPrefix("duplex-epoll") })
            #expect(!names.contains { $0.hasPrefix("duplex-uring") })
        }

        let insisting = try ChildProcess(python, refusing + ["--engine", "io_uring"])
        let (exit, _, errors) = try await insisting.finished()
        #expect(exit == .init(status: 64))
        #expect(
            errors.contains("--engine: the engine io_uring cannot serve this: the system has no io_uring")
        )
    }
    #endif
}
