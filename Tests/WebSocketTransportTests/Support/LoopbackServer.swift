import NIOCore
import NIOPosix
import NIOSSL
import TestSupport
import WebSocketProtocol
import WebSocketTransport

/// The server's end of real connections, with as little around it as there can be: every request becomes a
/// connection, handed to `onConnection` on its event loop.
final class LoopbackServer: Sendable {
    let port: Int
    private let stopListening: @Sendable () async -> Void

    /// - Parameter engine: what carries the connections; by default SwiftNIO.
    init(
        _ engine: Engine = .nio(.singletonMultiThreadedEventLoopGroup),
        tls: NIOSSLContext? = nil,
        options: ConnectionOptions = .quiet(),
        onConnection: @escaping @Sendable (WebSocketConnection) -> Void
    ) async throws {
        let upgrade: @Sendable (any AcceptedTransport) -> Void = { transport in
            transport.input = Upgrader(transport, options, onConnection)
        }
        let address: SocketAddress?
        switch engine {
        case .nio(let group):
            let bootstrap = ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                        upgrade(try ChannelTransport.add(to: channel))
                    }
                }
            let channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            address = channel.localAddress
            stopListening = { try? await channel.close() }
        #if os(Linux)
        case .epoll(let group):
            let listener = try await SocketListener.listen(
                on: SocketAddress(ipAddress: "127.0.0.1", port: 0),
                backlog: 1024,
                loops: group.loops,
                exhaustion: AcceptExhaustion { _ in },
                accept: { _ in upgrade }
            )
            address = listener.address
            stopListening = {
                listener.close()
                try? await listener.closeFuture.get()
            }
        #endif
        }
        guard let port = address?.port else { throw ChannelError.unknownLocalAddress }
        self.port = port
    }

    enum Engine: Sendable {
        case nio(any EventLoopGroup)
        #if os(Linux)
        case epoll(SocketLoopGroup)
        #endif

        /// SwiftNIO, and where there is such a thing, loops of our own on epoll and io_uring.
        static let names: [String] = {
            #if os(Linux)
            ["nio", "epoll"] + (Tools.mayUseRing ? ["io_uring"] : [])
            #else
            ["nio"]
            #endif
        }()

        /// With loops of its own.
        static func named(_ name: String, loops: Int) throws -> Engine {
            #if os(Linux)
            if name != "nio" { return .epoll(try SocketLoopGroup(count: loops, onRing: name == "io_uring")) }
            #endif
            return .nio(MultiThreadedEventLoopGroup(numberOfThreads: loops))
        }

        var group: any EventLoopGroup {
            switch self {
            case .nio(let group): group
            #if os(Linux)
            case .epoll(let group): group
            #endif
            }
        }
    }

    func stop() async { await stopListening() }

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

    /// Reads a request and makes a connection of it.
    private final class Upgrader: ConnectionInput {
        private let transport: any AcceptedTransport
        private let options: ConnectionOptions
        private let onConnection: @Sendable (WebSocketConnection) -> Void
        private var parser = HTTPRequestParser()

        init(
            _ transport: any AcceptedTransport,
            _ options: ConnectionOptions,
            _ onConnection: @escaping @Sendable (WebSocketConnection) -> Void
        ) {
            (self.transport, self.options, self.onConnection) = (transport, options, onConnection)
        }

        func received(_ bytes: UnsafeMutableRawBufferPointer) {
            var offset = 0
            do {
                guard let head = try parser.parse(UnsafeRawBufferPointer(bytes), at: &offset) else { return }
                let handshake = try ServerHandshake(checking: head)
                let (connection, input) = WebSocketConnection.start(
                    on: transport,
                    role: .server,
                    request: .whole(handshake.request),
                    subprotocol: nil,
                    compression: nil,
                    peer: transport.peer,
                    options: options,
                    eventLoop: transport.eventLoop,
                    answer: HTTPHeadSerializer.bytes(of: try handshake.acceptance())
                )
                transport.input = input
                onConnection(connection)
                let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])
                if !rest.isEmpty { input.received(rest) }
            } catch {
                transport.abort()
            }
        }

        func written() {}
        func inputEnded() { transport.abort() }
        func failed(_ cause: EndCause) { transport.abort() }
    }
}
