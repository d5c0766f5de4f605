import HTTPTypes
import Logging
import NIOCore
import NIOEmbedded
import NIOHPACK
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// A connection of HTTP/2 that breaks within the write of a stream's answer. What has left its place in the loop's list
/// must not leave it once more: the place may be somebody else's by then.
@Suite("A connection of HTTP/2 that breaks as it is answered")
struct HTTP2FailureTests {
    private typealias Raw = HTTP2RawFrame

    /// Breaks in the middle of the next write, as a socket does whose peer has gone.
    private final class BreakingPoint: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        var breaksNow = false

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if breaksNow { context.close(promise: nil) }
            context.write(data, promise: promise)
        }
    }

    private final class Zeros: BodySource {
        let count = 1 << 20
        let stallTimeout = Duration.seconds(30)

        func read(_ part: Range<Int>, on eventLoop: any EventLoop) -> EventLoopFuture<[UInt8]> {
            eventLoop.makeSucceededFuture([UInt8](repeating: 0, count: part.count))
        }
    }

    private func router() throws -> Router {
        var router = Router()
        try router.addSocket(
            "/echo",
            .init(
                subprotocols: [],
                service: .callbacks { _, _ in ConnectionCallbacks(onMessage: { _, _, _ in }) }
            )
        )
        try router.addPage("/page") { _ in .text(.ok, "page") }
        try router.addPage("/file") { _ in
            var answer = HTTPAnswer()
            answer.content = .source(Zeros())
            return answer
        }
        return router
    }

    @Test(arguments: [
        ("GET", "/page"), ("GET", "/file"), ("GET", "/nothing"), ("CONNECT", "/echo"), ("CONNECT", "/page"),
    ])
    func `Each stream leaves its place once, and so does the connection`(method: String, path: String) throws
    {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let registry = ConnectionRegistry()
        let context = try RequestReader.Context.plain(router(), registry, logger)
        let channel = EmbeddedChannel()
        let loop = ServerLoop(context, on: channel.eventLoop)
        let point = BreakingPoint()
        try channel.pipeline.syncOperations.addHandler(point)
        try ProtocolChooser.start(on: channel, isSecure: false, loop, .init())
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let hello =
            HTTP2Peer.preface + Raw(type: Raw.settings).bytes + Raw(type: Raw.settings, flags: Raw.ack).bytes
        try channel.writeInbound(ByteBuffer(bytes: hello))
        #expect(registry.total == 1)

        var fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "h")]
        if method == "CONNECT" { fields += [(":protocol", "websocket"), ("sec-websocket-version", "13")] }
        var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
        var block = ByteBuffer()
        try encoder.encode(headers: HPACKHeaders(fields), to: &block)
        let head = Raw(
            type: Raw.headers,
            flags: Raw.endHeaders | (method == "GET" ? Raw.endStream : 0),
            stream: 1,
            payload: Array(buffer: block)
        )
        point.breaksNow = true
        // What of it is an error is the channel's, which is gone.
        _ = try? channel.writeInbound(ByteBuffer(bytes: head.bytes))
        #expect(!channel.isActive)
        #expect(registry.total == 0)
        channel.embeddedEventLoop.advanceTime(by: .minutes(10))
        #expect(registry.total == 0)
        #expect(registry.count == 0)
        _ = try? channel.finish()
    }
}
