import NIOCore
import WebSocketProtocol
import WebSocketTransport

/// Reads the PROXY protocol's header on plain TCP: the transport's first input, ahead of the request's reader, which
/// has the deadline and the place in the loop's list.
final class ProxyHeaderStage: ConnectionInput {
    private var parser = ProxyHeaderParser()
    private let reader: RequestReader
    private let transport: any AcceptedTransport

    init(before reader: RequestReader, on transport: any AcceptedTransport) {
        self.reader = reader
        self.transport = transport
    }

    func received(_ bytes: UnsafeMutableRawBufferPointer) {
        var offset = 0
        do throws(ProxyHeaderError) {
            guard let header = try parser.parse(UnsafeRawBufferPointer(bytes), at: &offset) else { return }
            transport.input = reader
            guard reader.isFrom(header) else { return }
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])
            if !rest.isEmpty { reader.received(rest) }
        } catch {
            reader.refuse(error)
        }
    }

    func written() { reader.written() }
    func inputEnded() { reader.inputEnded() }
    func failed(_ cause: EndCause) { reader.failed(cause) }
}

/// Reads the PROXY protocol's header below TLS, or below what tells HTTP/2 from HTTP/1.1: the first handler of a
/// channel, which stays there and passes everything on once it has the header.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case reading(ProxyHeaderParser)
        case known
        case refused
    }

    private var state = State.reading(ProxyHeaderParser())
    private let loop: ServerLoop

    private init(_ loop: ServerLoop) { self.loop = loop }

    /// Puts itself into an accepted channel, before anything else is, where a ``ProtocolChooser`` will lie above it.
    static func addIfRequired(to channel: any Channel, _ loop: ServerLoop) throws {
        guard loop.server.admission.proxyProtocol != .off else { return }
        try channel.pipeline.syncOperations.addHandler(ProxyHeaderHandler(loop))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .known: context.fireChannelRead(data)
        case .refused: break
        case .reading(var parser):
            var buffer = unwrapInboundIn(data)
            do throws(ProxyHeaderError) {
                var offset = 0
                let header = try parse(&parser, buffer, at: &offset)
                state = header == nil ? .reading(parser) : .known
                guard let header else { return }
                buffer.moveReaderIndex(forwardBy: offset)
                tell(header, context)
                guard buffer.readableBytes > 0 else { return }
                context.fireChannelRead(wrapInboundOut(buffer))
            } catch {
                state = .refused
                loop.server.admission.hangUp(error, PeerAddress(context.remoteAddress), on: loop)
                context.close(promise: nil)
            }
        }
    }

    private func parse(
        _ parser: inout ProxyHeaderParser,
        _ buffer: ByteBuffer,
        at offset: inout Int
    ) throws(ProxyHeaderError) -> ProxyHeader? {
        try buffer.withUnsafeReadableBytes { bytes in
            Result { () throws(ProxyHeaderError) in try parser.parse(bytes, at: &offset) }
        }.get()
    }

    /// Which protocol is spoken is not known yet.
    private func tell(_ header: ProxyHeader, _ context: ChannelHandlerContext) {
        let chooser = try? context.channel.pipeline.syncOperations.handler(type: ProtocolChooser.self)
        chooser?.isFrom(header)
    }
}
