import NIOCore
import NIOPosix
import NIOSSL
import WebSocketProtocol
import WebSocketTransport

/// The server's end of real connections, with as little around it as there can be: every request becomes a
/// connection, handed to `onConnection` on its event loop.
final class LoopbackServer: Sendable {
    private let channel: any Channel
    let port: Int

    init(
        tls: NIOSSLContext? = nil,
        options: ConnectionOptions = .quiet(),
        group: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup,
        onConnection: @escaping @Sendable (WebSocketConnection) -> Void
    ) async throws {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.addHandler(UpgradeHandler(options: options, onConnection: onConnection))
                }
            }
        channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        guard let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        self.port = port
    }

    func stop() async { try? await channel.close() }

    var url: String { "ws://127.0.0.1:\(port)/" }
    var secureURL: String { "wss://localhost:\(port)/" }

    /// Runs `body` with a server, and stops it whatever comes.
    static func run<Value>(
        tls: NIOSSLContext? = nil,
        options: ConnectionOptions = .quiet(),
        onConnection: @escaping @Sendable (WebSocketConnection) -> Void,
        _ body: (LoopbackServer) async throws -> Value
    ) async throws -> Value {
        let server = try await LoopbackServer(tls: tls, options: options, onConnection: onConnection)
        do {
            let value = try await body(server)
            await server.stop()
            return value
        } catch {
            await server.stop()
            throw error
        }
    }

    /// A server that sends every message back.
    @Sendable static func echo(_ connection: WebSocketConnection) {
        connection.setCallbacks(
            .init(onMessage: { isolated, kind, bytes in try? isolated.send(kind, bytes) })
        )
    }

    private final class UpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let options: ConnectionOptions
        private let onConnection: @Sendable (WebSocketConnection) -> Void
        private var parser = HTTPRequestParser()

        init(options: ConnectionOptions, onConnection: @escaping @Sendable (WebSocketConnection) -> Void) {
            self.options = options
            self.onConnection = onConnection
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var buffer = unwrapInboundIn(data)
            do {
                guard let head = try parser.parse(&buffer) else { return }
                let handshake = try ServerHandshake(checking: head)
                let answer = try HTTPHeadSerializer.bytes(of: handshake.acceptance())
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
                let channel = context.channel
                context.pipeline.syncOperations.removeHandler(self, promise: nil)
                onConnection(
                    try ChannelTransport.start(
                        on: channel,
                        role: .server,
                        request: handshake.request,
                        subprotocol: nil,
                        options: options,
                        leftover: buffer
                    )
                )
            } catch {
                context.close(promise: nil)
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
