public import HTTPTypes
public import NIOCore
import NIOPosix
package import NIOSSL
public import WebSocketProtocol

/// The transport over a SwiftNIO channel, TCP or TLS: the one handler left in the pipeline once the opening
/// handshake is done. Bytes in, bytes out, one flush per read burst.
///
public final class ChannelTransport: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    private let channel: any Channel
    package var input: (any ConnectionInput)?
    private var lastWrite: UInt64 = 0
    /// The write whose call has not returned, while the socket has not taken it.
    private var writeUnderWay: UInt64?

    private init(channel: any Channel) { self.channel = channel }

    /// A transport at the end of the pipeline of an accepted channel. To be called on the channel's event loop.
    package static func add(to channel: any Channel) throws -> ChannelTransport {
        let transport = ChannelTransport(channel: channel)
        try channel.pipeline.syncOperations.addHandler(transport)
        return transport
    }

    /// Puts a connection on a channel whose opening handshake is done: adds the handler and feeds it what
    /// came behind the handshake, `callbacks` being there first. To be called on the channel's event loop.
    public static func start(
        on channel: any Channel,
        role: Role,
        request: HTTPRequest,
        subprotocol: String?,
        compression: DeflateAgreement? = nil,
        options: ConnectionOptions,
        callbacks: ConnectionCallbacks? = nil,
        leftover: ByteBuffer
    ) throws -> WebSocketConnection {
        let transport = try add(to: channel)
        let (connection, input) = WebSocketConnection.start(
            on: transport,
            role: role,
            request: request,
            subprotocol: subprotocol,
            compression: compression,
            remoteAddress: channel.remoteAddress,
            options: options,
            eventLoop: channel.eventLoop
        )
        transport.input = input
        if let callbacks { connection.setCallbacks(callbacks) }
        transport.deliver(leftover)
        return connection
    }

    private func deliver(_ buffer: ByteBuffer) {
        guard buffer.readableBytes > 0, let input else { return }
        input.received(buffer)
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) { deliver(unwrapInboundIn(data)) }

    public func channelInactive(context: ChannelHandlerContext) {
        input?.inputEnded()
        // Whoever took that for the end of one half only.
        input?.failed(.endOfStream)
        input = nil
        context.fireChannelInactive()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { input?.inputEnded() }
        context.fireUserInboundEventTriggered(event)
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A TLS peer that ends TCP without TLS's own goodbye; what matters is whether WebSocket's was said.
        if case NIOSSLError.uncleanShutdown = error {
            input?.inputEnded()
        } else {
            input?.failed(EndCause(error))
        }
        input = nil
    }
}

extension ChannelTransport: AcceptedTransport {
    package var eventLoop: any EventLoop { channel.eventLoop }
    package var peer: PeerAddress { PeerAddress(channel.remoteAddress) }
    package var isSecure: Bool { tls != nil }
    package var peerCertificate: NIOSSLCertificate? { tls?.peerCertificate }
    private var tls: NIOSSLServerHandler? {
        try? channel.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
    }

    public func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool {
        var buffer = channel.allocator.buffer(capacity: bytes.byteCount + more.byteCount)
        bytes.withUnsafeBytes { _ = buffer.writeBytes($0) }
        more.withUnsafeBytes { _ = buffer.writeBytes($0) }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        lastWrite += 1
        let number = lastWrite
        promise.futureResult.whenComplete { result in bound.value.completed(number, result) }
        writeUnderWay = number
        channel.writeAndFlush(buffer, promise: promise)
        defer { writeUnderWay = nil }
        return writeUnderWay == nil
    }

    private func completed(_ number: UInt64, _ result: Result<Void, any Error>) {
        switch result {
        case .success where number == writeUnderWay: writeUnderWay = nil
        case .success: input?.written()
        case .failure(let error): input?.failed(EndCause(error))
        }
    }

    public func pauseReading() { setAutoRead(false) }
    public func resumeReading() { setAutoRead(true) }

    private func setAutoRead(_ value: Bool) {
        // Fails only on a channel that is closed already, where nothing is read anyway.
        try? channel.syncOptions?.setOption(.autoRead, value: value)
    }

    public func closeOutput() { channel.close(mode: .output, promise: nil) }

    public func abort() {
        input = nil
        Self.cut(channel)
    }

    /// Closes a channel at once, whatever its peer does.
    package static func cut(_ channel: any Channel) {
        let pipeline = channel.pipeline.syncOperations
        let tls =
            (try? pipeline.context(handlerType: NIOSSLServerHandler.self))
            ?? (try? pipeline.context(handlerType: NIOSSLClientHandler.self))
        guard let tls else { return channel.close(mode: .all, promise: nil) }
        // TLS says its goodbye, as far as the socket takes it. Closing both ways would say it too, and keep the
        // socket until the peer answers, and the handler's 35 KB for five seconds even when the socket is gone.
        // Nothing the peer may say matters any more, so what is below TLS is closed right away.
        channel.close(mode: .output, promise: nil)
        tls.close(mode: .all, promise: nil)
    }
}
