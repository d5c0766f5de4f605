import Logging
import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// A client that has gone when its WebSocket is opened, where the transport says so within the first write.
@Suite("A client that goes as it is answered")
struct OpeningFailureTests {
    /// Fails at the first byte.
    private final class BrokenTransport: AcceptedTransport {
        var input: (any ConnectionInput)?
        let eventLoop: any EventLoop
        let peer = PeerAddress.unknown
        /// `nil` for the end of the stream.
        private let cause: EndCause?
        private(set) var aborts = 0

        init(on eventLoop: any EventLoop, _ cause: EndCause?) {
            self.eventLoop = eventLoop
            self.cause = cause
        }

        func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool {
            if let cause { input?.failed(cause) } else { input?.inputEnded() }
            return false
        }

        func pauseReading() {}
        func resumeReading() {}
        func closeOutput() {}
        func abort() {
            aborts += 1
            input = nil
        }
    }

    @Test(arguments: [EndCause.reset, nil])
    func `Its connection ends with what the transport said, and leaves its place once`(cause: EndCause?)
        throws
    {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let registry = ConnectionRegistry()
        var ends: [ConnectionEnd] = []
        let log = Locked<[ConnectionEnd]>([])
        var router = Router()
        try router.addSocket(
            "/echo",
            .init(
                subprotocols: [],
                service: .callbacks { _, _ in
                    ConnectionCallbacks(
                        onMessage: { _, _, _ in },
                        onEnd: { _, end in log.withLock { $0.append(end) } }
                    )
                }
            )
        )
        let context = try RequestReader.Context.plain(router, registry, logger)
        let eventLoop = EmbeddedEventLoop()
        let loop = ServerLoop(context, on: eventLoop)
        for number in 1...3 {
            let transport = BrokenTransport(on: eventLoop, cause)
            RequestReader.start(transport, loop)
            #expect(registry.total == 1)
            var request = Array(Handshake.request("/echo").utf8)
            request.withUnsafeMutableBytes { transport.input?.received($0) }
            eventLoop.advanceTime(by: .seconds(60))
            #expect(registry.total == 0)
            #expect(registry.count == 0)
            #expect(transport.aborts >= 1)
            ends = log.withLock { $0 }
            #expect(ends.count == number)
            #expect(ends.last?.cause == cause ?? .endOfStream)
        }
    }
}
