import Logging
import NIOCore
import NIOSSL
import NIOTLS
import WebSocketTransport

/// Finds out which version of HTTP a connection speaks, and makes the rest of its pipeline: by ALPN where TLS is below,
/// and by the first bytes where it is not.
final class ProtocolChooser: LoopTimerOwner {
    private enum State {
        /// TLS will tell.
        case securing
        /// The beginning of what could yet become HTTP/2's preface.
        case reading(ByteBuffer)
        case over
    }

    private let channel: any Channel
    private let loop: ServerLoop
    private let options: WebSocketServer.HTTP2Options
    private let deadline: NIODeadline
    private var state: State
    private var place: LoopConnections.Place?
    /// Whom the connection is from, by a trusted proxy's word if there is one.
    private var peer: PeerAddress
    var timer = LoopTimer()

    /// To be called on the channel's loop, while the pipeline has nothing but TLS, if that.
    static func start(
        on channel: any Channel,
        isSecure: Bool,
        _ loop: ServerLoop,
        _ options: WebSocketServer.HTTP2Options
    ) throws {
        let chooser = ProtocolChooser(channel, isSecure: isSecure, loop, options)
        try channel.pipeline.syncOperations.addHandler(chooser)
        let place = loop.connections.add(chooser)
        chooser.place = place
        chooser.setTimer(at: chooser.deadline, on: loop.eventLoop)
        if loop.connections.isDraining { chooser.drainBegan() }
        guard !loop.server.admission.accepts(chooser.peer, at: place, on: loop) else { return }
        let bound = NIOLoopBound(chooser, eventLoop: loop.eventLoop)
        loop.eventLoop.execute { bound.value.abort() }
    }

    /// A proxy has said whose connection it is.
    func isFrom(_ header: ProxyHeader) {
        guard case .client(let address, let port) = header, let place, !isOver else { return }
        peer = address.peer(port: port)
        if !loop.server.admission.counts(peer, at: place, on: loop) { abort() }
    }

    private init(
        _ channel: any Channel,
        isSecure: Bool,
        _ loop: ServerLoop,
        _ options: WebSocketServer.HTTP2Options
    ) {
        self.channel = channel
        self.loop = loop
        self.options = options
        state = isSecure ? .securing : .reading(ByteBuffer())
        peer = PeerAddress(channel.remoteAddress)
        deadline = loop.eventLoop.now + TimeAmount(loop.server.options.handshakeTimeout)
    }

    func timerFired() { abort() }

    /// - Returns: false when all was over before.
    private func finish() -> Bool {
        if case .over = state { return false }
        state = .over
        cancelTimer(on: loop.eventLoop)
        return true
    }

    /// Makes way for whoever speaks the protocol that was chosen.
    private func choose(isHTTP2: Bool, _ context: ChannelHandlerContext, _ bytes: ByteBuffer = ByteBuffer()) {
        guard finish(), let place else { return }
        do {
            if isHTTP2 {
                try HTTP2Connection.start(
                    on: channel,
                    loop,
                    options,
                    at: place,
                    from: peer,
                    deadline: deadline
                )
            } else {
                let transport = try ChannelTransport.add(to: channel)
                RequestReader.start(transport, loop, at: place, from: peer, deadline: deadline)
            }
        } catch {
            loop.remove(at: place)
            return ChannelTransport.cut(channel)
        }
        if bytes.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(bytes))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

extension ProtocolChooser: UnopenedConnection {
    func drainBegan() {
        setTimer(
            at: min(deadline, loop.eventLoop.now + (loop.connections.requestGrace ?? .zero)),
            on: loop.eventLoop
        )
    }

    func abort() {
        guard finish() else { return }
        if let place { loop.remove(at: place) }
        ChannelTransport.cut(channel)
    }
}

extension ProtocolChooser: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let name)? = event as? TLSUserEvent {
            choose(isHTTP2: name == "h2", context)
        } else if case ChannelEvent.inputClosed = event, !isOver {
            abort()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private var isOver: Bool { if case .over = state { true } else { false } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .reading(var seen) = state else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        seen.writeBuffer(&bytes)
        state = .reading(seen)
        let preface = FrameMeter.preface
        let isAlike = seen.readableBytesView.prefix(preface.count).elementsEqual(
            preface.prefix(seen.readableBytes)
        )
        guard isAlike else { return choose(isHTTP2: false, context, seen) }
        if seen.readableBytes >= preface.count { choose(isHTTP2: true, context, seen) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        abort()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isOver else { return context.fireErrorCaught(error) }
        loop.server.logger.debug("failed before the upgrade", metadata: ["error": "\(EndCause(error))"])
        abort()
    }
}
