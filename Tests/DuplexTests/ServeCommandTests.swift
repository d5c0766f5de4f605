import Foundation
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@Suite("duplex serve", .timeLimit(.minutes(2)))
struct ServeCommandTests {
    @Test func `An occupied port is one clear line and exit status 1`() async throws {
        let first = try await ServeProcess.start()
        let second = try ChildProcess(Tools.duplex, ["serve", "--port", "\(first.port)"])
        let (exit, output, errors) = try await second.finished()
        #expect(exit == .init(status: 1))
        #expect(errors == "duplex: port \(first.port) of 127.0.0.1 is in use by another program\n")
        #expect(output.isEmpty)
    }

    @Test func `It says what is served and where`() async throws {
        let serve = try await ServeProcess.start()
        let echo = try await serve.process.line(beginning: "  echo     ")
        #expect(echo == "ws://127.0.0.1:\(serve.port)/echo")
        let console = try await serve.process.line(beginning: "  console  ")
        #expect(console == "http://127.0.0.1:\(serve.port)/")
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `A signal closes every connection with 1012 and ends with status 0`(signal: Int32) async throws {
        let serve = try await ServeProcess.start(["--workers", "2"])
        var connections: [WebSocketConnection] = []
        for index in 0..<8 {
            let path = index % 2 == 0 ? "/echo" : "/topic/shutdown"
            connections.append(try await .connect(to: serve.url(path)))
        }
        serve.process.signal(signal)
        for connection in connections {
            let end = await connection.closed
            #expect(end.code == .serviceRestart)
            #expect(end.wasClean)
            #expect(end.cause == .closedByPeer)
        }
        let (exit, _, _) = try await serve.process.finished()
        #expect(exit == .init(status: 0))
    }

    @Test func `A signal sent as soon as the server has said where it is, is heeded`() async throws {
        for _ in 0..<10 {
            let serve = try await ServeProcess.start()
            serve.process.signal(SIGTERM)
            let (exit, _, _) = try await serve.process.finished()
            #expect(exit == .init(status: 0))
        }
    }

    @Test func `The log holds no line and no secret of a peer's making`() async throws {
        let serve = try await ServeProcess.start(["--verbose"])
        let socket = try await WebSocketConnection.connect(to: serve.url("/echo"))
        try await socket.close(code: CloseCode(4000), reason: "bye\nforged\u{1B}[31m")
        let refused = try await HTTPGet.answer(
            port: serve.port,
            "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Protocol: tok/en-SECRET==\r\n\r\n"
        )
        #expect(refused.status == 400)
        serve.process.signal(SIGTERM)
        let (_, _, errors) = try await serve.process.finished()
        #expect(errors.contains("bye\\u{A}forged\\u{1B}[31m"))
        #expect(errors.contains(" refused"))
        #expect(!errors.contains("SECRET"))
        #expect(!errors.contains("\u{1B}"))
    }

    @Test func `A message over --max-message-size is refused with 1009, one at the limit is echoed`()
        async throws
    {
        let serve = try await ServeProcess.start(["--max-message-size", "64KiB"])
        let connection = try await WebSocketConnection.connect(to: serve.url("/echo"))
        let atLimit = [UInt8](repeating: 7, count: 64 << 10)
        try await connection.send(atLimit)
        #expect(try await connection.receive() == Message(atLimit))
        try await connection.send(atLimit + [7])
        let end = await connection.closed
        #expect(end.code == .messageTooBig)
    }

    @Test func `A topic's message goes to all who are on it, the sender too, and to nobody else`()
        async throws
    {
        let serve = try await ServeProcess.start(["--workers", "3"])
        var here: [WebSocketConnection] = []
        for _ in 0..<6 { here.append(try await .connect(to: serve.url("/topic/a%20b"))) }
        let elsewhere = try await WebSocketConnection.connect(to: serve.url("/topic/other"))
        // Who is on a topic was put on it before its first message came back.
        for connection in here {
            try await connection.send("joined")
            let joined = try await connection.receive()
            #expect(joined?.text == "joined")
        }
        for number in 0..<50 { try await here[0].send("\(number)") }
        for connection in here {
            var texts: [String] = []
            while texts.last != "49" {
                let message = try #require(try await connection.receive())
                if message.text != "joined" { texts.append(message.text ?? "binary") }
            }
            #expect(texts == (0..<50).map(String.init))
        }
        try await elsewhere.send("alone")
        #expect(try await elsewhere.receive()?.text == "alone")
    }

    @Test func `Health, console, unknown paths and WebSocket paths answer plain HTTP`() async throws {
        let serve = try await ServeProcess.start()
        let health = try await HTTPGet.get(port: serve.port, "/healthz")
        #expect(health.status == 200)
        #expect(health.body == "ok\n")
        let readiness = try await HTTPGet.get(port: serve.port, "/readyz")
        #expect(readiness.status == 200)
        #expect(readiness.body == "ready\n")
        let console = try await HTTPGet.get(port: serve.port, "/")
        #expect(console.status == 200)
        #expect(console.head.contains("content-type: text/html; charset=utf-8"))
        #expect(console.head.contains("content-security-policy: default-src 'none'"))
        let file = try String(
            contentsOfFile: Tools.path("Sources/duplex/Resources/console.html"),
            encoding: .utf8
        )
        #expect(console.body == file)
        #expect(try await HTTPGet.get(port: serve.port, "/nothing").status == 404)
        let echo = try await HTTPGet.get(port: serve.port, "/echo")
        #expect(echo.status == 426)
        #expect(echo.head.contains("upgrade: websocket"))
        #expect(echo.head.contains("sec-websocket-version: 13"))
    }

    @Test func `--subprotocol is agreed on with those who offer it`() async throws {
        let serve = try await ServeProcess.start(["--subprotocol", "v2.chat", "--subprotocol", "v1.chat"])
        let offering = try await WebSocketConnection.connect(
            to: serve.url("/echo"),
            options: .init(subprotocols: ["v1.chat", "v2.chat"])
        )
        #expect(offering.subprotocol == "v2.chat")
        let silent = try await WebSocketConnection.connect(to: serve.url("/echo"))
        #expect(silent.subprotocol == nil)
    }

    @Test func `--verbose logs the opening and the end of a connection, without the query`() async throws {
        let serve = try await ServeProcess.start(["--verbose"])
        let connection = try await WebSocketConnection.connect(to: serve.url("/echo?token=secret"))
        try await connection.close(code: CloseCode(4000))
        let log = try await serve.process.errors(containing: "closed")
        #expect(log.contains("opened"))
        #expect(log.contains("code=4000"))
        #expect(!log.contains("secret"))
    }

    @Test(arguments: [["--workers", "0"], ["--port", "70000"], ["--max-message-size", "lots"]])
    func `Wrong options are refused with status 64`(arguments: [String]) async throws {
        let (exit, _, errors) = try await ChildProcess(Tools.duplex, ["serve"] + arguments).finished()
        #expect(exit == .init(status: 64))
        #expect(errors.contains(arguments[0]))
    }
}
