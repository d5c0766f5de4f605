import NIOCore

/// First in a client's pipeline: keeps the connection to itself until it is known to be the one that is used.
///
/// A host with several addresses is tried at several of them, a moment apart (RFC 8305). One that connects too late is
/// closed again; it must not have begun a handshake by then, nor may its end be taken for the other's.
final class ConnectGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?
    private var isOpen = false
    private var wasActive = false
    private var wasInactive = false

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // SwiftNIO tells whoever connected a moment before it tells the pipeline, or a moment after.
    func channelActive(context: ChannelHandlerContext) {
        wasActive = true
        pass()
    }

    func channelInactive(context: ChannelHandlerContext) {
        wasInactive = true
        pass()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    /// This is the connection: the handlers behind begin.
    func open() {
        isOpen = true
        pass()
    }

    private func pass() {
        guard isOpen, wasActive || wasInactive, let context else { return }
        if wasInactive { context.fireChannelInactive() } else { context.fireChannelActive() }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
