import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

@Suite("Serving over TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl is not installed"))
    func `A TLS port serves those who trust it, and outlives those who do not speak TLS`() async throws {
        let certificate = try await Certificate.make()
        try await serving(.init(port: 0, tls: certificate.serverConfiguration)) { server in
            server.route("/echo") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { port in
            let plain = try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
                return try await connection.readToEnd()
            }
            #expect(!plain.starts(with: "HTTP/1.1".utf8), "plain HTTP was answered")
            await #expect(throws: ConnectError.self) {
                _ = try await WebSocketConnection.connect(to: "wss://127.0.0.1:\(port)/echo")
            }
            let trusting = ClientOptions(tls: certificate.clientConfiguration)
            let socket = try await WebSocketConnection.connect(
                to: "wss://127.0.0.1:\(port)/echo",
                options: trusting
            )
            let message = Message([UInt8](repeating: 0xA5, count: 300_000))
            try await socket.send(message)
            #expect(try await socket.receive() == message)
            #expect(try await socket.close().wasClean)
        }
    }
}
