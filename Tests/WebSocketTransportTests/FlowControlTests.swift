import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Backpressure, both ways: a slow reader slows its peer down, a slow peer slows its sender down, and neither
/// costs memory without bound.
@Suite("Flow control", .timeLimit(.minutes(3)))
struct FlowControlTests {
    static let roles: [Role] = [.client, .server]
    static func bytes(_ count: Int) -> Frame { Frame(.binary, [UInt8](repeating: 7, count: count)) }

    // MARK: Inbound

    @Test(
        "Nobody reads: the socket is left alone at the mark, and read again when half of it is gone",
        arguments: roles
    )
    func pausesAndResumes(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .quiet { $0.inboundHighWaterMark = 10_000 },
            hasReader: false
        )
        // 744 bytes and the charge of 256 make a thousand.
        for _ in 0..<9 { socket.receive(Self.bytes(744)) }
        #expect(!socket.pipe.isReadingPaused)
        socket.receive(Self.bytes(744))
        #expect(socket.pipe.isReadingPaused)
        for _ in 0..<4 { #expect(socket.core.popMessage() != nil) }
        #expect(socket.pipe.isReadingPaused, "not at every message")
        #expect(socket.core.popMessage() != nil)
        #expect(!socket.pipe.isReadingPaused)
        #expect(socket.pipe.takeCalls() == [.pauseReading, .resumeReading])
    }

    @Test("Empty messages cost something too", arguments: roles)
    func emptyMessages(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .quiet { $0.inboundHighWaterMark = 256 * 100 },
            hasReader: false
        )
        socket.pipe.pieceSize = 64
        socket.receive((0..<1000).map { _ in Frame(.text) })
        #expect(socket.pipe.isReadingPaused)
        var count = 0
        while socket.core.popMessage() != nil { count += 1 }
        #expect(count >= 100)
        #expect(count < 140, "one read's worth may come on top")
    }

    @Test(
        "A flood at a reader that never comes is bounded; a late reader gets all of it in order",
        arguments: roles
    )
    func flood(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .quiet { $0.inboundHighWaterMark = 50_000 },
            hasReader: false
        )
        socket.pipe.pieceSize = 4096
        for number in 0..<200 {
            socket.receive(Frame(.binary, [UInt8(number)] + [UInt8](repeating: 0, count: 9999)))
        }
        #expect(socket.pipe.isReadingPaused)
        #expect(socket.core.inboundCost < 50_000 + 10_256 + 4096)
        socket.read()
        socket.loop.run()
        #expect(socket.takeMessages().map(\.bytes.first) == (0..<200).map { UInt8($0) })
        #expect(!socket.pipe.isReadingPaused)
    }

    @Test("Pings are answered while messages wait for their reader", arguments: roles)
    func pingsGoOn(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .quiet { $0.inboundHighWaterMark = 10_000 },
            hasReader: false
        )
        socket.receive(Self.bytes(5000), Frame(.ping, [1, 2]))
        #expect(try socket.takeFrames() == [Frame(.pong, [1, 2])])
        // In the read that fills the queue, and behind what fills it.
        socket.receive(Self.bytes(9000), Frame(.ping, [3]))
        #expect(socket.pipe.isReadingPaused)
        #expect(try socket.takeFrames() == [Frame(.pong, [3])])
    }

    @Test(
        "Closing reads on, so that the peer's close frame is found; what finds no room is dropped",
        arguments: roles
    )
    func closingReadsOn(_ role: Role) throws {
        let socket = try EmbeddedConnection(
            role,
            .quiet { $0.inboundHighWaterMark = 10_000 },
            hasReader: false
        )
        socket.pipe.pieceSize = 5000
        for _ in 0..<20 { socket.receive(Self.bytes(5000)) }
        socket.receive(.close(1000))
        #expect(socket.pipe.isReadingPaused)
        try socket.isolated.close()
        socket.loop.run()
        #expect(socket.core.endpoint.closeHandshake.isComplete)
        #expect(socket.core.inboundCost < 10_000 + 5256)
        socket.pipe.deliverEnd()
        #expect(socket.connection.end?.wasClean == true)
    }

    @Test("A callback whose answers pile up is not called until they have gone", arguments: roles)
    func callbacksWait(_ role: Role) throws {
        let options = ConnectionOptions.quiet {
            $0.outboundHighWaterMark = 2000
            $0.inboundHighWaterMark = 10_000
        }
        let socket = try EmbeddedConnection(role, options)
        socket.read { isolated, message in try? isolated.send(.binary, message.bytes.span.bytes) }
        socket.pipe.takesWrites = false
        for _ in 0..<3 { socket.receive(Self.bytes(744)) }
        #expect(socket.takeMessages().count == 3, "the third answer is what crosses the mark")
        for _ in 0..<9 { socket.receive(Self.bytes(744)) }
        #expect(socket.takeMessages().isEmpty)
        #expect(!socket.pipe.isReadingPaused)
        socket.receive(Self.bytes(744))
        #expect(socket.pipe.isReadingPaused, "and in the end the peer is slowed down")
        socket.pipe.takesWrites = true
        socket.loop.run()
        #expect(socket.takeMessages().count == 10)
        #expect(!socket.pipe.isReadingPaused)
        #expect(try socket.takeFrames().count == 13)
    }

    @Test("Messages held back from the callbacks are handed out before the end", arguments: roles)
    func heldBackBeforeEnd(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.outboundHighWaterMark = 100 })
        let order = Log<String>()
        socket.connection.setCallbacks(
            .init(
                onMessage: { isolated, _, bytes in
                    order.add("message")
                    try? isolated.send(.binary, bytes)
                },
                onEnd: { _, _ in order.add("end") }
            )
        )
        socket.pipe.takesWrites = false
        for _ in 0..<4 { socket.receive(Self.bytes(200)) }
        #expect(order.entries == ["message"])
        socket.pipe.deliverEnd()
        #expect(order.entries == ["message", "message", "message", "message", "end"])
        #expect(socket.connection.end?.unsentBytes == 200)
    }

    // MARK: Outbound

    @Test("A sender suspends above the mark and goes on below it")
    func senderSuspends() async throws {
        let pair = try await PipePair(client: .quiet { $0.outboundHighWaterMark = 1000 })
        try await pair.onPipes { client, _ in client.takesWrites = false }
        // The mark itself is not above the mark.
        try await within { try await pair.client.send([UInt8](repeating: 0, count: 1000)) }
        let isDone = Promised<Void>()
        let sending = Task {
            try await pair.client.send([9])
            isDone.fulfil(())
        }
        try await within { while await pair.client.bufferedAmount < 1001 { await Task.yield() } }
        for _ in 0..<100 { await Task.yield() }
        #expect(!isDone.isFulfilled)
        try await pair.onPipes { client, _ in client.takeOneHeldWrite() }
        try await within { try await sending.value }
    }

    @Test("A peer that does not read costs each sender one message, however many it would send")
    func slowPeer() async throws {
        let mark = 100_000
        let pair = try await PipePair(client: .quiet { $0.outboundHighWaterMark = mark })
        try await pair.onPipes { client, _ in client.takesWrites = false }
        let senders = (0..<8).map { _ in
            Task { for _ in 0..<1000 { try await pair.client.send([UInt8](repeating: 0, count: 10_000)) } }
        }
        try await within { while await pair.client.bufferedAmount <= mark { await Task.yield() } }
        for _ in 0..<1000 { await Task.yield() }
        #expect(await pair.client.bufferedAmount <= mark + 8 * 10_000)
        pair.client.abort()
        for sender in senders {
            let error = try await within { await thrownError(SendError.self) { try await sender.value } }
            #expect(error == .ended(await pair.client.closed), "who waits is told of the end")
        }
    }

    @Test("A sender that waits is let go by the end")
    func senderAndEnd() async throws {
        let pair = try await PipePair(server: .quiet { $0.outboundHighWaterMark = 10 })
        try await pair.onPipes { _, server in server.takesWrites = false }
        let sending = Task { try await pair.server.send([UInt8](repeating: 0, count: 11)) }
        try await within { while await pair.server.bufferedAmount < 11 { await Task.yield() } }
        pair.client.abort()
        let error = try await within { await thrownError(SendError.self) { try await sending.value } }
        let end = await pair.server.closed
        #expect(error == .ended(end))
        #expect(end.unsentBytes == 11)
    }

    @Test("A message in pieces suspends its writer like any other")
    func writerSuspends() async throws {
        let pair = try await PipePair(client: .quiet { $0.outboundHighWaterMark = 1000 })
        try await pair.onPipes { client, _ in client.takesWrites = false }
        let written = Log<Int>()
        let sending = Task {
            try await pair.client.sendMessage(.binary) { writer in
                for number in 0..<10 {
                    try await writer.write([UInt8](repeating: 1, count: 600))
                    written.add(number)
                }
            }
        }
        try await within { while await pair.client.bufferedAmount < 1200 { await Task.yield() } }
        for _ in 0..<100 { await Task.yield() }
        #expect(written.entries == [0])
        try await pair.onPipes { client, _ in client.takesWrites = true }
        try await within { try await sending.value }
        #expect(try await within { try await pair.server.receive() }?.bytes.count == 6000)
    }

    @Test("A message in pieces does not wait for what waits behind it")
    func writerAheadOfOthers() async throws {
        let pair = try await PipePair(client: .quiet { $0.outboundHighWaterMark = 1000 })
        let begun = Promised<Void>()
        let mayGoOn = Promised<Void>()
        let writing = Task {
            try await pair.client.sendMessage(.binary) { writer in
                try await writer.write([1])
                begun.fulfil(())
                try await mayGoOn.value
                for _ in 0..<10 { try await writer.write([UInt8](repeating: 1, count: 600)) }
            }
        }
        try await within { try await begun.value }
        let others = (0..<4).map { _ in Task { try await pair.client.send([UInt8](repeating: 2, count: 800)) }
        }
        try await within { while await pair.client.bufferedAmount < 3200 { await Task.yield() } }
        mayGoOn.fulfil(())
        try await within {
            try await writing.value
            for other in others { try await other.value }
            #expect(try await pair.server.receive()?.bytes.count == 6001)
            for _ in others { #expect(try await pair.server.receive()?.bytes.count == 800) }
        }
    }

    @Test("Marks of zero and below hold up nothing", arguments: [0, -1, .min])
    func uselessMarks(_ mark: Int) async throws {
        let options = ConnectionOptions.quiet {
            $0.inboundHighWaterMark = mark
            $0.outboundHighWaterMark = mark
        }
        let pair = try await PipePair(client: options, server: options)
        try await within {
            for number in 0..<10 {
                try await pair.client.send("\(number)")
                #expect(try await pair.server.receive() == Message("\(number)"))
            }
            #expect(try await pair.client.close().wasClean)
        }
    }
}
