import NIOCore

/// First in a client's pipeline: keeps the connection to itself until it is known to be the one that is used.
///
/// A host with several addresses is tried at several of them, a moment apart (RFC 8305). One that connects too late is
/// closed again; it must not have begun a handshake by then, nor may its end be taken for the other's.
final class ConnectGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private var context: ChannelHandlerContext?
    private var isOpen = false
    private var wasActive = false
    private var wasInactive = false
    private var readIsWanted = false

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

    // A server may speak first, and the handlers behind have not begun.
    func read(context: ChannelHandlerContext) { readIsWanted = true }

    /// This is the connection: the handlers behind begin.
    func open() {
        isOpen = true
        pass()
    }

    private func pass() {
        guard isOpen, wasActive || wasInactive, let context else { return }
        if wasInactive { context.fireChannelInactive() } else { context.fireChannelActive() }
        if readIsWanted { context.read() }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
