import HTTPTypes
import NIOCore
import Synchronization
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// Routes and those who serve them.
@Suite("Serving", .timeLimit(.minutes(1)))
struct ServingTests {
    private struct HandlerError: Error {}

    private func connect(_ port: Int, _ path: String) async throws -> WebSocketConnection {
        try await .connect(to: "ws://127.0.0.1:\(port)\(path)")
    }

    @Test func `A handler that returns closes with 1000`() async throws {
        try await serving { server in
            server.route("/once") { socket, _ in try await socket.send("bye") }
        } _: { port in
            let socket = try await connect(port, "/once")
            #expect(try await socket.receive()?.text == "bye")
            #expect(try await socket.receive() == nil)
            let end = await socket.closed
            #expect(end.code == .normalClosure)
            #expect(end.wasClean)
        }
    }

    @Test func `A handler that throws closes with 1011, and says nothing of why`() async throws {
        try await serving { server in
            server.route("/fails") { _, _ in throw HandlerError() }
        } _: { port in
            let end = await (try connect(port, "/fails")).closed
            #expect(end.code == .internalError)
            #expect(end.reason.isEmpty)
            #expect(end.wasClean)
        }
    }

    @Test func `A handler runs on its connection's event loop, also after it has waited`() async throws {
        try await serving { server in
            server.route("/loop") { socket, _ in
                var answers: [Bool] = [socket.eventLoop.inEventLoop]
                for try await _ in socket.messages {
                    answers.append(socket.eventLoop.inEventLoop)
                    try await socket.send("\(answers)")
                }
            }
        } _: { port in
            let socket = try await connect(port, "/loop")
            try await socket.send("?")
            #expect(try await socket.receive()?.text == "[true, true]")
        }
    }

    @Test func `Parameters and the request reach the handler`() async throws {
        try await serving { server in
            server.route("/room/:name/:seat") { socket, parameters in
                let path = socket.request.path ?? ""
                try await socket.send("\(parameters["name"] ?? "") \(parameters["seat"] ?? "") \(path)")
            }
        } _: { port in
            let socket = try await connect(port, "/room/gr%C3%BCn/7?x=1")
            #expect(try await socket.receive()?.text == "grün 7 /room/gr%C3%BCn/7?x=1")
        }
    }

    @Test func `Callbacks get the messages in order, and the end once`() async throws {
        let ends = Mutex<[ConnectionEnd]>([])
        let (ended, endedNow) = AsyncStream<Void>.makeStream()
        try await serving { server in
            server.route("/echo") { _, _ in
                ConnectionCallbacks(
                    onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) },
                    onEnd: { _, end in
                        ends.withLock { $0.append(end) }
                        endedNow.yield()
                    }
                )
            }
        } _: { port in
            let socket = try await connect(port, "/echo")
            for number in 0..<100 { try await socket.send("\(number)") }
            for number in 0..<100 { #expect(try await socket.receive()?.text == "\(number)") }
            try await socket.close(code: CloseCode(4000), reason: "done")
            try await within(waitingFor: "the end") { for await _ in ended { break } }
        }
        #expect(ends.withLock { $0 }.map(\.code) == [CloseCode(4000)])
        #expect(ends.withLock { $0 }.map(\.reason) == ["done"])
    }

    @Test func `A server knows how many connections are open`() async throws {
        let server = WebSocketServer(.init(port: 0))
        let (closed, closedNow) = AsyncStream<Void>.makeStream()
        server.route("/") { _, _ in
            ConnectionCallbacks(onMessage: { _, _, _ in }, onEnd: { _, _ in closedNow.yield() })
        }
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        defer { run.cancel() }
        #expect(server.connectionCount == 0)
        var sockets: [WebSocketConnection] = []
        for _ in 0..<3 { sockets.append(try await connect(port, "/")) }
        // A round trip later the server has them all.
        for socket in sockets { _ = try await socket.ping() }
        #expect(server.connectionCount == 3)
        try await sockets[0].close()
        try await within(waitingFor: "the end") { for await _ in closed { break } }
        // Told to the route and taken off the list within one turn of the loop; the next turn sees both.
        _ = try await sockets[1].ping()
        try await within(waitingFor: "two connections") {
            while server.connectionCount != 2 { await Task.yield() }
        }
    }

    @Test func `The connection options are those of every connection`() async throws {
        var options = ConnectionOptions()
        options.limits.maxMessageSize = 10
        try await serving(.init(port: 0, connection: options)) { server in
            server.route("/") { socket, _ in for try await _ in socket.messages {} }
        } _: { port in
            let socket = try await connect(port, "/")
            try await socket.send("12345678901")
            #expect(await socket.closed.code == .messageTooBig)
        }
    }

    @Test func `A route after the start is an error in the log, not a route`() async throws {
        let log = LogCollector()
        let server = WebSocketServer(.init(port: 0, logger: log.logger))
        server.route("/") { _, _ in }
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        defer { run.cancel() }
        server.route("/late") { _, _ in }
        server.page("/later") { _ in HTTPAnswer() }
        for path in ["/late", "/later"] {
            let status = try await HTTPGet.get(port: port, path).status
            #expect(status == 404)
        }
        #expect(log.lines.filter { $0.hasPrefix("error") }.count == 2)
    }
}
