import HTTPTypes
import NIOCore
import NIOSSL
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Connections through proxies that are scripts of the test, over loopback.
@Suite("Connections through a proxy", .timeLimit(.minutes(3)))
struct ProxyTests {
    /// Connects through a proxy that runs `script`, to a server whose name only a proxy could resolve.
    private func through(
        _ scheme: String,
        to url: String = "ws://server.test/",
        _ change: (inout ClientOptions) -> Void = { _ in },
        _ script: @escaping RawServer.Script
    ) async throws -> Result<WebSocketConnection, ConnectError> {
        var options = ClientOptions.patient
        change(&options)
        return try await RawServer.run(script) { [options] proxy in
            var options = options
            options.proxy = try ClientProxy("\(scheme)127.0.0.1:\(proxy.port)")
            return try await Self.outcome(of: url, options)
        }
    }

    private static func outcome(
        of url: String,
        _ options: ClientOptions
    ) async throws -> Result<WebSocketConnection, ConnectError> {
        try await within {
            do {
                return .success(try await .connect(to: url, options: options))
            } catch let error as ConnectError {
                return .failure(error)
            }
        }
    }

    private static func cause(_ outcome: Result<WebSocketConnection, ConnectError>) -> EndCause? {
        switch outcome {
        case .success(let connection):
            connection.abort()
            return nil
        case .failure(let error): return error.cause
        }
    }

    // MARK: Tunnels

    @Test("The server behind an HTTP proxy is spoken to as if there were none")
    func http() async throws {
        let heads = Promised<[String]>()
        let outcome = try await through("http://ana:secret@", to: "ws://server.test:81/chat") { peer in
            let connect = try await peer.readHead()
            try await peer.write("HTTP/1.1 200 Connection established\r\n\r\n")
            let request = try await peer.readHead()
            heads.fulfil([connect, request])
            let acceptance = try RawPeer.acceptance(of: request)
            try await peer.write(Array(acceptance.utf8) + Frame.text("hello").bytes(from: .server))
            await peer.readToEnd()
        }
        let connection = try outcome.get()
        let seen = try await within { try await heads.value }
        #expect(seen[0].hasPrefix("CONNECT server.test:81 HTTP/1.1\r\n"))
        #expect(seen[0].contains("Proxy-Authorization: Basic YW5hOnNlY3JldA=="))
        #expect(seen[1].hasPrefix("GET /chat HTTP/1.1\r\nHost: server.test:81\r\n"))
        #expect(!seen[1].contains("Proxy-Authorization"), "the server learns nothing of the proxy's password")
        #expect(try await within { try await connection.receive() } == Message("hello"))
        connection.abort()
    }

    @Test("The server behind a SOCKS proxy is spoken to as if there were none")
    func socks() async throws {
        let outcome = try await through("socks5://ana:secret@") { peer in
            _ = try await peer.read(4)
            try await peer.write([5, 2])
            _ = try await peer.read(2 + 3 + 1 + 6)
            try await peer.write([1, 0])
            _ = try await peer.read(4 + 12 + 2)
            try await peer.write([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
            try await peer.accept(and: .text("hello"))
            await peer.readToEnd()
        }
        let connection = try outcome.get()
        #expect(try await within { try await connection.receive() } == Message("hello"))
        connection.abort()
    }

    @Test("Bytes that come one at a time make no difference")
    func pieces() async throws {
        let outcome = try await through("http://") { peer in
            _ = try await peer.readHead()
            for byte in "HTTP/1.1 200 OK\r\n\r\n".utf8 { try await peer.write([byte]) }
            let acceptance = try RawPeer.acceptance(of: await peer.readHead())
            for byte in Array(acceptance.utf8) + Frame.text("hello").bytes(from: .server) {
                try await peer.write([byte])
            }
            await peer.readToEnd()
        }
        let connection = try outcome.get()
        #expect(try await within { try await connection.receive() } == Message("hello"))
        connection.abort()
    }

    @Test("What the server says in the segment of the proxy's 200 is the server's")
    func sameSegment() async throws {
        let outcome = try await through("http://") { peer in
            _ = try await peer.readHead()
            try await peer.write(
                "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
            )
            await peer.readToEnd()
        }
        guard case .failure(let error) = outcome else {
            Issue.record("connected")
            return
        }
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(503)))
        #expect(error.body == Array("busy".utf8))
    }

    @Test(
        "TLS goes through to the server, whose certificate is what is verified",
        .enabled(if: Tools.mayUse(Tools.openssl), "openssl is not installed"),
        arguments: ["http://", "socks5://"]
    )
    func tls(_ scheme: String) async throws {
        let certificate = try await Certificate.make(for: "DNS:localhost")
        let relay: RawServer.Script = { peer in
            if scheme == "http://" {
                let target = try await peer.readHead().split(separator: " ")[1]
                try await peer.write("HTTP/1.1 200 OK\r\n\r\n")
                try await peer.relay(to: Int(target.split(separator: ":")[1]) ?? 0)
            } else {
                _ = try await peer.read(3)
                try await peer.write([5, 0])
                let request = try await peer.read(4 + 10 + 2)
                try await peer.write([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
                try await peer.relay(to: Int(request[14]) << 8 | Int(request[15]))
            }
        }
        try await LoopbackServer.run(
            tls: NIOSSLContext(configuration: certificate.serverConfiguration),
            onConnection: LoopbackServer.echo
        ) { server in
            let url = server.secureURL
            let connection = try await through(
                scheme,
                to: url,
                { $0.tls = certificate.clientConfiguration },
                relay
            )
            .get()
            try await within {
                for size in [0, 1, 100_000] {
                    let message = Message((0..<size).map { UInt8(truncatingIfNeeded: $0) })
                    try await connection.send(message)
                    #expect(try await connection.receive() == message)
                }
                #expect(try await connection.close().wasClean)
            }
            let distrusted = try await through(scheme, to: url, { _ in }, relay)
            #expect(Self.cause(distrusted) == .tls("certificate verify failed"))
        }
    }

    // MARK: No tunnel

    @Test("A proxy's refusal is told as such, with its answer")
    func refusal() async throws {
        let outcome = try await through("http://") { peer in
            _ = try await peer.readHead()
            try await peer.write(
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                    + "Content-Length: 5\r\n\r\nlogin"
            )
            await peer.readToEnd()
        }
        guard case .failure(let error) = outcome else {
            Issue.record("connected")
            return
        }
        #expect(error.description == "proxy answered 407 Proxy Authentication Required")
        #expect(error.cause.name == "proxyFailed")
        #expect(error.response?.headerFields[.proxyAuthenticate] == "Basic realm=\"x\"")
        #expect(error.body == Array("login".utf8))
    }

    @Test("A proxy that is silent: the clock of connecting includes it", arguments: ["http://", "socks5://"])
    func silence(_ scheme: String) async throws {
        let outcome = try await through(scheme) {
            $0.connectTimeout = .milliseconds(50)
        } _: { peer in
            await peer.readToEnd()
        }
        #expect(Self.cause(outcome) == .connectTimeout)
    }

    @Test("A server that is silent behind the proxy: the clock of the handshake begins with the tunnel")
    func silentServer() async throws {
        let outcome = try await through("http://") {
            $0.connection.handshakeTimeout = .milliseconds(50)
        } _: { peer in
            _ = try await peer.readHead()
            try await peer.write("HTTP/1.1 200 OK\r\n\r\n")
            await peer.readToEnd()
        }
        #expect(Self.cause(outcome) == .handshakeTimeout)
    }

    @Test("A proxy that hangs up", arguments: ["http://", "socks5://"], ["", "HTTP/1.1 2", "\u{5}\u{0}"])
    func hangUp(_ scheme: String, _ beginning: String) async throws {
        let outcome = try await through(scheme) { peer in
            _ = try await peer.read(3)
            try await peer.write(beginning)
            try await peer.end()
            await peer.readToEnd()
        }
        guard case .proxyFailed = Self.cause(outcome) else {
            Issue.record("not \(outcome)")
            return
        }
    }

    @Test("A proxy that resets the connection")
    func reset() async throws {
        let outcome = try await through("http://") { peer in
            _ = try await peer.readHead()
            try await peer.reset()
        }
        guard case .proxyFailed(let what) = Self.cause(outcome) else {
            Issue.record("not \(outcome)")
            return
        }
        #expect(what.hasSuffix(": the connection was reset"))
    }

    @Test("A server that hangs up behind the proxy is not the proxy")
    func serverHangsUp() async throws {
        let outcome = try await through("http://") { peer in
            _ = try await peer.readHead()
            try await peer.write("HTTP/1.1 200 OK\r\n\r\n")
            _ = try await peer.readHead()
        }
        #expect(Self.cause(outcome) == .endOfStream)
    }

    @Test("A proxy that is not there, or has no address, is named")
    func unreachable() async throws {
        let port = try await RawServer.unusedPort()
        var options = ClientOptions.patient
        options.proxy = try ClientProxy("http://ana:secret@127.0.0.1:\(port)")
        #expect(
            Self.cause(try await Self.outcome(of: "ws://server.test/", options))
                == .proxyFailed("proxy http://127.0.0.1:\(port): connection refused: nobody listens there")
        )
        options.proxy = try ClientProxy("socks5://proxy.invalid:\(port)")
        guard
            case .proxyFailed(let what) = Self.cause(try await Self.outcome(of: "ws://server.test/", options))
        else {
            Issue.record("connected")
            return
        }
        #expect(what.hasPrefix("proxy socks5://proxy.invalid:\(port): no address found"))
    }

    @Test("A cancelled task gives up, and the proxy sees it")
    func cancelled() async throws {
        let (request, ended) = (Promised<String>(), Promised<Void>())
        try await RawServer.run { peer in
            request.fulfil(try await peer.readHead())
            await peer.readToEnd()
            ended.fulfil(())
        } _: { proxy in
            var options = ClientOptions.patient
            options.proxy = try ClientProxy("http://127.0.0.1:\(proxy.port)")
            let connecting = Task { [options] in
                try await WebSocketConnection.connect(to: "ws://server.test/", options: options)
            }
            _ = try await within { try await request.value }
            connecting.cancel()
            let error = try await within {
                await thrownError(CancellationError.self) { _ = try await connecting.value }
            }
            #expect(error != nil)
            try await within { try await ended.value }
        }
    }
}
