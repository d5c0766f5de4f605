import NIOCore

/// First in a client's pipeline: speaks with the proxy and leaves. To those behind it, the channel becomes active
/// when the proxy has connected us.
final class ProxyHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let proxy: ClientProxy
    private let time: NIODeadline
    private let promise: EventLoopPromise<WebSocketConnection.Opened>
    private var dialogue: any ProxyDialogue
    private var deadline: Scheduled<Void>?
    /// Neither connected nor failed.
    private var isUnderWay = true

    init(_ attempt: ProxyAttempt, _ promise: EventLoopPromise<WebSocketConnection.Opened>) {
        (proxy, time, dialogue, self.promise) = (attempt.proxy, attempt.deadline, attempt.dialogue, promise)
    }

    func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(deadline: time) {
            bound.value.handler.fail(.connectTimeout, bound.value.context)
        }
        send(dialogue.opening, context)
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        while isUnderWay {
            do throws(ConnectError) {
                switch try dialogue.receive(&buffer) {
                case .wait: return
                case .send(let bytes): send(bytes, context)
                case .tunnel: connected(leftover: buffer, context)
                }
            } catch {
                fail(error, context)
            }
        }
    }

    private func connected(leftover: ByteBuffer, _ context: ChannelHandlerContext) {
        isUnderWay = false
        deadline?.cancel()
        context.fireChannelActive()
        // The server's first bytes; the end of this read burst follows by itself.
        if leftover.readableBytes > 0, context.channel.isActive {
            context.fireChannelRead(wrapInboundOut(leftover))
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func fail(_ cause: EndCause, _ context: ChannelHandlerContext) {
        fail(dialogue.refusal ?? ConnectError(cause.at(proxy)), context)
    }

    private func fail(_ error: ConnectError, _ context: ChannelHandlerContext) {
        guard isUnderWay else { return }
        isUnderWay = false
        deadline?.cancel()
        promise.fail(error)
        context.close(promise: nil)
    }

    // Nothing reaches those behind until the channel is active to them.
    func channelReadComplete(context: ChannelHandlerContext) {}

    func channelInactive(context: ChannelHandlerContext) {
        fail(.endOfStream, context)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { fail(.endOfStream, context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(EndCause(error), context) }
}
