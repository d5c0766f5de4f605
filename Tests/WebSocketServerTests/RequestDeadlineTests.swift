import Logging
import NIOCore
import NIOEmbedded
import Testing
import WebSocketTransport

@testable import WebSocketServer

/// The one deadline of an opening handshake, on a clock that only the test turns.
@Suite("Deadline of a request")
struct RequestDeadlineTests {
    private let channel = EmbeddedChannel()

    init() throws {
        var options = ConnectionOptions()
        options.handshakeTimeout = .seconds(10)
        let context = try RequestReader.Context(
            router: Router(),
            options: options,
            compressionPolicy: { $1 },
            registry: ConnectionRegistry(),
            topics: TopicHub(),
            observer: ServerObserver(.init(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })),
            admission: AdmissionControl(
                .init(),
                host: "127.0.0.1",
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let transport = try ChannelTransport.add(to: channel)
        RequestReader.start(transport, ServerLoop(context, on: channel.eventLoop))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    private func sent() throws -> String {
        var all = ""
        while let part = try channel.readOutbound(as: ByteBuffer.self) { all += String(buffer: part) }
        return all
    }

    @Test func `Half a request is answered 408 at the deadline, and not before`() throws {
        try receive("GET /echo HTTP/1.1\r\nHos")
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(9_999))
        #expect(try sent() == "")
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        let answer = try sent()
        #expect(answer.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        #expect(answer.contains("Connection: close\r\n"))
    }

    @Test func `The deadline is for the whole request: bytes that trickle do not move it`() throws {
        try receive("GET /echo HTTP/1.1\r\nX: ")
        for _ in 0..<9 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try receive("x")
        }
        #expect(try sent() == "")
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try sent().hasPrefix("HTTP/1.1 408 "))
    }

    @Test func `A connection on which nothing comes is closed at the deadline, without a word`() throws {
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(9_999))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(try sent() == "")
        #expect(!channel.isActive)
    }

    @Test func `An answered request has no deadline any more`() throws {
        try receive("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try sent().hasPrefix("HTTP/1.1 404 "))
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(try sent() == "")
        #expect(!channel.isActive)
    }
}
