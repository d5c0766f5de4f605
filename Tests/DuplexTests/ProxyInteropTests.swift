import NIOSSL
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// Our client through proxies of other people: tinyproxy (HTTP CONNECT) and microsocks (SOCKS 5).
@Suite(
    "Foreign proxies",
    .enabled(if: Tools.mayUse(Tools.tinyproxy), "make test installs tinyproxy"),
    .enabled(if: Tools.mayUse(Tools.microsocks), "make test installs microsocks"),
    .timeLimit(.minutes(2))
)
struct ProxyInteropTests {
    /// Runs `body` with a proxy and an echo, and the URL of that.
    private func with(
        _ kind: ForeignProxy.Kind,
        _ certificate: Certificate? = nil,
        _ body: (ForeignProxy, String) async throws -> Void
    ) async throws {
        let proxy = try await ForeignProxy.start(kind)
        try await serving(.init(port: 0, tls: certificate?.serverConfiguration)) { server in
            server.route("/echo") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { port in
            // By its name, which is for the proxy to resolve.
            try await body(proxy, "\(certificate == nil ? "ws" : "wss")://localhost:\(port)/echo")
        }
    }

    private func options(_ proxy: ForeignProxy, _ certificate: Certificate? = nil) throws -> ClientOptions {
        ClientOptions(
            tls: certificate?.clientConfiguration ?? .makeClientConfiguration(),
            proxy: try ClientProxy(proxy.url())
        )
    }

    private func echo(_ url: String, _ options: ClientOptions) async throws {
        try await within {
            let socket = try await WebSocketConnection.connect(to: url, options: options)
            for size in [0, 1, 70_000, 3 << 20] {
                let message = Message((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                try await socket.send(message)
                #expect(try await socket.receive() == message)
            }
            #expect(try await socket.close().wasClean)
        }
    }

    private func cause(_ url: String, _ options: ClientOptions) async throws -> EndCause? {
        try await within {
            do {
                try await WebSocketConnection.connect(to: url, options: options).abort()
                return nil
            } catch let error as ConnectError {
                return error.cause
            }
        }
    }

    @Test(arguments: ForeignProxy.Kind.allCases)
    func `Messages go through, small and large, and the close`(kind: ForeignProxy.Kind) async throws {
        try await with(kind) { proxy, url in try await echo(url, options(proxy)) }
    }

    @Test(
        .enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"),
        arguments: ForeignProxy.Kind.allCases
    )
    func `TLS goes through, and the server's certificate is verified`(kind: ForeignProxy.Kind) async throws {
        let certificate = try await Certificate.make()
        try await with(kind, certificate) { proxy, url in
            try await echo(url, options(proxy, certificate))
            #expect(try await cause(url, options(proxy)) == .tls("certificate verify failed"))
        }
    }

    @Test(arguments: ForeignProxy.Kind.allCases)
    func `A wrong password, and none, are told`(kind: ForeignProxy.Kind) async throws {
        try await with(kind) { proxy, url in
            let wrong = ClientOptions(proxy: try ClientProxy(proxy.url(password: "wrong")))
            let right = try ClientProxy(proxy.url())
            switch kind {
            case .tinyproxy:
                // Which knows one status for a password that is missing, another for one that is wrong.
                #expect(try await cause(url, wrong) == .proxyFailed("proxy answered 401 Unauthorized"))
                let none = ClientOptions(proxy: try .http(host: right.host, port: right.port))
                let answer = "proxy answered 407 Proxy Authentication Required"
                #expect(try await cause(url, none) == .proxyFailed(answer))
            case .microsocks:
                let answer = "proxy does not take this user and password"
                #expect(try await cause(url, wrong) == .proxyFailed(answer))
                let none = ClientOptions(proxy: try .socks5(host: right.host, port: right.port))
                #expect(
                    try await cause(url, none) == .proxyFailed("proxy wants a login, and no user is given")
                )
            }
        }
    }

    @Test(arguments: ForeignProxy.Kind.allCases)
    func `A server that the proxy does not reach is the proxy's to tell`(kind: ForeignProxy.Kind) async throws
    {
        let proxy = try await ForeignProxy.start(kind)
        let port = try await ForeignProxy.unusedPort()
        guard case .proxyFailed(let what) = try await cause("ws://127.0.0.1:\(port)/", options(proxy)) else {
            Issue.record("no failure of the proxy")
            return
        }
        #expect(
            what.hasPrefix(kind == .tinyproxy ? "proxy answered 50" : "proxy answered 5: connection refused")
        )
    }

    @Test(arguments: ForeignProxy.Kind.allCases)
    func `The command goes through it`(kind: ForeignProxy.Kind) async throws {
        try await with(kind) { proxy, url in
            let way: [(arguments: [String], environment: [String: String])] = [
                (["--proxy", proxy.url()], [:]), ([], ["all_proxy": proxy.url()]),
            ]
            for (arguments, environment) in way {
                let process = try ChildProcess(
                    Tools.duplex,
                    ["connect"] + arguments + [url],
                    environment: environment
                )
                try process.write("hola\n")
                try process.endInput()
                let (exit, output, errors) = try await process.finished()
                #expect(String(decoding: output, as: UTF8.self) == "hola\n", "\(errors)")
                #expect(exit == .init(status: 0))
            }
        }
    }
}
