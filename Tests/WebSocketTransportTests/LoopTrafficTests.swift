import NIOCore
import NIOEmbedded
import Synchronization
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// What connections carry, as their loop counts it.
@Suite("Traffic of a loop", .timeLimit(.minutes(1)))
struct LoopTrafficTests {
    private let traffic = LoopTraffic()

    /// Three texts of 14 bytes, two binaries of 70,200; in four frames and one message of two.
    private static let frames: [Frame] = [
        .text("a"), .text("bcd"), Frame(.binary, [UInt8](repeating: 1, count: 200)),
        .text("frag", isFinal: false), Frame(.continuation, Array("mented".utf8)),
        Frame(.binary, [UInt8](repeating: 2, count: 70_000)),
    ]

    private func expectMessages(
        received: (texts: Int, binaries: Int, bytes: Int) = (0, 0, 0),
        sent: (texts: Int, binaries: Int, bytes: Int) = (0, 0, 0),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(traffic[.textsReceived] == received.texts, sourceLocation: sourceLocation)
        #expect(traffic[.binariesReceived] == received.binaries, sourceLocation: sourceLocation)
        #expect(traffic[.payloadReceived] == received.bytes, sourceLocation: sourceLocation)
        #expect(traffic[.textsSent] == sent.texts, sourceLocation: sourceLocation)
        #expect(traffic[.binariesSent] == sent.binaries, sourceLocation: sourceLocation)
        #expect(traffic[.payloadSent] == sent.bytes, sourceLocation: sourceLocation)
    }

    @Test
    func `A callback that sends each message back: each counts once each way`()
        throws
    {
        let socket = try EmbeddedConnection(.server, .quiet(), hasReader: false, traffic: traffic)
        socket.connection.setCallbacks(
            .init(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) })
        )
        socket.receive(Self.frames)
        let sent = try socket.takeFrames()
        #expect(sent.count == 5)
        expectMessages(received: (3, 2, 70_214), sent: (3, 2, 70_214))

        // Gathered, and then found by something that goes another way.
        socket.receive(.text("x"), .text("y"), Frame(.ping, [1]), .text("z"))
        #expect(try socket.takeFrames().count == 4)
        expectMessages(received: (6, 2, 70_217), sent: (6, 2, 70_217))
        #expect(traffic[.pingsReceived] == 1)
    }

    @Test func `The largest read there may be, full of the smallest messages, and one that is larger`() throws
    {
        let socket = try EmbeddedConnection(.server, .quiet(), hasReader: false, traffic: traffic)
        socket.connection.setCallbacks(.init(onMessage: { _, _, _ in }))
        var client = WebSocketEndpoint(role: .client)
        var wire: [UInt8] = []
        let letter: [UInt8] = [0x61]
        var count = 0
        while wire.count + 7 <= LoopTraffic.Tally.largestRead {
            try client.send(.text, letter.span.bytes, into: &wire)
            count += 1
        }
        socket.pipe.deliver(wire)
        expectMessages(received: (count, 0, count))
        for _ in 0..<2 {
            try client.send(.binary, letter.span.bytes, into: &wire)
        }
        #expect(wire.count > LoopTraffic.Tally.largestRead)
        socket.pipe.deliver(wire)
        expectMessages(received: (2 * count, 2, 2 * count + 2))

        var tally = LoopTraffic.Tally()
        for _ in 0..<(LoopTraffic.Tally.largestRead / 2) { tally.add(.binary, 0) }
        tally.add(.text, LoopTraffic.Tally.largestRead)
        #expect(tally.binaries == LoopTraffic.Tally.largestRead / 2)
        #expect(tally.texts == 1)
        #expect(tally.payload == LoopTraffic.Tally.largestRead)
    }

    @Test func `Bytes of a compressed message are counted as the application sees them`() throws {
        let direction = DeflateAgreement.Direction(keepsContext: false, windowBits: 15)
        let agreement = DeflateAgreement(server: direction, client: direction)
        let socket = try EmbeddedConnection(.server, .quiet(), compression: agreement, traffic: traffic)
        let text = String(repeating: "again and ", count: 100)
        try socket.isolated.send(text)
        socket.endTurn()
        expectMessages(sent: (1, 0, text.utf8.count))
        #expect(socket.pipe.takeWire().count < 200)
    }

    @Test func `A message that waits for its reader is counted when it comes, and not again when it is read`()
        throws
    {
        let socket = try EmbeddedConnection(.server, .quiet(), hasReader: false, traffic: traffic)
        socket.receive(Self.frames)
        expectMessages(received: (3, 2, 70_214))
        socket.read()
        #expect(socket.takeMessages().count == 5)
        expectMessages(received: (3, 2, 70_214))
    }

    @Test func `A message in fragments, in pieces, prepared or in a batch is one message`() throws {
        let options = ConnectionOptions.quiet { $0.fragmentSize = 100 }
        let socket = try EmbeddedConnection(.server, options, traffic: traffic)
        try socket.core.enqueue(Message([UInt8](repeating: 1, count: 1000)))
        #expect(try socket.takeFrames().count == 10)
        expectMessages(sent: (0, 1, 1000))

        let stream = try socket.core.beginStream(.text)
        try socket.core.append(Array("one".utf8), toStream: stream, isLast: false)
        try socket.core.append(Array("two".utf8), toStream: stream, isLast: false)
        socket.endTurn()
        #expect(traffic[.textsSent] == 0)
        try socket.core.append([], toStream: stream, isLast: true)
        socket.endTurn()
        expectMessages(sent: (1, 1, 1006))

        let prepared = try PreparedMessage(Message("prepared"))
        try socket.isolated.send(prepared)
        socket.endTurn()
        expectMessages(sent: (2, 1, 1014))
        _ = try socket.isolated.send(
            PreparedBatch([prepared, try PreparedMessage(Message([1, 2])), prepared])
        )
        socket.endTurn()
        expectMessages(sent: (4, 2, 1032))
    }

    @Test func `What finds no room on the wire is counted when it goes`() throws {
        let socket = try EmbeddedConnection(.server, .quiet(), traffic: traffic)
        socket.pipe.takesWrites = false
        for _ in 0..<4 { try socket.isolated.send(.binary, [UInt8](repeating: 1, count: 200_000).span.bytes) }
        socket.endTurn()
        #expect(traffic[.binariesSent] < 4)
        #expect(traffic[.payloadSent] < 800_000)
        socket.pipe.takesWrites = true
        socket.endTurn()
        expectMessages(sent: (0, 4, 800_000))
    }

    @Test func `Only the first pong for the latest ping tells how long the peer took`() throws {
        let times = Log<Duration>()
        let traffic = LoopTraffic { times.add($0) }
        let socket = try EmbeddedConnection(
            .server,
            .init(pingInterval: .seconds(20), jitter: 0),
            traffic: traffic
        )
        socket.advance(by: .seconds(20))
        let ping = try #require(try socket.takeFrames().first)
        #expect(ping.opcode == .ping)
        socket.advance(by: .milliseconds(300))
        socket.receive(Frame(.pong, [0xFF, 0, 0, 0, 0, 0, 0, 1]))
        socket.receive(Frame(.pong, []))
        #expect(times.entries == [])
        socket.receive(Frame(.pong, ping.payload))
        socket.receive(Frame(.pong, ping.payload))
        #expect(times.entries == [.milliseconds(300)])
        #expect(traffic[.pingsSent] == 1)
        #expect(traffic[.pongsReceived] == 4)

        socket.advance(by: .seconds(20))
        let second = try #require(try socket.takeFrames().first)
        socket.receive(Frame(.pong, ping.payload))
        #expect(times.entries.count == 1)
        socket.receive(Frame(.pong, second.payload))
        #expect(times.entries.count == 2)
    }

    @Test
    func
        `Servers that share a thread are counted apart, and their connections share what they have in common`()
        throws
    {
        let (one, other) = (LoopTraffic(), LoopTraffic())
        let loop = EmbeddedEventLoop()
        let first = try EmbeddedConnection(.server, .quiet(), loop: loop, traffic: one)
        let second = try EmbeddedConnection(.server, .quiet(), loop: loop, traffic: other)
        let third = try EmbeddedConnection(.server, .quiet(), loop: loop, traffic: one)
        let client = try EmbeddedConnection(.client, .quiet(), loop: loop)
        first.receive(.text("1"))
        second.receive(.text("2"), .text("2"))
        third.receive(.text("3"))
        client.receive(.text("4"))
        #expect(one[.textsReceived] == 2)
        #expect(other[.textsReceived] == 2)
        #expect(first.core.shared === third.core.shared)
        #expect(first.core.shared !== second.core.shared)
    }

    @Test func `However many kinds of connections a thread has had, few are remembered`() {
        let scratch = LoopScratch()
        let traffics = (0..<5).map { _ in LoopTraffic() }
        let shared = traffics.map { scratch.shared(.quiet(), $0) }
        #expect(scratch.shared(.quiet(), traffics[4]) === shared[4])
        #expect(scratch.shared(.quiet(), traffics[1]) === shared[1])
        #expect(scratch.shared(.quiet(), traffics[0]) !== shared[0])
    }
}
