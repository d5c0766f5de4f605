import Logging
import NIOCore
import WebSocketTransport

/// Has a listening channel of SwiftNIO's pause when there is no room for another connection, as ``AcceptPause`` says.
/// By itself it would try again at once, and again, with all of a processor.
final class AcceptPauseHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private var pause = AcceptPause()
    private let exhaustion: AcceptExhaustion
    private var timer: Scheduled<Void>?

    private init(_ exhaustion: AcceptExhaustion) { self.exhaustion = exhaustion }

    /// To be called for a listening channel, before it is bound.
    static func add(to channel: any Channel, _ exhaustion: AcceptExhaustion) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(AcceptPauseHandler(exhaustion))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, AcceptPause.isExhaustion(error.errnoCode) else {
            return context.fireErrorCaught(error)
        }
        let isNews = pause.begin()
        setAccepting(false, context)
        setTimer(AcceptPause.pause, context)
        if isNews { exhaustion.begin() }
    }

    private func setTimer(_ delay: TimeAmount, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: delay) {
            let (handler, context) = bound.value
            handler.timerFired(context)
        }
    }

    private func timerFired(_ context: ChannelHandlerContext) {
        switch pause.timerFired() {
        case .resume:
            // First, for it may be that there is no room yet, which is found at once.
            setTimer(AcceptPause.calm, context)
            setAccepting(true, context)
        case .over:
            timer = nil
            exhaustion.end()
        }
    }

    private func setAccepting(_ isAccepting: Bool, _ context: ChannelHandlerContext) {
        // Fails only on a channel that is closed already.
        try? context.channel.syncOptions?.setOption(.autoRead, value: isAccepting)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
    }
}

extension AcceptExhaustion {
    /// One that tells a server's log.
    convenience init(telling logger: Logger) {
        self.init { isExhausted in
            if isExhausted {
                logger.warning("no descriptor left for new connections; they wait until others have ended")
            } else {
                logger.notice("new connections are accepted again")
            }
        }
    }
}
