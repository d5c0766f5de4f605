import NIOCore
import NIOHTTP2

/// Has every byte of an HTTP/2 connection seen by its ``FrameMeter``, before SwiftNIO acts on it.
final class FrameMeterHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    var meter: FrameMeter
    weak var connection: HTTP2Connection?
    /// Whether nothing that comes matters any more.
    var isShut = false

    init(_ meter: FrameMeter) { self.meter = meter }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isShut else { return }
        let now = context.eventLoop.now
        do throws(FrameMeter.Flood) {
            try unwrapInboundIn(data).withUnsafeReadableBytes { bytes throws(FrameMeter.Flood) in
                try meter.count(bytes, at: now)
            }
        } catch {
            isShut = true
            connection?.fail(.enhanceYourCalm, error.description)
            return
        }
        context.fireChannelRead(data)
    }
}
