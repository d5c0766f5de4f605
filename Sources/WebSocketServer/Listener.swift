import NIOCore
import NIOPosix
import NIOSSL
import WebSocketTransport

extension WebSocketServer {
    /// What carries the connections of a server.
    public enum Engine: String, Sendable, Hashable, CaseIterable {
        /// SwiftNIO: everywhere, with and without TLS.
        case nio
        /// An event loop on Linux's epoll made for WebSockets: plain TCP on Linux only.
        case epoll
        /// The same loop on Linux's io_uring, since Linux 6.12: fewer system calls, where the system admits it.
        case ioUring = "io_uring"

        /// Whether this system has it and lets this process use it.
        public var isAvailable: Bool {
            #if os(Linux)
            self != .ioUring || SocketLoopGroup.canBeOnRing
            #else
            self == .nio
            #endif
        }

        /// The fastest that can serve: for plain TCP on Linux `ioUring` where it is available and else `epoll`, `nio`
        /// for all else.
        public static func fastest(withTLS: Bool) -> Engine {
            let engines = withTLS ? [] : [Engine.ioUring, .epoll]
            return engines.first(where: \.isAvailable) ?? .nio
        }

        /// Why ``ioUring`` is not available.
        static let whyNoRing = "the system has no io_uring of Linux 6.12 or later, or refuses it"
    }
}

/// What a server listens by, on any engine.
protocol Listener: Sendable {
    var engine: WebSocketServer.Engine { get }
    var address: SocketAddress? { get }
    /// When it listens no more.
    var closeFuture: EventLoopFuture<Void> { get }
    func close()
    /// Ends the event loops that are the server's own.
    func endLoops() async
}

/// Listens by SwiftNIO.
struct NIOListener: Listener {
    var engine: WebSocketServer.Engine { .nio }
    private let channel: any Channel
    private let ownedGroup: MultiThreadedEventLoopGroup?

    var address: SocketAddress? { channel.localAddress }
    var closeFuture: EventLoopFuture<Void> { channel.closeFuture }
    func close() { channel.close(promise: nil) }
    func endLoops() async { try? await ownedGroup?.shutdownGracefully() }

    static func listen(
        _ configuration: WebSocketServer.Configuration,
        _ context: RequestReader.Context,
        tls: TLSKeeper
    ) async throws -> NIOListener {
        let http2 = configuration.http2
        let ownedGroup = configuration.workers.map { MultiThreadedEventLoopGroup(numberOfThreads: $0) }
        let group = ownedGroup ?? .singleton
        let loops = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map {
                (ObjectIdentifier($0), ServerLoop(context, on: $0))
            }
        )
        let exhaustion = AcceptExhaustion(telling: context.logger)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { AcceptPauseHandler.add(to: $0, exhaustion) }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // Another read right after one that emptied the socket only costs a system call.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let eventLoop = channel.eventLoop
                    let loop = loops[ObjectIdentifier(eventLoop)] ?? ServerLoop(context, on: eventLoop)
                    let tls = tls.current
                    guard tls != nil || http2.allowsCleartext else {
                        _ = RequestReader.start(try ChannelTransport.add(to: channel), loop)
                        return
                    }
                    try ProxyHeaderHandler.addIfRequired(to: channel, loop)
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try ProtocolChooser.start(on: channel, isSecure: tls != nil, loop, http2)
                }
            }
        do {
            let channel = try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
            return NIOListener(channel: channel, ownedGroup: ownedGroup)
        } catch {
            try? await ownedGroup?.shutdownGracefully()
            throw error
        }
    }
}

#if os(Linux)
/// Listens by an event loop of our own.
struct SocketServerListener: Listener {
    let engine: WebSocketServer.Engine
    private let listener: SocketListener
    private let ownedGroup: SocketLoopGroup?

    var address: SocketAddress? { listener.address }
    var closeFuture: EventLoopFuture<Void> { listener.closeFuture }
    func close() { listener.close() }
    func endLoops() async { try? await ownedGroup?.shutdownGracefully() }

    static func listen(
        _ configuration: WebSocketServer.Configuration,
        _ context: RequestReader.Context,
        onRing: Bool
    ) async throws -> SocketServerListener {
        // By a thread that may wait: a name is looked up by the system, which may ask the network.
        let (host, port) = (configuration.host, configuration.port)
        let address = try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(host, port: port)
        }
        let ownedGroup: SocketLoopGroup?
        let group: SocketLoopGroup
        do {
            ownedGroup = try configuration.workers.map { try SocketLoopGroup(count: $0, onRing: onRing) }
            group = try ownedGroup ?? SocketLoopGroup.shared(onRing: onRing)
        } catch let error as IOError where onRing && Self.isMissing(error) {
            throw ServerError.engineUnavailable(.ioUring, "\(WebSocketServer.Engine.whyNoRing) (\(error))")
        }
        do {
            let listener = try await SocketListener.listen(
                on: address,
                backlog: configuration.backlog,
                loops: group.loops,
                exhaustion: AcceptExhaustion(telling: context.logger)
            ) { eventLoop in
                let loop = ServerLoop(context, on: eventLoop)
                return { transport in RequestReader.start(transport, loop) }
            }
            let engine = onRing ? WebSocketServer.Engine.ioUring : .epoll
            return SocketServerListener(engine: engine, listener: listener, ownedGroup: ownedGroup)
        } catch {
            try? await ownedGroup?.shutdownGracefully()
            throw error
        }
    }

    /// Whether a system says by it that it has no such thing or does not let us.
    private static func isMissing(_ error: IOError) -> Bool {
        [ENOSYS, EPERM, EACCES, EINVAL, ENOMEM].contains(error.errnoCode)
    }
}
#endif
