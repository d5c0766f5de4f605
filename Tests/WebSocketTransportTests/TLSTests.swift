import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Connections under TLS, over loopback: that they work, and how they fail and end.
@Suite("TLS", .enabled(if: Tools.mayUse(Tools.openssl), "openssl is not installed"), .timeLimit(.minutes(3)))
struct TLSTests {
    private let certificate: Certificate

    init() async throws { certificate = try await Certificate.make() }

    private var options: ClientOptions {
        var tls = certificate.clientConfiguration
        // So that whoever waits for TLS's goodbye is noticed.
        tls.shutdownTimeout = .seconds(1000)
        return ClientOptions(connection: .quiet { $0.closeTimeout = .seconds(1000) }, tls: tls)
    }

    private func connectError(to url: String, _ options: ClientOptions) async throws -> ConnectError {
        let failure = try await within {
            await thrownError(ConnectError.self) {
                try await WebSocketConnection.connect(to: url, options: options).abort()
            }
        }
        return try #require(failure)
    }

    @Test(
        "Messages of every size go both ways, and either end closes cleanly",
        arguments: [Role.client, .server]
    )
    func exchange(_ closer: Role) async throws {
        let accepted = Promised<WebSocketConnection>()
        try await LoopbackServer.run(
            tls: NIOSSLContext(configuration: certificate.serverConfiguration),
            options: options.connection
        ) {
            connection in
            LoopbackServer.echo(connection)
            accepted.fulfil(connection)
        } _: { [options] server in
            let url = server.secureURL
            try await within {
                let client = try await WebSocketConnection.connect(to: url, options: options)
                for size in [0, 1, 125, 126, 65_535, 65_536, 3 << 20] {
                    let message = Message((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
                    try await client.send(message)
                    #expect(try await client.receive() == message)
                }
                let peer = try await accepted.value
                // Within the test's time: no end waits for its own timeout, nor for that of TLS.
                try await (closer == .client ? client : peer).close(code: CloseCode(4000), reason: "done")
                for (connection, role) in [(client, Role.client), (peer, .server)] {
                    let end = await connection.closed
                    #expect(end.code == CloseCode(4000))
                    #expect(end.wasClean)
                    #expect(end.cause == (role == closer ? .closedByUs : .closedByPeer))
                }
            }
        }
    }

    @Test("A server known by its address is checked by its address")
    func address() async throws {
        try await LoopbackServer.run(
            tls: NIOSSLContext(configuration: certificate.serverConfiguration),
            onConnection: LoopbackServer.echo
        ) {
            [options] server in
            let url = "wss://127.0.0.1:\(server.port)/"
            try await within {
                let client = try await WebSocketConnection.connect(to: url, options: options)
                try await client.send("x")
                #expect(try await client.receive() == Message("x"))
                client.abort()
            }
        }
    }

    @Test("A certificate that nobody vouches for is refused by default")
    func untrusted() async throws {
        try await LoopbackServer.run(
            tls: NIOSSLContext(configuration: certificate.serverConfiguration),
            onConnection: LoopbackServer.echo
        ) {
            server in
            let error = try await connectError(to: server.secureURL, .patient)
            #expect(error.cause == .tls("certificate verify failed"))
            #expect(error.description == "TLS: certificate verify failed")
        }
    }

    @Test("A certificate for another name is refused", arguments: ["localhost", "127.0.0.1"])
    func wrongName(_ host: String) async throws {
        let other = try await Certificate.make(for: "DNS:other.invalid")
        try await LoopbackServer.run(
            tls: NIOSSLContext(configuration: other.serverConfiguration),
            onConnection: LoopbackServer.echo
        ) {
            server in
            let error = try await connectError(
                to: "wss://\(host):\(server.port)/",
                ClientOptions(tls: other.clientConfiguration)
            )
            guard case .tls = error.cause else {
                Issue.record("not \(error.cause)")
                return
            }
        }
    }

    @Test("TLS to a server that speaks none")
    func plainServer() async throws {
        try await RawServer.run { peer in
            try await peer.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            await peer.readToEnd()
        } _: { [options] server in
            let error = try await connectError(to: "wss://127.0.0.1:\(server.port)/", options)
            #expect(error.cause == .tls("wrong version number"))
        }
    }

    @Test("A server that hangs up during the TLS handshake")
    func hangUp() async throws {
        try await RawServer.run { _ in
        } _: { [options] server in
            let error = try await connectError(to: "wss://127.0.0.1:\(server.port)/", options)
            switch error.cause {
            // Which of them depends on whether the client's hello was still on its way.
            case .tls, .endOfStream, .reset: break
            default: Issue.record("not \(error.cause)")
            }
        }
    }

    @Test("A server that is silent during the TLS handshake: the handshake's clock includes it")
    func silence() async throws {
        try await RawServer.run { peer in
            await peer.readToEnd()
        } _: { [options] server in
            var options = options
            options.connection.handshakeTimeout = .milliseconds(50)
            let error = try await connectError(to: "wss://127.0.0.1:\(server.port)/", options)
            #expect(error.cause == .handshakeTimeout)
        }
    }

    /// How a connection ends whose server runs `script` after accepting.
    private func end(_ script: @escaping RawServer.Script) async throws -> ConnectionEnd {
        try await RawServer.run(tls: NIOSSLContext(configuration: certificate.serverConfiguration)) { peer in
            try await peer.accept(and: .text("hello"))
            // What comes in one read with a failure of TLS is lost with it.
            _ = try await peer.readFrame()
            try await script(&peer)
        } _: { [options] server in
            let url = "wss://127.0.0.1:\(server.port)/"
            return try await within {
                let client = try await WebSocketConnection.connect(to: url, options: options)
                #expect(try await client.receive() == Message("hello"))
                try await client.send("ready")
                return await client.closed
            }
        }
    }

    @Test("Bytes that are no TLS, in the middle of a connection")
    func corrupted() async throws {
        let end = try await end { peer in
            try await peer.writeBelowTLS([23, 3, 3, 0, 40] + [UInt8](repeating: 0xAA, count: 40))
            await peer.readToEnd()
        }
        guard case .tls(let what) = end.cause else {
            Issue.record("not \(end.cause)")
            return
        }
        #expect(what.contains("mac") || what.contains("decrypt"), "says what was wrong: \(what)")
        #expect(end.code == .abnormalClosure)
        #expect(!end.wasClean)
    }

    @Test("TCP that ends without TLS's goodbye, and without a close frame")
    func truncated() async throws {
        let end = try await end { peer in try await peer.endBelowTLS() }
        #expect(end.cause == .endOfStream)
        #expect(end.code == .abnormalClosure)
    }

    @Test("TCP that ends without TLS's goodbye, behind the closing handshake: still clean")
    func truncatedAfterClose() async throws {
        let end = try await end { peer in
            try await peer.write(.close(1000))
            _ = try await peer.readFrame()
            try await peer.endBelowTLS()
        }
        #expect(end.wasClean)
        #expect(end.code == .normalClosure)
    }

    @Test("Abort lets go of the socket at once, though the peer never answers TLS's goodbye")
    func abort() async throws {
        let done = Promised<Void>()
        try await RawServer.run(tls: NIOSSLContext(configuration: certificate.serverConfiguration)) { peer in
            try await peer.accept()
            try await peer.stopReading()
            try await done.value
        } _: { [options] server in
            let url = "wss://127.0.0.1:\(server.port)/"
            let counter = DescriptorCounter(port: server.port)
            let client = try await within { try await WebSocketConnection.connect(to: url, options: options) }
            try await within { while counter.open != 2 { await Task.yield() } }
            client.abort()
            try await within { while counter.open > 1 { await Task.yield() } }
            done.fulfil(())
        }
    }

    private final class PeerOfCut: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let ended: Promised<[String]>
        private var errors: [String] = []

        init(_ ended: Promised<[String]>) { self.ended = ended }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { errors.append("\(error)") }
        func channelInactive(context: ChannelHandlerContext) { ended.fulfil(errors) }
    }

    /// Tells of a channel whose TLS handshake is done.
    private final class Secured: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let secured: Promised<any Channel>

        init(_ secured: Promised<any Channel>) { self.secured = secured }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSUserEvent.handshakeCompleted = event { secured.fulfil(context.channel) }
        }
    }

    private final class Weak {
        weak var object: AnyObject?
        init(_ object: AnyObject?) { self.object = object }
    }

    @Test("Whoever cuts a connection says TLS's goodbye, and keeps nothing of it until the peer has answered")
    func cut() async throws {
        let (serverTLS, clientTLS) = try (
            NIOSSLContext(configuration: certificate.serverConfiguration),
            NIOSSLContext(configuration: certificate.clientConfiguration)
        )
        let (secured, ended) = (Promised<any Channel>(), Promised<[String]>())
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = NIOSSLServerHandler(context: serverTLS)
                    try channel.pipeline.syncOperations.addHandlers([tls, Secured(secured)])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        _ = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try NIOSSLClientHandler(context: clientTLS, serverHostname: "localhost")
                    try channel.pipeline.syncOperations.addHandlers([tls, PeerOfCut(ended)])
                }
            }
            .connect(to: #require(listener.localAddress)).get()
        let channel = try await within { try await secured.value }
        let handler = try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let handler = Weak(try pipeline.handler(type: NIOSSLServerHandler.self))
            ChannelTransport.cut(channel)
            return NIOLoopBound(handler, eventLoop: channel.eventLoop)
        }.get()
        try await within { try await channel.closeFuture.get() }
        // NIO takes the handlers out in a turn of the loop's of its own, which came first.
        #expect(try await channel.eventLoop.submit { handler.value.object == nil }.get())
        #expect(try await within { try await ended.value }.isEmpty, "no end without a goodbye")
        try await listener.close()
    }
}
