import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Nothing is lost between the opening handshake and the first reader, and nothing changes places.
@Suite("Early messages and their order", .timeLimit(.minutes(3)))
struct EarlyMessagesTests {
    static let five = ["one", "two", "three", "four", "five"]

    private static func readFive(_ connection: WebSocketConnection) async throws -> [String?] {
        var texts: [String?] = []
        while texts.count < 5, let message = try await connection.receive() { texts.append(message.text) }
        return texts
    }

    @Test("Five messages in the segment of the 101 reach a reader that begins later")
    func inOneSegment() async throws {
        try await RawServer.run { peer in
            try await peer.accept(
                and: .text("one"),
                .text("two"),
                .text("three"),
                .text("four"),
                .text("five")
            )
            await peer.readToEnd()
        } _: { server in
            let url = server.url
            for round in 0..<300 {
                let texts = try await within {
                    let connection = try await WebSocketConnection.connect(to: url, options: .patient)
                    defer { connection.abort() }
                    // A reader that is late: the loop has turned by then, sometimes often.
                    for _ in 0..<(round % 5) { await Task.yield() }
                    return try await Self.readFive(connection)
                }
                guard texts == Self.five else {
                    Issue.record("round \(round): \(texts)")
                    return
                }
            }
        }
    }

    @Test("Callbacks given to connect answer a message that the broken frame behind it would outrun")
    func callbacksBeforeTheFirstMessage() async throws {
        let answer = Promised<Frame?>()
        try await RawServer.run { peer in
            // Both in the segment of the 101: the message, then a frame whose opcode means nothing.
            try await peer.accept(and: .text("hello"), Frame(Opcode(rawValue: 3)))
            answer.fulfil(try? await peer.readFrame())
        } _: { server in
            let url = server.url
            let connection = try await within {
                try await WebSocketConnection.connect(
                    to: url,
                    callbacks: .init(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) })
                )
            }
            defer { connection.abort() }
            let first = try await within { try await answer.value }
            #expect(first?.opcode == .text)
            #expect(first?.payload == Array("hello".utf8))
        }
    }

    @Test("Messages that came before the callbacks are called back first, the end last")
    func beforeCallbacks() throws {
        for _ in 0..<10_000 {
            let socket = try EmbeddedConnection(.client, .quiet(), hasReader: false)
            socket.receive(Self.five.map { .text($0) })
            #expect(socket.takeTexts().isEmpty)
            socket.read()
            #expect(socket.takeTexts() == Self.five)
        }
    }

    @Test(
        "Messages that nobody had read when the connection ended are still there",
        arguments: [true, false]
    )
    func afterTheEnd(_ isClean: Bool) async throws {
        let pair = try await PipePair()
        for text in Self.five { try await pair.server.send(text) }
        let end: ConnectionEnd
        if isClean {
            end = try await within { try await pair.server.close() }
        } else {
            pair.server.abort()
            end = try await within { await pair.server.closed }
        }
        let told = try await within { await pair.client.closed }
        #expect(told.wasClean == isClean)
        #expect(end.wasClean == isClean)
        #expect(try await within { try await Self.readFive(pair.client) } == Self.five)
        if isClean {
            #expect(try await within { try await pair.client.receive() } == nil)
        } else {
            let error = await thrownError(ReceiveError.self) { _ = try await pair.client.receive() }
            #expect(error == .ended(told))
        }
    }

    @Test("100 000 messages arrive in order at a reader that stops to think")
    func order() async throws {
        let count = 100_000
        let pair = try await PipePair()
        let sending = Task(executorPreference: LoopTaskExecutor(pair.loop)) {
            for number in 0..<count {
                try await pair.server.send(.init(kind: .binary, bytes: number.bigEndianBytes))
            }
            try await pair.server.close()
        }
        try await within(.seconds(120)) {
            var random = SystemRandomNumberGenerator()
            var expected = 0
            for try await message in pair.client.messages {
                guard message.bytes == expected.bigEndianBytes else {
                    Issue.record("\(message.bytes) instead of number \(expected)")
                    break
                }
                expected += 1
                if UInt8.random(in: 0..<8, using: &random) == 0 { await Task.yield() }
            }
            #expect(expected == count)
        }
        try await sending.value
    }
}

extension Int {
    /// Four bytes.
    var bigEndianBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}
