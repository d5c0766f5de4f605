package import HTTPTypes
import NIOCore
import NIOPosix
import NIOSSL
public import WebSocketProtocol

extension WebSocketConnection {
    /// Opens a connection (RFC 6455 §4.1).
    ///
    /// What the server sends right behind its answer waits for the first reader. Redirects are not followed
    /// (RFC 6455 §4.1 leaves that to the client): the answer is in the error. Cancelling the task abandons
    /// the attempt.
    ///
    /// - Parameter url: `ws:` or `wss:`; `http:` and `https:` mean the same.
    /// - Parameter callbacks: take messages and the end from the first on. ``setCallbacks(_:)`` on what this
    ///   returns comes later: what the server sent at once waits for it, and is answered only then.
    /// - Throws: ``UsageError`` for what cannot be a request, ``ConnectError`` for what did not open,
    ///   `CancellationError`.
    public static func connect(
        to url: String,
        options: ClientOptions = .init(),
        callbacks: ConnectionCallbacks? = nil
    ) async throws -> WebSocketConnection {
        try await connect(to: WebSocketURL(url), options: options, callbacks: callbacks)
    }

    /// Opens a connection. See ``connect(to:options:callbacks:)-(String,_,_)``.
    public static func connect(
        to url: WebSocketURL,
        options: ClientOptions = .init(),
        callbacks: ConnectionCallbacks? = nil
    ) async throws -> WebSocketConnection {
        try await open(url, options: options, callbacks: callbacks).connection
    }

    /// A connection that is open, and the server's answer that opened it.
    package struct Opened: Sendable {
        package let connection: WebSocketConnection
        package let response: HTTPResponse

        /// The extensions agreed on, as the server wrote them.
        package var extensions: String {
            response.headerFields[values: .secWebSocketExtensions].joined(separator: ", ")
        }
    }

    /// ``connect(to:options:callbacks:)-(WebSocketURL,_,_)`` with the server's answer.
    package static func open(
        _ url: WebSocketURL,
        options: ClientOptions,
        callbacks: ConnectionCallbacks?
    ) async throws -> Opened {
        let handshake = try ClientHandshake(
            url: url,
            subprotocols: options.subprotocols,
            requiresSubprotocol: options.requiresSubprotocol,
            extensions: options.connection.compression.map { [DeflateAgreement.offer($0)] } ?? [],
            headers: options.headers
        )
        // Made before anything else, so that a bad configuration is not taken for a bad server.
        var configuration = options.tls
        // What is not spoken here must not be offered: a server would take it (RFC 7301 §3.2).
        configuration.applicationProtocols.removeAll { $0 == "h2" }
        let tls = url.isSecure ? try NIOSSLContext(configuration: configuration) : nil
        let proxy = try options.proxy.map { try ProxyAttempt(through: $0, to: url, options) }
        let loop = options.eventLoopGroup.next()
        let promise = loop.makePromise(of: Opened.self)
        let connectionOptions = options.connection

        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(options.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    limitUnsent(channel)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(ConnectGate())
                    if let proxy { try pipeline.addHandler(ProxyHandler(proxy, promise)) }
                    if let tls { try pipeline.addHandler(makeTLSHandler(tls, host: url.host)) }
                    try pipeline.addHandler(
                        ClientHandshakeHandler(
                            handshake: handshake,
                            options: connectionOptions,
                            callbacks: callbacks,
                            promise: promise
                        )
                    )
                }
            }
        // RFC 6761 §6.3: names below localhost are this machine's, and not every resolver knows.
        let host = url.host.hasSuffix(".localhost") ? "localhost" : url.host
        let channel = bootstrap.connect(
            host: proxy?.proxy.host ?? host,
            port: proxy?.proxy.port ?? url.port
        )
        channel.whenFailure { error in
            let cause = EndCause(error)
            let seen = proxy.map { cause.at($0.proxy) } ?? cause
            promise.fail(error is UsageError ? error : ConnectError(seen))
        }
        channel.whenSuccess { channel in
            // Closed already, it has no gate any more, and nobody to tell.
            let gate = try? channel.pipeline.syncOperations.handler(type: ConnectGate.self)
            if let gate { gate.open() } else { promise.fail(ConnectError(.endOfStream)) }
        }
        // Whoever gives up first closes the channel, should it open after all.
        promise.futureResult.whenFailure { _ in channel.whenSuccess { $0.close(promise: nil) } }

        let opened = try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            promise.fail(CancellationError())
        }
        if Task.isCancelled {
            opened.connection.abort()
            throw CancellationError()
        }
        return opened
    }

    /// Has the system take only so much as it can send soon, not megabytes that would wait in front of a pong or a
    /// close, and count as sent. Where the system knows no such limit, all is as before.
    private static func limitUnsent(_ channel: any Channel) {
        #if os(Linux) || canImport(Darwin)
        #if os(Linux)
        let unsentLowAt: CInt = 25  // TCP_NOTSENT_LOWAT, since Linux 3.12
        #else
        let unsentLowAt: CInt = 0x201  // TCP_NOTSENT_LOWAT
        #endif
        try? channel.syncOptions?.setOption(
            .tcpOption(NIOBSDSocket.Option(rawValue: unsentLowAt)),
            value: .init(mostUnsent)
        )
        #endif
    }

    /// Bytes that a client's socket takes ahead of what TCP may send.
    private static let mostUnsent = 128 << 10

    /// RFC 6455 §4.1: the name is checked against the certificate and sent as SNI, which has no addresses.
    private static func makeTLSHandler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    }
}
