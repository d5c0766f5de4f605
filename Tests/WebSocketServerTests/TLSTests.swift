import NIOCore
import NIOSSL
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@Suite(
    "Serving over TLS",
    .enabled(if: Tools.mayUse(Tools.openssl), "openssl is not installed"),
    .timeLimit(.minutes(1))
)
struct TLSTests {
    private static func echo(_ server: WebSocketServer) {
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
    }

    private static func connect(
        _ port: Int,
        _ change: (inout TLSConfiguration) -> Void = { _ in },
        trusting certificate: Certificate
    ) async throws -> WebSocketConnection {
        var configuration = certificate.clientConfiguration
        change(&configuration)
        return try await WebSocketConnection.connect(
            to: "wss://127.0.0.1:\(port)/echo",
            options: ClientOptions(tls: configuration)
        )
    }

    private static func check(_ socket: WebSocketConnection) async throws {
        let message = Message([UInt8](repeating: 0xA5, count: 300_000))
        try await socket.send(message)
        #expect(try await socket.receive() == message)
    }

    @Test func `A TLS port serves those who trust it, and outlives those who do not speak TLS`() async throws
    {
        let certificate = try await Certificate.make()
        try await serving(.init(port: 0, tls: certificate.serverConfiguration), Self.echo) { port in
            let plain = try await RawConnection.with(port: port) { connection in
                try await connection.write("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
                return try await connection.readToEnd()
            }
            #expect(!plain.starts(with: "HTTP/1.1".utf8), "plain HTTP was answered")
            await #expect(throws: ConnectError.self) {
                _ = try await WebSocketConnection.connect(to: "wss://127.0.0.1:\(port)/echo")
            }
            let socket = try await Self.connect(port, trusting: certificate)
            try await Self.check(socket)
            #expect(try await socket.close().wasClean)
        }
    }

    @Test(arguments: [[], ["http/1.1"], ["h2", "http/1.1"], ["spdy/1", "http/1.1"], ["spdy/1"]])
    func `A client that does not ask for HTTP/2 gets HTTP/1.1`(protocols: [String]) async throws {
        let certificate = try await Certificate.make()
        try await serving(.init(port: 0, tls: certificate.serverConfiguration), Self.echo) { port in
            let socket = try await Self.connect(
                port,
                { $0.applicationProtocols = protocols },
                trusting: certificate
            )
            try await Self.check(socket)
            #expect(try await socket.close().wasClean)
        }
    }

    @Test func `TLS before 1.2 is refused, whatever the configuration says`() async throws {
        let certificate = try await Certificate.make()
        var old = certificate.serverConfiguration
        old.minimumTLSVersion = .tlsv1
        try await serving(.init(port: 0, tls: old), Self.echo) { port in
            let error = await #expect(throws: ConnectError.self) {
                _ = try await Self.connect(port, { $0.maximumTLSVersion = .tlsv11 }, trusting: certificate)
            }
            #expect(error?.cause.name == "tls")
            let socket = try await Self.connect(
                port,
                { $0.maximumTLSVersion = .tlsv12 },
                trusting: certificate
            )
            try await Self.check(socket)
        }
        old.maximumTLSVersion = .tlsv11
        let server = WebSocketServer(.init(port: 0, tls: old))
        await #expect(throws: ServerError.tlsTooOld) { try await server.start() }
    }

    @Test func `A new certificate is shown to those who come; those who are there stay`() async throws {
        let first = try await Certificate.make()
        let second = try await Certificate.make()
        let server = WebSocketServer(.init(port: 0, tls: first.serverConfiguration))
        Self.echo(server)
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        defer { run.cancel() }
        let before = try await Self.connect(port, trusting: first)
        try server.reloadTLS(second.serverConfiguration)
        await #expect(throws: ConnectError.self) { _ = try await Self.connect(port, trusting: first) }
        let after = try await Self.connect(port, trusting: second)
        try await Self.check(after)
        try await Self.check(before)
        // What is none changes nothing.
        var broken = second.serverConfiguration
        broken.privateKey = .privateKey(first.key)
        #expect(throws: (any Error).self) { try server.reloadTLS(broken) }
        broken = second.serverConfiguration
        broken.maximumTLSVersion = .tlsv1
        #expect(throws: ServerError.tlsTooOld) { try server.reloadTLS(broken) }
        try await Self.check(try await Self.connect(port, trusting: second))
        let plain = WebSocketServer(.init(port: 0))
        #expect(throws: ServerError.withoutTLS) { try plain.reloadTLS(first.serverConfiguration) }
    }

    @Test func `Clients must show a certificate where that is wanted, and the hook sees it`() async throws {
        let certificate = try await Certificate.make()
        let client = try await Certificate.make(for: "DNS:client.test")
        let stranger = try await Certificate.make(for: "DNS:client.test")
        var mutual = certificate.serverConfiguration
        mutual.trustRoots = .certificates(client.chain)
        mutual.certificateVerification = .noHostnameVerification
        try await serving(.init(port: 0, tls: mutual)) { server in
            server.route("/echo") { request in
                #expect(request.isSecure)
                #expect(request.httpVersion == .http1_1)
                #expect(request.peerCertificate == client.chain.first)
                return .accept(())
            } handler: { socket, _, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { port in
            func show(_ shown: Certificate) -> (inout TLSConfiguration) -> Void {
                { configuration in
                    configuration.certificateChain = shown.chain.map { .certificate($0) }
                    configuration.privateKey = .privateKey(shown.key)
                }
            }
            try await Self.check(try await Self.connect(port, show(client), trusting: certificate))
            await #expect(throws: ConnectError.self) {
                _ = try await Self.connect(port, show(stranger), trusting: certificate)
            }
            await #expect(throws: ConnectError.self) {
                _ = try await Self.connect(port, trusting: certificate)
            }
        }
    }

    @Test func `A handshake of TLS that does not come to an end is cut off`() async throws {
        let certificate = try await Certificate.make()
        var configuration = WebSocketServer.Configuration(port: 0, tls: certificate.serverConfiguration)
        configuration.connection.handshakeTimeout = .milliseconds(150)
        try await serving(configuration, Self.echo) { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write([0x16, 0x03])
                _ = try await connection.readToEnd()
            }
        }
    }
}
