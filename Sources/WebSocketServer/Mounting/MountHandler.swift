import NIOCore
import WebSocketProtocol
import WebSocketTransport

/// Looks at the first request of a connection, and gives the connection to whom it is for: the server's own reader, or
/// the pipeline of somebody else.
final class MountHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case looking
        /// The other pipeline is being made.
        case configuring
        case over
    }

    private let loop: ServerLoop
    private let quiesce: @Sendable () -> Void
    private let configure: @Sendable (any Channel) -> EventLoopFuture<Void>
    private let promise: EventLoopPromise<WebSocketMount.Outcome>?
    private var parser: HTTPRequestParser
    private var state = State.looking
    /// All that came, to be told again to whom it is for.
    private var seen = ByteBuffer()
    /// Bytes of `seen` that the parser knows.
    private var looked = 0
    private var hasEnded = false
    private var readIsWanted = false
    private var deadline: Scheduled<Void>?

    init(
        _ loop: ServerLoop,
        quiesce: @escaping @Sendable () -> Void,
        _ configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>,
        _ promise: EventLoopPromise<WebSocketMount.Outcome>?
    ) {
        self.loop = loop
        self.quiesce = quiesce
        self.configure = configure
        self.promise = promise
        parser = HTTPRequestParser(limits: loop.server.options.limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let limit = TimeAmount(loop.server.options.handshakeTimeout)
        deadline = context.eventLoop.scheduleTask(in: limit) {
            bound.value.handler.passOn(bound.value.context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        seen.writeBuffer(&bytes)
        if case .looking = state { look(context) }
    }

    // While the other pipeline is made, what the client sends waits with the system.
    func read(context: ChannelHandlerContext) {
        if case .configuring = state { readIsWanted = true } else { context.read() }
    }

    private func look(_ context: ChannelHandlerContext) {
        do throws(ProtocolError) {
            let head = try seen.withUnsafeReadableBytes { all throws(ProtocolError) -> HTTPRequestHead? in
                var offset = looked
                defer { looked = offset }
                return try parser.parse(all, at: &offset)
            }
            guard let head else { return }
            if loop.server.router.opensWebSocket(head) { take(context) } else { passOn(context) }
        } catch {
            // Whoever speaks the rest of HTTP has a word for it.
            passOn(context)
        }
    }

    /// The connection is the server's from here on.
    private func take(_ context: ChannelHandlerContext) {
        state = .over
        do {
            try context.pipeline.syncOperations.addHandler(QuiesceHandler(quiesce))
            let isAccepted = RequestReader.start(try ChannelTransport.add(to: context.channel), loop)
            // What is not accepted is not heard either.
            if !isAccepted { seen.clear() }
            leave(context)
            promise?.succeed(.taken)
        } catch {
            promise?.fail(error)
            context.close(promise: nil)
        }
    }

    private func passOn(_ context: ChannelHandlerContext) {
        guard case .looking = state else { return }
        state = .configuring
        deadline?.cancel()
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        configure(context.channel).hop(to: context.eventLoop).whenComplete { result in
            bound.value.handler.configured(result, bound.value.context)
        }
    }

    private func configured(_ result: Result<Void, any Error>, _ context: ChannelHandlerContext) {
        guard case .configuring = state else { return }
        state = .over
        switch result {
        case .success:
            promise?.succeed(.passedOn)
            leave(context)
        case .failure(let error):
            promise?.fail(error)
            context.fireErrorCaught(error)
            context.close(promise: nil)
        }
    }

    /// Tells what came to whoever is next, and goes.
    private func leave(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        if seen.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(seen))
            context.fireChannelReadComplete()
            seen = ByteBuffer()
        }
        if readIsWanted { context.read() }
        if hasEnded { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .over = state { context.fireChannelReadComplete() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            hasEnded = true
            // A request that stops in the middle is for nobody.
            if case .looking = state { context.close(promise: nil) }
            return
        }
        if event is ChannelShouldQuiesceEvent, case .looking = state { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func end() {
        deadline?.cancel()
        if case .over = state { return }
        state = .over
        promise?.fail(ChannelError.eof)
    }
}

/// Says goodbye to the server's sockets when whoever accepted their connections wants these to end.
private final class QuiesceHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let quiesce: @Sendable () -> Void

    init(_ quiesce: @escaping @Sendable () -> Void) { self.quiesce = quiesce }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { quiesce() }
        context.fireUserInboundEventTriggered(event)
    }
}
