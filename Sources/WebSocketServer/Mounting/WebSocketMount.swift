import Logging
public import NIOCore
import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// A server's WebSockets on connections that another server accepts: any SwiftNIO pipeline that speaks HTTP, with or
/// without TLS below.
///
/// It stands in front of that pipeline and looks at the first request of each connection. One for a WebSocket at a path
/// of the server's is its own, refusals included; with anything else the pipeline begins as if nobody had looked.
///
/// ```swift
/// let server = WebSocketServer()
/// server.route("/echo") { socket, _ in … }
/// let mount = try server.mount()
///
/// ServerBootstrap(group: group)
///     .childChannelOption(.allowRemoteHalfClosure, value: true)
///     .childChannelInitializer { channel in
///         mount.add(to: channel) { channel in
///             channel.pipeline.configureHTTPServerPipeline().flatMap { channel.pipeline.addHandler(MyHandler()) }
///         }
///     }
/// ```
///
/// ``WebSocketServer/run()`` does not listen then: it waits for the shutdown, and closes what is open. So does SwiftNIO's
/// `ServerQuiescingHelper`, whose event closes the mount's sockets as well.
///
/// A WebSocket has to be its connection's first request, as it is where browsers open one; of a connection that has
/// asked for something else before, the pipeline hears all.
public final class WebSocketMount: Sendable {
    private let context: RequestReader.Context
    private let quiesce: @Sendable () -> Void
    private let loops = Mutex<[ObjectIdentifier: ServerLoop]>([:])

    /// - Parameter quiesce: begins to close all that is open; may be called more than once.
    init(_ context: RequestReader.Context, quiesce: @escaping @Sendable () -> Void) {
        self.context = context
        self.quiesce = quiesce
    }

    /// What became of a connection.
    public enum Outcome: Sendable, Hashable {
        /// It was taken for a WebSocket, or refused one.
        case taken
        /// Its first request is another's.
        case passedOn
    }

    /// Puts the mount at the end of a channel's pipeline, behind TLS and in front of all that speaks HTTP.
    ///
    /// - Parameters:
    ///   - channel: one that has just been accepted. Where it allows the peer's half-closure
    ///     (`ChannelOptions.allowRemoteHalfClosure`), closing handshakes end as the standard wants.
    ///   - configure: adds what speaks HTTP; called on the channel's loop, once there is a request that is none of the
    ///     mount's, or the client was silent for ``ConnectionOptions/handshakeTimeout``.
    /// - Returns: done when the mount is in place, at once where the caller is on the channel's loop.
    public func add(
        to channel: any Channel,
        otherwise configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.submit { try self.addNow(to: channel, promise: nil, configure) }
    }

    /// ``add(to:otherwise:)``, and what becomes of the connection. To be called on the channel's event loop.
    ///
    /// - Parameter promise: kept once that is known, and the pipeline is configured; failed when the connection ends
    ///   before.
    package func addNow(
        to channel: any Channel,
        promise: EventLoopPromise<Outcome>?,
        _ configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) throws {
        let handler = MountHandler(loop(of: channel.eventLoop), quiesce: quiesce, configure, promise)
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    private func loop(of eventLoop: any EventLoop) -> ServerLoop {
        loops.withLock { loops in
            if let loop = loops[ObjectIdentifier(eventLoop)] { return loop }
            let loop = ServerLoop(context, on: eventLoop)
            loops[ObjectIdentifier(eventLoop)] = loop
            return loop
        }
    }
}
