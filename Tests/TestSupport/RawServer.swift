package import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization
import WebSocketProtocol

/// A TCP server that does what a script says and knows nothing of WebSocket by itself: the bytes that a
/// broken, rude or dead server sends.
package final class RawServer: Sendable {
    package typealias Script = @Sendable (inout RawPeer) async throws -> Void

    private let channel: any Channel
    package let port: Int

    private init(_ channel: any Channel) throws {
        self.channel = channel
        guard let port = channel.localAddress?.port else { throw RawPeer.Ended() }
        self.port = port
    }

    /// Runs `body` with a server each of whose connections runs `script`, and closes the connection when the
    /// script is done.
    package static func run<Value>(
        tls: NIOSSLContext? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ script: @escaping Script,
        _ body: (RawServer) async throws -> Value
    ) async throws -> Value {
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    let input = RawPeer.Input()
                    try pipeline.addHandler(RawPeer.Handler(input))
                    Task {
                        var peer = RawPeer(channel, input)
                        // A script may fail when its client goes away: the client is what is tested.
                        try? await script(&peer)
                        try? await channel.close()
                    }
                }
            }
        let server = try RawServer(await bootstrap.bind(host: "127.0.0.1", port: 0).get())
        do {
            let value = try await body(server)
            try? await server.channel.close()
            return value
        } catch {
            try? await server.channel.close()
            throw error
        }
    }

    /// A port of this machine on which nobody listens.
    package static func unusedPort() async throws -> Int { try await run({ _ in }) { $0.port } }

    package var url: String { "ws://127.0.0.1:\(port)/" }
}

/// One connection of a ``RawServer``.
package struct RawPeer {
    package struct Ended: Error {}

    package let channel: any Channel
    private let input: Input
    private var incoming: AsyncStream<[UInt8]>.Iterator
    private var buffer: ArraySlice<UInt8> = []

    fileprivate init(_ channel: any Channel, _ input: Input) {
        self.channel = channel
        self.input = input
        incoming = input.stream.makeAsyncIterator()
    }

    /// What comes, from the event loop to the script.
    fileprivate final class Input: Sendable {
        let stream: AsyncStream<[UInt8]>
        private let continuation: AsyncStream<[UInt8]>.Continuation
        let hasEnded = Atomic(false)

        init() { (stream, continuation) = AsyncStream.makeStream() }
        func yield(_ bytes: [UInt8]) { continuation.yield(bytes) }

        func end() {
            hasEnded.store(true, ordering: .relaxed)
            continuation.finish()
        }
    }

    /// Whether the client has ended its half, read or not.
    package var hasInputEnded: Bool { input.hasEnded.load(ordering: .relaxed) }

    /// Leaves everything from here on in the socket.
    package func stopReading() async throws { try await channel.setOption(.autoRead, value: false).get() }

    fileprivate final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let input: Input

        init(_ input: Input) { self.input = input }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            input.yield(Array(unwrapInboundIn(data).readableBytesView))
        }
        func channelInactive(context: ChannelHandlerContext) { input.end() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { input.end() }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { input.end() }
        }
    }

    private mutating func readMore() async throws {
        guard let bytes = await incoming.next() else { throw Ended() }
        buffer += bytes
    }

    /// The request, up to its blank line.
    package mutating func readHead() async throws -> String {
        while true {
            let text = String(decoding: buffer, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                let head = String(text[..<end.upperBound])
                buffer = buffer.dropFirst(head.utf8.count)
                return head
            }
            try await readMore()
        }
    }

    package mutating func readFrame() async throws -> Frame {
        while true {
            if let frame = try Frame.take(from: &buffer) { return frame }
            try await readMore()
        }
    }

    /// Exactly so many bytes.
    package mutating func read(_ count: Int) async throws -> [UInt8] {
        while buffer.count < count { try await readMore() }
        defer { buffer = buffer.dropFirst(count) }
        return Array(buffer.prefix(count))
    }

    /// Carries bytes between the client and a port of this machine, until the client ends its half.
    package mutating func relay(to port: Int) async throws {
        let client = channel
        let target = try await ClientBootstrap(group: channel.eventLoop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Relay(to: client))
            }
        }.connect(host: "127.0.0.1", port: port).get()
        repeat {
            try await target.writeAndFlush(ByteBuffer(bytes: buffer))
            buffer = []
        } while (try? await readMore()) != nil
        try? await target.close()
    }

    /// Everything that comes goes out on another channel, and so does the end.
    private final class Relay: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let other: any Channel

        init(to other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }
        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    }

    /// Everything until the client ends its half.
    @discardableResult
    package mutating func readToEnd() async -> [UInt8] {
        while (try? await readMore()) != nil {}
        defer { buffer = [] }
        return Array(buffer)
    }

    package func write(_ text: String) async throws { try await write(Array(text.utf8)) }
    package func write(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }
    package func write(_ frame: Frame) async throws { try await write(frame.bytes(from: .server)) }

    /// The 101 that answers a request.
    package static func acceptance(of head: String, extra: String = "") throws -> String {
        let name = "sec-websocket-key:"
        let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name) }
        guard let line else { throw Ended() }
        let key = line.dropFirst(name.count).drop { $0 == " " }
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(HandshakeFields.accept(for: String(key)))\r\n\(extra)\r\n"
    }

    /// Reads the request and accepts it; what is given goes out in the same write.
    package mutating func accept(extra: String = "", and frames: Frame...) async throws {
        let answer = try Self.acceptance(of: await readHead(), extra: extra)
        try await write(Array(answer.utf8) + frames.flatMap { $0.bytes(from: .server) })
    }

    /// Ends the outgoing half.
    package func end() async throws { try await channel.close(mode: .output) }

    /// Past TLS, as a middlebox would.
    package func writeBelowTLS(_ bytes: [UInt8]) async throws {
        try await channel.pipeline.context(handlerType: NIOSSLServerHandler.self).flatMap { context in
            context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)))
        }.get()
    }

    /// Ends the connection without a word of TLS.
    package func endBelowTLS() async throws {
        try await channel.pipeline.context(handlerType: NIOSSLServerHandler.self).flatMap { $0.close() }.get()
    }

    /// Ends the connection with RST.
    package func reset() async throws {
        let provider = channel as? any SocketOptionProvider
        try await provider?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close()
    }
}
