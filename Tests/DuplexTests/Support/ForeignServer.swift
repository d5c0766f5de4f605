import HTTPTypes
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

/// A foreign server, and what our client does with it. See Tests/Interop/README.md for its routes.
struct ForeignServer: Sendable {
    let process: ChildProcess
    let port: Int
    var scheme = "ws"

    static func start(_ interpreter: String, _ script: String, _ arguments: [String] = []) async throws
        -> ForeignServer
    {
        let process = try ChildProcess(interpreter, [script] + arguments)
        let text = try await process.line(beginning: "listening ")
        return ForeignServer(process: process, port: try #require(Int(text)))
    }

    func url(_ path: String) -> String { "\(scheme)://127.0.0.1:\(port)\(path)" }

    struct Scenario: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let run: @Sendable (ForeignServer) async throws -> Void

        init(_ name: String, _ run: @escaping @Sendable (ForeignServer) async throws -> Void) {
            testDescription = name
            self.run = run
        }
    }

    static let scenarios: [Scenario] = [
        Scenario("text, empty and beyond ASCII") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/echo"))
            for text in ["", "hello", "grüße, 世界 🌍", String(repeating: "é", count: 70_000)] {
                try await socket.send(text)
                let answer = try await socket.receive()
                #expect(answer?.text == text)
            }
            #expect(try await socket.close().wasClean)
        },
        Scenario("binary at the borders of the length encodings") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/echo"))
            for count in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
                let message = Message(pattern(count))
                try await socket.send(message)
                let answer = try await socket.receive()
                #expect(answer == message)
            }
            #expect(try await socket.close().wasClean)
        },
        Scenario("10 MiB, which our side sends in fragments") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/echo"))
            let message = Message(pattern(10 << 20))
            try await socket.send(message)
            let answer = try await within(.seconds(60), waitingFor: "10 MiB") { try await socket.receive() }
            #expect(answer == message)
            #expect(try await socket.close().wasClean)
        },
        Scenario("fragments from it, cut inside characters") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/fragments"))
            let text = String(repeating: "añ€🌍", count: 1_000)
            try await socket.send(text)
            #expect(try await socket.receive()?.text == text)
            let message = Message(pattern(100_000))
            try await socket.send(message)
            #expect(try await socket.receive() == message)
            #expect(try await socket.close().wasClean)
        },
        Scenario("fragments from us, as they become known") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/echo"))
            try await socket.sendMessage(.text) { writer in
                for byte in "añ€🌍".utf8 { try await writer.write([byte]) }
            }
            #expect(try await socket.receive()?.text == "añ€🌍")
            #expect(try await socket.close().wasClean)
        },
        Scenario("its ping is answered") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/ping"))
            #expect(try await socket.receive()?.text == "pong received")
            #expect(try await socket.close().wasClean)
        },
        Scenario("our ping is answered") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/echo"))
            #expect(try await socket.ping() > .zero)
            #expect(try await socket.close().wasClean)
        },
        Scenario("its close, with code and reason") { server in
            let socket = try await WebSocketConnection.connect(
                to: server.url("/close?code=4123&reason=gr%C3%BC%C3%9Fe")
            )
            let end = await socket.closed
            #expect(end.code == CloseCode(4123))
            #expect(end.reason == "grüße")
            #expect(end.wasClean)
            #expect(end.cause == .closedByPeer)
        },
        Scenario("its close without a code") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/close"))
            let end = await socket.closed
            #expect(end.code == .noStatusReceived)
            #expect(end.wasClean)
        },
        Scenario("our close, with code and reason") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/echo"))
            let end = try await socket.close(code: CloseCode(3456), reason: "enough")
            #expect(end.code == CloseCode(3456))
            #expect(end.wasClean)
            #expect(end.cause == .closedByUs)
        },
        Scenario("messages in the segment of the 101 wait for a late reader") { server in
            let socket = try await WebSocketConnection.connect(to: server.url("/early"))
            // A round trip later they have all arrived.
            _ = try await socket.ping()
            for number in 1...5 {
                let message = try await socket.receive()
                #expect(message?.text == "early \(number)")
            }
            #expect(try await socket.close().wasClean)
        },
        Scenario("a subprotocol is agreed on, or none is") { server in
            let options = ClientOptions(subprotocols: ["v1.chat", "v2.chat"])
            let agreed = try await WebSocketConnection.connect(
                to: server.url("/subprotocol"),
                options: options
            )
            #expect(agreed.subprotocol == "v2.chat")
            let silent = try await WebSocketConnection.connect(to: server.url("/subprotocol"))
            #expect(silent.subprotocol == nil)
            #expect(try await agreed.close().wasClean)
            #expect(try await silent.close().wasClean)
        },
        Scenario("a path it does not serve is told with its status and words") { server in
            let error = await #expect(throws: ConnectError.self) {
                _ = try await WebSocketConnection.connect(to: server.url("/nowhere"))
            }
            #expect(error?.response?.status.code == 404)
            #expect(error?.cause == .handshakeRefused(.unexpectedStatus(404)))
            #expect(error?.body.isEmpty == false)
        },
    ]

    /// Compressed echoes: each message by itself, with memory, with small windows, and as large as they come.
    func checkCompression(at path: String) async throws {
        for deflate in [
            DeflateOptions(threshold: 0),
            DeflateOptions(keepsOwnContext: true, keepsPeerContext: true, threshold: 0),
            DeflateOptions(ownMaxWindowBits: 9, peerMaxWindowBits: 10, threshold: 0),
        ] {
            var options = ClientOptions()
            options.connection.compression = deflate
            let socket = try await WebSocketConnection.connect(to: url(path), options: options)
            #expect(socket.compression != nil)
            for text in ["", "hello", "hello", String(repeating: "{\"name\": \"grüße\"}, ", count: 20_000)] {
                try await socket.send(text)
                #expect(try await socket.receive()?.text == text)
            }
            let noise = Message(Self.pattern(5 << 20))
            try await socket.send(noise)
            #expect(try await within(waitingFor: "5 MiB") { try await socket.receive() } == noise)
            try await socket.sendMessage(.text) { writer in
                for byte in "añ€🌍".utf8 { try await writer.write([byte]) }
            }
            #expect(try await socket.receive()?.text == "añ€🌍")
            #expect(try await socket.close().wasClean)
        }
    }

    /// Trust, a round trip, and a clean close.
    static func checkTLS(_ interpreter: String, _ script: String) async throws {
        let certificate = try await Certificate.make()
        var server = try await start(
            interpreter,
            script,
            ["--tls", certificate.certificateFile, certificate.keyFile]
        )
        server.scheme = "wss"
        let trusting = ClientOptions(tls: certificate.clientConfiguration)
        let socket = try await WebSocketConnection.connect(to: server.url("/echo"), options: trusting)
        let message = Message(pattern(1 << 20))
        try await socket.send(message)
        #expect(try await socket.receive() == message)
        #expect(try await socket.close().wasClean)
        // The same server is a stranger to those who trust the system's authorities only.
        let error = await #expect(throws: ConnectError.self) {
            _ = try await WebSocketConnection.connect(to: server.url("/echo"))
        }
        #expect(error?.cause.name == "tls")
    }

    private static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167) }
    }
}
