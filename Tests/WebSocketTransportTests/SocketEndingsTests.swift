import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// How open connections end on a real network: what only TCP can do to them, and how long closing takes
/// whatever the peer does.
@Suite("Endings on sockets", .timeLimit(.minutes(3)))
struct SocketEndingsTests {
    /// Opens a connection to a server that runs `script`, and hands it to `body`.
    private func connected<Value: Sendable>(
        _ options: ConnectionOptions = .quiet(),
        _ script: @escaping RawServer.Script,
        _ body: @escaping @Sendable (WebSocketConnection) async throws -> Value
    ) async throws -> Value {
        try await RawServer.run(script) { server in
            let url = server.url
            return try await within {
                let connection = try await WebSocketConnection.connect(
                    to: url,
                    options: ClientOptions(connection: options)
                )
                defer { connection.abort() }
                return try await body(connection)
            }
        }
    }

    /// How the connection ends, and what its reader is told.
    private func end(
        _ options: ConnectionOptions = .quiet(),
        _ script: @escaping RawServer.Script
    ) async throws -> (end: ConnectionEnd, read: [String], thrown: ReceiveError?) {
        try await connected(options, script) { connection in
            var read: [String] = []
            var thrown: ReceiveError?
            do {
                for try await message in connection.messages { read.append(message.text ?? "") }
            } catch let error as ReceiveError {
                thrown = error
            }
            return (await connection.closed, read, thrown)
        }
    }

    @Test("RST: 1006, and the reader is told how")
    func reset() async throws {
        let (end, read, thrown) = try await end { peer in
            try await peer.accept(and: .text("last words"))
            // The client's pong shows that it has read them.
            try await peer.write(Frame(.ping))
            _ = try await peer.readFrame()
            try await peer.reset()
        }
        #expect(read == ["last words"])
        #expect(end.cause == .reset)
        #expect(end.code == .abnormalClosure)
        #expect(!end.wasClean)
        #expect(thrown == .ended(end))
    }

    @Test("FIN without a close frame: 1006, behind what was sent before it")
    func endOfStream() async throws {
        let (end, read, thrown) = try await end { peer in
            try await peer.accept(and: .text("last words"))
        }
        #expect(read == ["last words"])
        #expect(end.cause == .endOfStream)
        #expect(end.code == .abnormalClosure)
        #expect(thrown == .ended(end))
    }

    @Test("FIN in the middle of a frame is the end of the stream, and its part of a message is not told")
    func endInsideFrame() async throws {
        let (end, read, _) = try await end { peer in
            try await peer.accept()
            try await peer.write(Array(Frame.text("halved").bytes(from: .server).dropLast(3)))
        }
        #expect(read.isEmpty)
        #expect(end.cause == .endOfStream)
    }

    @Test("Closed by the server, which ends TCP first: the client waits for that")
    func serverEndsTCPFirst() async throws {
        let answer = Promised<Frame>()
        let (end, read, thrown) = try await end { peer in
            try await peer.accept(and: .text("bye"), .close(4000, "moved"))
            answer.fulfil(try await peer.readFrame())
            // Whoever closed at once would have ended its half by now.
            try await peer.write(Frame(.ping))
        }
        #expect(read == ["bye"])
        #expect(try await answer.value.closeCode == 4000)
        #expect(thrown == nil, "a clean end is no error")
        #expect(end.code == CloseCode(4000))
        #expect(end.reason == "moved")
        #expect(end.wasClean)
        #expect(end.cause == .closedByPeer)
    }

    @Test("The client does not end TCP before the server has")
    func clientWaits() async throws {
        let (mayEnd, ended) = (Promised<Void>(), Promised<Bool>())
        try await connected(.quiet { $0.closeTimeout = .seconds(10) }) { peer in
            try await peer.accept()
            _ = try await peer.readFrame()
            try await peer.write(.close(1000))
            try await mayEnd.value
            ended.fulfil(peer.hasInputEnded)
            try await peer.end()
            await peer.readToEnd()
        } _: { connection in
            let closing = Task { try await connection.close() }
            while connection.end == nil, await !connection.isCloseHandshakeComplete { await Task.yield() }
            #expect(connection.end == nil, "TCP is still up")
            mayEnd.fulfil(())
            #expect(try await !ended.value)
            let told = try await closing.value
            #expect(told.wasClean)
            #expect(told.cause == .closedByUs)
        }
    }

    @Test("A peer that never answers the close frame", arguments: [Duration.zero, .milliseconds(80)])
    func neverAnswers(_ timeout: Duration) async throws {
        try await connected(.quiet { $0.closeTimeout = .seconds(1000) }) { peer in
            try await peer.accept()
            await peer.readToEnd()
        } _: { connection in
            let clock = ContinuousClock()
            let began = clock.now
            let end = try await connection.close(timeout: timeout)
            let taken = clock.now - began
            #expect(end.cause == .closeTimeout)
            #expect(end.code == .abnormalClosure)
            #expect(!end.wasClean)
            #expect(taken >= timeout)
            #expect(taken < .seconds(50), "not the timeout of the options")
        }
    }

    @Test("A peer that never reads: closing is bounded, and what was not sent is counted")
    func neverReads() async throws {
        let size = 32 << 20
        try await connected(.quiet { $0.closeTimeout = .milliseconds(100) }) { peer in
            try await peer.accept()
            try await peer.stopReading()
            try await peer.channel.closeFuture.get()
        } _: { connection in
            let sending = Task { try await connection.send([UInt8](repeating: 1, count: size)) }
            // Accepted when some of it waits.
            while await connection.bufferedAmount == 0, connection.end == nil { await Task.yield() }
            let end = try await connection.close()
            #expect(end.cause == .closeTimeout)
            #expect(end.unsentBytes > 0)
            #expect(end.unsentBytes <= size)
            #expect(end.sent == nil, "the close frame waits behind what was accepted")
            let error = await thrownError(SendError.self) { try await sending.value }
            #expect(error == .ended(end))
        }
    }

    @Test("Abort lets go of the socket at once, though the peer does nothing")
    func abort() async throws {
        let ended = Promised<Void>()
        try await connected { peer in
            try await peer.accept()
            await peer.readToEnd()
            ended.fulfil(())
        } _: { connection in
            connection.abort()
            let end = await connection.closed
            #expect(end.cause == .aborted)
            try await ended.value
        }
    }

    @Test("Closing twice waits for the same end")
    func closeTwice() async throws {
        try await connected { peer in
            try await peer.accept()
            let frame = try await peer.readFrame()
            try await peer.write(frame)
        } _: { connection in
            async let first = connection.close(code: CloseCode(4001), reason: "a")
            async let second = connection.close(code: CloseCode(4001), reason: "a")
            let (one, two) = try await (first, second)
            #expect(one == two)
            #expect(one.wasClean)
            #expect(try await connection.close() == one, "nor does closing after the end differ")
        }
    }

    @Test("A code or reason that must not be sent is refused, and the connection stays")
    func closeRefused() async throws {
        try await connected { peer in
            try await peer.accept()
            let frame = try await peer.readFrame()
            try await peer.write(frame)
        } _: { connection in
            for code in [CloseCode(1005), CloseCode(1006), CloseCode(1015), CloseCode(999), CloseCode(5000)] {
                let error = await thrownError(UsageError.self) { try await connection.close(code: code) }
                #expect(error == .closeCodeNotSendable(code))
            }
            let long = await thrownError(UsageError.self) {
                try await connection.close(reason: String(repeating: "é", count: 62))
            }
            #expect(long == .closeReasonTooLong(bytes: 124))
            #expect(connection.end == nil)
            let end = try await connection.close(reason: String(repeating: "é", count: 61))
            #expect(end.wasClean)
        }
    }
}

extension WebSocketConnection {
    /// Whether both close frames went through, TCP aside.
    var isCloseHandshakeComplete: Bool { get async { await onCore(\.endpoint.closeHandshake.isComplete) } }
}
