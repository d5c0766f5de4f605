import HTTPTypes
import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// A connection on a pipe whose other end is the test, on a loop whose clock only the test turns.
///
/// Everything happens on the test's thread: it is for tests that are not `async`.
final class EmbeddedConnection {
    let loop: EmbeddedEventLoop
    let pipe: PipeTransport
    let connection: WebSocketConnection
    let core: ConnectionCore
    private let messageLog = Log<Message>()
    private let endLog = Log<ConnectionEnd>()
    private var unread: ArraySlice<UInt8> = []

    /// - Parameter hasReader: whether callbacks take the messages from the beginning.
    init(
        _ role: Role,
        _ options: ConnectionOptions = .init(),
        compression: DeflateAgreement? = nil,
        hasReader: Bool = true,
        loop: EmbeddedEventLoop = .init(),
        traffic: LoopTraffic? = nil
    ) throws {
        self.loop = loop
        pipe = PipeTransport(eventLoop: loop)
        let (connection, input) = WebSocketConnection.start(
            on: pipe,
            role: role,
            request: .whole(.test),
            subprotocol: nil,
            compression: compression,
            peer: .unknown,
            options: options,
            eventLoop: loop,
            traffic: traffic
        )
        self.connection = connection
        core = try #require(input as? ConnectionCore)
        pipe.input = input
        if hasReader { read() }
    }

    deinit {
        // The loop must not go with timers on it.
        core.abort()
        loop.run()
    }

    /// Begins to read, by callbacks.
    func read(_ onMessage: (@Sendable (WebSocketConnection.Isolated, Message) -> Void)? = nil) {
        let (messages, ends) = (messageLog, endLog)
        connection.setCallbacks(
            .init(
                onMessage: { isolated, kind, bytes in
                    let message = Message(kind: kind, bytes: bytes.withUnsafeBytes { [UInt8]($0) })
                    messages.add(message)
                    onMessage?(isolated, message)
                },
                onEnd: { ends.add($1) }
            )
        )
    }

    /// Messages that came since the last look.
    func takeMessages() -> [Message] { messageLog.takeAll() }
    /// Their texts.
    func takeTexts() -> [String] { takeMessages().map { $0.text ?? "\($0.bytes.count) bytes" } }

    /// Every end that was reported.
    var ends: [ConnectionEnd] { endLog.entries }

    var isolated: WebSocketConnection.Isolated { .init(core: core) }

    private var peer: Role { core.endpoint.role == .client ? .server : .client }

    /// The peer sends frames, in one read.
    func receive(_ frames: Frame...) { pipe.deliver(frames.flatMap { $0.bytes(from: peer) }) }
    func receive(_ frames: [Frame]) { pipe.deliver(frames.flatMap { $0.bytes(from: peer) }) }

    /// The loop's turn ends: what has gathered in it goes out.
    func endTurn() { loop.run() }

    /// Whole frames sent since the last look, up to the end of the loop's turn; without the mask, which is checked to be where it must be.
    func takeFrames(sourceLocation: SourceLocation = #_sourceLocation) throws -> [Frame] {
        endTurn()
        unread += pipe.takeWire()
        return try Frame.takeAll(from: &unread).map { frame in
            #expect(frame.isMasked == (peer == .server), sourceLocation: sourceLocation)
            return Frame(frame.opcode, frame.payload, isFinal: frame.isFinal)
        }
    }

    func advance(by time: TimeAmount) { loop.advanceTime(by: time) }

    /// The one end there must be.
    func onlyEnd(sourceLocation: SourceLocation = #_sourceLocation) throws -> ConnectionEnd {
        #expect(ends.count == 1, "exactly one terminal event", sourceLocation: sourceLocation)
        #expect(connection.end == ends.first, sourceLocation: sourceLocation)
        #expect(pipe.isAborted, "the transport is released", sourceLocation: sourceLocation)
        return try #require(ends.first, sourceLocation: sourceLocation)
    }
}

extension HTTPRequest {
    static let test = HTTPRequest(method: .get, scheme: nil, authority: "example.test", path: "/")
}

extension ConnectionOptions {
    /// Without keepalive, for tests with another subject.
    static func quiet(_ change: (inout ConnectionOptions) -> Void = { _ in }) -> ConnectionOptions {
        var options = ConnectionOptions(handshakeTimeout: .seconds(60), pingInterval: nil)
        change(&options)
        return options
    }
}
