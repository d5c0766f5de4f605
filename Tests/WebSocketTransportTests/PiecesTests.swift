import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Messages sent piece by piece, on a transport that takes what the test lets it take.
@Suite("Messages in pieces", .timeLimit(.minutes(3)))
struct PiecesTests {
    static let roles: [Role] = [.client, .server]

    @Test("A message in pieces: each goes out as it comes", arguments: roles)
    func stream(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let stream = try socket.core.beginStream(.text)
        try socket.core.append(Array("ab".utf8), toStream: stream, isLast: false)
        #expect(try socket.takeFrames() == [.text("ab", isFinal: false)])
        try socket.core.append([], toStream: stream, isLast: false)
        #expect(try socket.takeFrames().isEmpty, "an empty piece says nothing")
        // Another message waits for its turn; a pong does not.
        try socket.core.enqueue(Message("next"))
        try socket.isolated.send("and next")
        socket.receive(Frame(.ping))
        #expect(try socket.takeFrames() == [Frame(.pong)])
        try socket.core.append(Array("c".utf8), toStream: stream, isLast: true)
        #expect(
            try socket.takeFrames() == [
                Frame(.continuation, Array("c".utf8)), .text("next"), .text("and next"),
            ]
        )
        #expect(throws: SendError.usage(.notOpen)) {
            try socket.core.append([1], toStream: stream, isLast: false)
        }
    }

    @Test("A message in pieces that had none is an empty message", arguments: roles)
    func emptyStream(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let stream = try socket.core.beginStream(.binary)
        try socket.core.append([], toStream: stream, isLast: true)
        #expect(try socket.takeFrames() == [Frame(.binary)])
    }

    @Test("Text in pieces may be cut inside a character", arguments: roles)
    func streamedTextCut(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let stream = try socket.core.beginStream(.text)
        for byte in "€🎈é".utf8 { try socket.core.append([byte], toStream: stream, isLast: false) }
        try socket.core.append([], toStream: stream, isLast: true)
        #expect(try socket.takeFrames().flatMap(\.payload) == Array("€🎈é".utf8))
        #expect(socket.connection.end == nil)
    }

    @Test("A piece that is not UTF-8 is refused by itself; the message goes on without it", arguments: roles)
    func streamedTextBad(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let stream = try socket.core.beginStream(.text)
        try socket.core.append([0x61, 0xC3], toStream: stream, isLast: false)
        #expect(throws: SendError.usage(.textNotUTF8(offset: 2))) {
            try socket.core.append([0x28], toStream: stream, isLast: false)
        }
        #expect(throws: SendError.usage(.textNotUTF8(offset: 2))) {
            try socket.core.append([], toStream: stream, isLast: true)
        }
        try socket.core.append([0xA9], toStream: stream, isLast: true)
        #expect(try socket.takeFrames().flatMap(\.payload) == Array("aé".utf8))
    }

    @Test("Pieces that wait behind another message are checked when they are given", arguments: roles)
    func streamedTextBadWhileWaiting(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let first = try socket.core.beginStream(.binary)
        let second = try socket.core.beginStream(.text)
        #expect(throws: SendError.usage(.textNotUTF8(offset: 0))) {
            try socket.core.append([0xFF], toStream: second, isLast: false)
        }
        try socket.core.append([1], toStream: first, isLast: true)
        try socket.core.append([], toStream: second, isLast: true)
        #expect(try socket.takeFrames() == [Frame(.binary, [1]), .text("")])
    }

    @Test("Closing does not wait for a message in pieces: its frame goes between them", arguments: roles)
    func closeInsideStream(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        let stream = try socket.core.beginStream(.binary)
        try socket.core.append([1], toStream: stream, isLast: false)
        try socket.core.enqueue(Message("behind it"))
        try socket.isolated.close()
        #expect(try socket.takeFrames() == [Frame(.binary, [1], isFinal: false), .close(1000)])
        #expect(throws: SendError.usage(.notOpen)) {
            try socket.core.append([2], toStream: stream, isLast: false)
        }
        socket.receive(.close(1000))
        socket.pipe.deliverEnd()
        let end = try socket.onlyEnd()
        #expect(end.wasClean)
        #expect(end.unsentBytes == 9, "the message that could not follow")
    }

    @Test("Closing drops a message in pieces that has not begun, and sends the whole ones", arguments: roles)
    func closeDropsUnbegunStream(_ role: Role) throws {
        let socket = try EmbeddedConnection(role)
        socket.pipe.takesWrites = false
        try socket.core.enqueue(Message([UInt8](repeating: 0, count: ConnectionCore.transportWindow)))
        let stream = try socket.core.beginStream(.binary)
        try socket.core.append([1, 2, 3], toStream: stream, isLast: false)
        try socket.core.enqueue(Message("whole"))
        try socket.isolated.close()
        #expect(socket.core.bufferedAmount == ConnectionCore.transportWindow + 5)
        socket.pipe.takesWrites = true
        #expect(try socket.takeFrames().map(\.opcode) == [.binary, .text, .close])
        socket.receive(.close(1000))
        socket.pipe.deliverEnd()
        #expect(try socket.onlyEnd().unsentBytes == 3)
    }

    @Test("Many small pieces that wait do not cost the square of their number")
    func manyPieces() throws {
        let socket = try EmbeddedConnection(.server)
        let first = try socket.core.beginStream(.binary)
        let second = try socket.core.beginStream(.binary)
        let clock = ContinuousClock()
        let taken = try clock.measure {
            for _ in 0..<100_000 { try socket.core.append([1], toStream: second, isLast: false) }
            try socket.core.append([], toStream: second, isLast: true)
            try socket.core.append([], toStream: first, isLast: true)
        }
        #expect(try socket.takeFrames().count == 100_002)
        #expect(taken < .seconds(10), "copying all of them for each takes minutes")
    }
}
