import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// The read side: one reader, by tasks or by callbacks, and what cancelling it does.
@Suite("Reading", .timeLimit(.minutes(3)))
struct ReadingTests {
    // MARK: By a task

    @Test("The messages are a sequence that ends with the closing handshake")
    func sequence() async throws {
        let pair = try await PipePair()
        try await pair.server.send("text")
        try await pair.server.send([0, 255])
        try await pair.server.send("")
        let closing = Task { try await pair.server.close() }
        let read = try await within {
            var read: [Message] = []
            for try await message in pair.client.messages { read.append(message) }
            return read
        }
        #expect(read == [Message("text"), Message([0, 255]), Message("")])
        #expect(read.map(\.text) == ["text", nil, ""])
        #expect(try await closing.value.wasClean)
    }

    @Test("A reader that waits is told of the end", arguments: [true, false])
    func endWhileWaiting(_ isClean: Bool) async throws {
        let pair = try await PipePair()
        let reading = Task { try await pair.client.receive() }
        try await pair.untilReaderWaits()
        if isClean {
            #expect(try await within { try await pair.server.close() }.wasClean)
            #expect(try await within { try await reading.value } == nil)
        } else {
            pair.client.abort()
            let error = try await within {
                await thrownError(ReceiveError.self) { _ = try await reading.value }
            }
            #expect(error == .ended(await pair.client.closed))
        }
    }

    @Test("Cancelling the reader closes with 1001")
    func cancelled() async throws {
        let pair = try await PipePair()
        let reading = Task { for try await _ in pair.client.messages {} }
        try await pair.untilReaderWaits()
        reading.cancel()
        let error = try await within { await thrownError(CancellationError.self) { try await reading.value } }
        #expect(error != nil)
        let (client, server) = try await within { (await pair.client.closed, await pair.server.closed) }
        #expect(server.code == .goingAway)
        #expect(server.cause == .closedByPeer)
        #expect(client.wasClean)
        #expect(client.cause == .closedByUs)
        #expect(client.sent?.code == .goingAway)
    }

    @Test("A reader cancelled beforehand closes too")
    func cancelledBefore() async throws {
        let pair = try await PipePair()
        let reading = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try await pair.client.receive()
        }
        let error = try await within { await thrownError(CancellationError.self) { try await reading.value } }
        #expect(error != nil)
        #expect(try await within { await pair.server.closed }.code == .goingAway)
    }

    @Test("Cancelling the reader of a peer that never answers is bounded by the close timeout")
    func cancelledAndPeerSilent() async throws {
        let pair = try await PipePair(client: .quiet { $0.closeTimeout = .milliseconds(50) })
        try await pair.onPipes { client, _ in client.takesWrites = false }
        let reading = Task { try await pair.client.receive() }
        try await pair.untilReaderWaits()
        reading.cancel()
        let end = try await within { await pair.client.closed }
        #expect(end.cause == .closeTimeout)
    }

    @Test("A second reader is refused, the first goes on")
    func secondReader() async throws {
        let pair = try await PipePair()
        let first = Task { try await pair.client.receive() }
        try await pair.untilReaderWaits()
        let error = try await within {
            await thrownError(ReceiveError.self) { _ = try await pair.client.receive() }
        }
        #expect(error == .alreadyConsumed)
        try await pair.server.send("for the first")
        #expect(try await within { try await first.value } == Message("for the first"))
    }

    @Test("Cancelling a refused second reader does not touch the connection")
    func secondReaderCancelled() async throws {
        let pair = try await PipePair()
        let first = Task { try await pair.client.receive() }
        try await pair.untilReaderWaits()
        let second = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try await pair.client.receive()
        }
        let error = try await within { await thrownError(ReceiveError.self) { try await second.value } }
        #expect(error == .alreadyConsumed)
        try await pair.server.send("still here")
        #expect(try await within { try await first.value } == Message("still here"))
        #expect(pair.client.end == nil)
    }

    @Test("Readers one after another share the messages")
    func readersInTurn() async throws {
        let pair = try await PipePair()
        for number in 0..<10 { try await pair.server.send("\(number)") }
        for number in 0..<10 {
            let message = try await within { try await Task { try await pair.client.receive() }.value }
            #expect(message == Message("\(number)"))
        }
    }

    // MARK: By callbacks

    @Test("Callbacks and a reader do not mix")
    func callbacksAndReader() async throws {
        let pair = try await PipePair()
        let waiting = Task { try await pair.client.receive() }
        try await pair.untilReaderWaits()
        let log = Log<String>()
        pair.client.setCallbacks(.init(onMessage: { _, _, bytes in log.add("\(bytes.byteCount)") }))
        for reading in [waiting, Task { try await pair.client.receive() }] {
            let error = try await within {
                await thrownError(ReceiveError.self) { _ = try await reading.value }
            }
            #expect(error == .alreadyConsumed)
        }
        try await pair.server.send("four")
        _ = try await within { try await pair.server.ping() }
        #expect(log.entries == ["4"])
    }

    @Test("Callbacks given after the end get what waits, then the end, once")
    func callbacksAfterEnd() throws {
        let socket = try EmbeddedConnection(.server, .quiet(), hasReader: false)
        socket.receive(.text("a"), .text("b"))
        socket.pipe.deliverEnd()
        #expect(socket.ends.isEmpty)
        socket.read()
        #expect(socket.takeTexts() == ["a", "b"])
        #expect(try socket.onlyEnd().cause == .endOfStream)
        socket.read()
        #expect(socket.takeTexts().isEmpty)
    }

    @Test("A callback may do anything, abort included; nothing comes after the end")
    func reentrant() throws {
        let socket = try EmbeddedConnection(.server, .quiet())
        let order = Log<String>()
        socket.connection.setCallbacks(
            .init(
                onMessage: { isolated, _, _ in
                    order.add("message")
                    try? isolated.send("answer")
                    if order.entries.count == 2 { isolated.abort() }
                },
                onEnd: { isolated, end in
                    order.add("end")
                    #expect(isolated.connection?.end == end)
                    #expect(throws: SendError.ended(end)) { try isolated.send("too late") }
                }
            )
        )
        socket.receive(.text("1"), .text("2"), .text("3"), .close(1000))
        #expect(order.entries == ["message", "message", "end"])
        #expect(socket.connection.end?.cause == .aborted)
        #expect(socket.isolated.connection == nil)
    }

    @Test("A callback that closes: no message of ours follows the close frame, the peer's still come")
    func closeInCallback() throws {
        let socket = try EmbeddedConnection(.server, .quiet())
        socket.read { isolated, message in
            if message.text == "close" { try? isolated.close() }
            try? isolated.send("after")
        }
        socket.receive(.text("close"), .text("more"))
        #expect(try socket.takeFrames() == [.close(1000)])
        #expect(socket.takeTexts() == ["close", "more"])
    }

    @Test("Work on the loop is run while the connection lives, and not after")
    func onLoop() throws {
        let socket = try EmbeddedConnection(.server, .quiet())
        let log = Log<Int>()
        socket.connection.onLoop { isolated in
            log.add(1)
            isolated.abort()
        }
        socket.connection.onLoop { _ in log.add(2) }
        #expect(log.entries == [1])
    }
}

extension PipePair {
    /// Waits until a task waits for the client's messages.
    func untilReaderWaits() async throws {
        try await within {
            while await !client.hasWaitingReader { await Task.yield() }
        }
    }
}

extension WebSocketConnection {
    var hasWaitingReader: Bool { get async { await onCore(\.hasWaitingReader) } }
}
