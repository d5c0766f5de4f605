import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// The write side of a connection, on a transport that takes what the test lets it take.
@Suite("Sending", .timeLimit(.minutes(3)))
struct SendingTests {
    static let roles: [Role] = [.client, .server]

    // MARK: Accepted or refused

    @Test("A message is one frame, and what is sent in one turn of the loop one write", arguments: roles)
    func oneFrame(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        try socket.isolated.send("hello")
        #expect(socket.pipe.takeCalls().count == 1, "at once, when it is sent from the loop")
        try socket.core.enqueue(Message([1, 2, 3]))
        try socket.core.enqueue(Message(""))
        #expect(socket.pipe.takeCalls() == [])
        socket.endTurn()
        #expect(socket.pipe.takeCalls().count == 1)
        #expect(try socket.takeFrames() == [.text("hello"), Frame(.binary, [1, 2, 3]), .text("")])
        #expect(socket.core.bufferedAmount == 0)
    }

    @Test("Once closing has begun, every send is refused", arguments: roles)
    func refusedWhileClosing(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let prepared = try PreparedMessage(Message("p"))
        try socket.isolated.close()
        _ = try socket.takeFrames()
        #expect(throws: SendError.usage(.notOpen)) { try socket.isolated.send("x") }
        #expect(throws: SendError.usage(.notOpen)) { try socket.isolated.send(prepared) }
        #expect(throws: SendError.usage(.notOpen)) { try socket.core.enqueue(Message("x")) }
        #expect(throws: SendError.usage(.notOpen)) { _ = try socket.core.beginStream(.text) }
        #expect(try socket.takeFrames().isEmpty)
    }

    @Test("Once the peer has closed, every send is refused", arguments: roles)
    func refusedAfterPeersClose(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.receive(.close(1000))
        _ = try socket.takeFrames()
        #expect(throws: SendError.usage(.notOpen)) { try socket.isolated.send("x") }
        #expect(throws: SendError.usage(.notOpen)) { try socket.core.enqueue(Message("x")) }
        #expect(try socket.takeFrames().isEmpty)
    }

    @Test("After the end, every send says how it ended", arguments: roles)
    func refusedAfterEnd(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let prepared = try PreparedMessage(Message("p"))
        socket.isolated.abort()
        let ended = SendError.ended(try socket.onlyEnd())
        #expect(throws: ended) { try socket.isolated.send("x") }
        #expect(throws: ended) { try socket.isolated.send(prepared) }
        #expect(throws: ended) { try socket.core.enqueue(Message("x")) }
        #expect(throws: ended) { _ = try socket.core.beginStream(.text) }
    }

    @Test("Text that is not UTF-8 is refused and nothing is sent", arguments: roles)
    func notUTF8(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let bad: [UInt8] = [0x61, 0xC3, 0x28]
        let cut: [UInt8] = [0x61, 0xE2, 0x82]
        let badError = SendError.usage(.textNotUTF8(offset: 2))
        #expect(throws: badError) { try socket.isolated.send(.text, bad.span.bytes) }
        #expect(throws: badError) { try socket.core.enqueue(Message(kind: .text, bytes: bad)) }
        #expect(throws: SendError.usage(.textNotUTF8(offset: 3))) {
            try socket.isolated.send(.text, cut.span.bytes)
        }
        #expect(throws: SendError.usage(.textNotUTF8(offset: 3))) {
            try socket.core.enqueue(Message(kind: .text, bytes: cut))
        }
        try socket.isolated.send(.binary, bad.span.bytes)
        #expect(try socket.takeFrames() == [Frame(.binary, bad)])
    }

    @Test("From the loop, nothing is accepted above the outbound limit", arguments: roles)
    func bufferFull(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.outboundLimit = 100 })
        socket.pipe.takesWrites = false
        let bytes = [UInt8](repeating: 7, count: 50)
        let prepared = try PreparedMessage(Message(bytes))
        for _ in 0..<2 { try socket.isolated.send(.binary, bytes.span.bytes) }
        #expect(socket.core.bufferedAmount == 100)
        try socket.isolated.send(.binary, [UInt8(1)].span.bytes)  // The limit itself is not above the limit.
        let full = SendError.bufferFull(buffered: 101, limit: 100)
        #expect(throws: full) { try socket.isolated.send(.binary, bytes.span.bytes) }
        #expect(throws: full) { try socket.isolated.send("x") }
        #expect(throws: full) { try socket.isolated.send(prepared) }
        #expect(socket.core.bufferedAmount == 101)
        socket.pipe.takesWrites = true
        #expect(socket.core.bufferedAmount == 0)
        try socket.isolated.send(prepared)
        #expect(try socket.takeFrames().count == 4)
    }

    // MARK: What is buffered

    @Test("The buffered amount is that of the payload, wherever it waits", arguments: roles)
    func bufferedAmount(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        try socket.isolated.send(.binary, [UInt8](repeating: 0, count: 1000).span.bytes)
        #expect(socket.core.bufferedAmount == 1000, "headers and masks are not counted")
        try socket.core.enqueue(Message([UInt8](repeating: 0, count: 400_000)))
        #expect(socket.core.bufferedAmount == 401_000)
        // Behind a full window: waits as a message, not yet as a frame.
        try socket.core.enqueue(Message("later"))
        #expect(socket.pipe.heldWriteCount == 2)
        #expect(socket.core.bufferedAmount == 401_005)
        socket.pipe.takeOneHeldWrite()
        #expect(socket.core.bufferedAmount == 400_005)
        socket.pipe.takesWrites = true
        #expect(socket.core.bufferedAmount == 0)
        #expect(try socket.takeFrames().map(\.payload.count) == [1000, 400_000, 5])
    }

    @Test("Control frames are not part of the buffered amount", arguments: roles)
    func controlFramesAreNotCounted(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        socket.receive(Frame(.ping, [1, 2, 3]))
        #expect(socket.core.bufferedAmount == 0)
        #expect(socket.pipe.heldWriteCount == 1)
    }

    @Test("What the transport holds at a time is bounded", arguments: roles)
    func window(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        let piece = [UInt8](repeating: 0, count: 10_000)
        for _ in 0..<100 { try socket.isolated.send(.binary, piece.span.bytes) }
        #expect(socket.core.bufferedAmount == 1_000_000)
        let held = socket.pipe.takeWire().count
        #expect(held >= ConnectionCore.transportWindow)
        #expect(held < ConnectionCore.transportWindow + piece.count + 20)
        socket.pipe.takesWrites = true
        #expect(socket.core.bufferedAmount == 0)
    }

    @Test("What was not sent is counted in the end", arguments: roles)
    func unsentBytes(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        try socket.core.enqueue(Message([UInt8](repeating: 0, count: 300_000)))
        try socket.core.enqueue(Message([UInt8](repeating: 0, count: 777)))
        let stream = try socket.core.beginStream(.binary)
        try socket.core.append([1, 2, 3], toStream: stream, isLast: false)
        socket.isolated.abort()
        #expect(try socket.onlyEnd().unsentBytes == 300_780)
    }

    @Test("Replies to one read go out in one write", arguments: roles)
    func oneWritePerBurst(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.read { isolated, message in try? isolated.send(message.kind, message.bytes.span.bytes) }
        socket.receive((0..<100).map { .text("\($0)") })
        #expect(socket.pipe.takeCalls().count == 1)
        #expect(try socket.takeFrames() == (0..<100).map { .text("\($0)") })
    }

    @Test("An idle connection keeps no output buffer: it goes back to the loop's others")
    func idleHoldsNoBuffer() throws {
        // A capacity that no other test leaves behind on this thread.
        _ = LoopScratch.current.takeOutput()
        let socket = try EmbeddedConnection(.server)
        for _ in 0..<3 { try socket.isolated.send(.binary, [UInt8](repeating: 0, count: 30_000).span.bytes) }
        #expect(LoopScratch.current.takeOutput().capacity >= 30_000)
    }

    // MARK: Fragments

    @Test(
        "A message above the fragment size goes out in fragments, with control frames between",
        arguments: roles
    )
    func fragments(_ role: Role) throws {
        let size = ConnectionCore.transportWindow
        let socket = try EmbeddedConnection(role, .quiet { $0.fragmentSize = size })
        socket.pipe.takesWrites = false
        let payload = (0..<(2 * size + 10)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try socket.isolated.send(.binary, payload.span.bytes)
        #expect(try socket.takeFrames().map(\.payload.count) == [size], "one fragment fills the window")
        // Comes while the rest of the message waits, and does not wait for it.
        socket.receive(Frame(.ping, [9]))
        socket.pipe.takeOneHeldWrite()
        let rest = try socket.takeFrames()
        #expect(rest.map(\.opcode) == [.pong, .continuation])
        socket.pipe.takesWrites = true
        let last = try socket.takeFrames()
        #expect(last.map(\.opcode) == [.continuation])
        #expect(rest[1].isFinal == false)
        #expect(last[0].isFinal)
        #expect(payload.suffix(size + 10) == (rest[1].payload + last[0].payload)[...])
    }

    @Test("The fragment size is the limit of a single frame", arguments: roles, [1, 2, 3, 4])
    func atTheFragmentSize(_ role: Role, _ length: Int) throws {
        for viaQueue in [false, true] {
            let socket = try EmbeddedConnection(role, .quiet { $0.fragmentSize = 3 })
            let payload = [UInt8](repeating: 5, count: length)
            if viaQueue {
                try socket.core.enqueue(Message(payload))
            } else {
                try socket.isolated.send(.binary, payload.span.bytes)
            }
            let frames = try socket.takeFrames()
            #expect(frames.map(\.payload.count) == (length <= 3 ? [length] : [3, length - 3]))
            #expect(frames.map(\.isFinal) == (length <= 3 ? [true] : [false, true]))
        }
    }

    @Test("Without a fragment size, nothing is fragmented", arguments: roles)
    func neverFragmented(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.fragmentSize = nil })
        try socket.isolated.send(.binary, [UInt8](repeating: 0, count: 3 << 20).span.bytes)
        #expect(try socket.takeFrames().map(\.payload.count) == [3 << 20])
    }

    @Test("Fragments of text may cut characters", arguments: roles)
    func fragmentedText(_ role: Role) throws {
        let socket = try EmbeddedConnection(role, .quiet { $0.fragmentSize = 1 })
        try socket.isolated.send("a€b")
        let frames = try socket.takeFrames()
        #expect(frames.map(\.opcode) == [.text] + Array(repeating: .continuation, count: 4))
        #expect(frames.flatMap(\.payload) == Array("a€b".utf8))
    }

    // MARK: The order of things

    @Test("Each of the pings in one read is answered, in order and in one write", arguments: roles)
    func everyPing(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.receive((0..<10).map { Frame(.ping, [UInt8($0)]) })
        #expect(socket.pipe.takeCalls().count == 1)
        #expect(try socket.takeFrames() == (0..<10).map { Frame(.pong, [UInt8($0)]) })
    }

    @Test("A pong overtakes the messages that wait; only the latest ping's is sent", arguments: roles)
    func pongOvertakes(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        try socket.core.enqueue(Message([UInt8](repeating: 0, count: ConnectionCore.transportWindow)))
        try socket.core.enqueue(Message("waits"))
        for number in 0..<200 { socket.receive(Frame(.ping, [UInt8(number)])) }
        #expect(socket.pipe.heldWriteCount == 1, "pings do not fill memory while nothing is taken")
        socket.pipe.takesWrites = true
        let frames = try socket.takeFrames()
        #expect(frames.map(\.opcode) == [.binary, .pong, .text])
        #expect(frames[1].payload == [199])
    }

    @Test("The close frame waits for what was accepted before it", arguments: roles)
    func closeBehindMessages(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        for number in 0..<5 {
            try socket.core.enqueue(Message([UInt8](repeating: UInt8(number), count: 100_000)))
        }
        try socket.isolated.close()
        #expect(try !socket.takeFrames().contains { $0.opcode == .close })
        socket.pipe.takesWrites = true
        #expect(try socket.takeFrames().last == .close(1000))
        #expect(socket.core.bufferedAmount == 0)
    }

    @Test(
        "The answer to the peer's close goes ahead of what waits, which is counted as unsent",
        arguments: roles
    )
    func closeAnswerOvertakes(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        try socket.core.enqueue(Message([UInt8](repeating: 0, count: ConnectionCore.transportWindow)))
        try socket.core.enqueue(Message("waits"))
        socket.receive(.close(1001))
        #expect(!socket.pipe.isOutputClosed, "the answer is not out yet")
        socket.pipe.takesWrites = true
        #expect(try socket.takeFrames().map(\.opcode) == [.binary, .close])
        #expect(socket.pipe.isOutputClosed == (role == .server))
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.wasClean)
        #expect(end.unsentBytes == 5)
    }

    @Test(
        "A peer that broke a rule and does not read: our half ends only behind the close frame",
        arguments: roles
    )
    func failureBehindFullWindow(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        try socket.core.enqueue(Message([UInt8](repeating: 0, count: ConnectionCore.transportWindow)))
        socket.receive(Frame(Opcode(rawValue: 3)))
        #expect(!socket.pipe.isOutputClosed)
        socket.pipe.takesWrites = true
        #expect(try socket.takeFrames().map(\.opcode) == [.binary, .close])
        #expect(socket.pipe.takeCalls().last == .closeOutput)
    }
}
