import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Messages framed beforehand, and tasks that run on an event loop.
@Suite("Prepared messages and loop tasks", .timeLimit(.minutes(3)))
struct SmallPartsTests {
    @Test("A prepared message is the frame a server sends")
    func preparedBytes() throws {
        #expect(try PreparedMessage(Message("Hello")).serverFrame == [0x81, 5, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        #expect(try PreparedMessage(Message([])).serverFrame == [0x82, 0])
        let medium = try PreparedMessage(Message([UInt8](repeating: 9, count: 256)))
        #expect(medium.serverFrame == [0x82, 126, 1, 0] + [UInt8](repeating: 9, count: 256))
        let large = try PreparedMessage(Message([UInt8](repeating: 9, count: 65_536)))
        #expect(large.serverFrame.prefix(10) == [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0])
        #expect(large.serverFrame.count == 65_546)
    }

    @Test("Text to prepare must be UTF-8")
    func preparedText() {
        #expect(throws: UsageError.textNotUTF8(offset: 1)) {
            try PreparedMessage(Message(kind: .text, bytes: [0x61, 0xFF]))
        }
    }

    @Test(
        "A prepared message goes to many; a client sends it masked, as it must",
        arguments: [Role.client, .server]
    )
    func preparedSending(_ role: Role) throws {
        let prepared = try PreparedMessage(Message("to all"))
        for _ in 0..<3 {
            let socket = try EmbeddedConnection(role, .quiet())
            try socket.isolated.send(prepared)
            try socket.isolated.send(prepared)
            #expect(try socket.takeFrames() == [.text("to all"), .text("to all")])
        }
    }

    @Test("A prepared message waits for a message in pieces, and is cut like any other")
    func preparedAmongOthers() throws {
        let socket = try EmbeddedConnection(.server, .quiet { $0.fragmentSize = 4 })
        let stream = try socket.core.beginStream(.binary)
        try socket.core.append([1], toStream: stream, isLast: false)
        try socket.isolated.send(PreparedMessage(Message("abcdef")))
        #expect(try socket.takeFrames() == [Frame(.binary, [1], isFinal: false)])
        try socket.core.append([2], toStream: stream, isLast: true)
        #expect(
            try socket.takeFrames() == [
                Frame(.continuation, [2]), .text("abcd", isFinal: false),
                Frame(.continuation, Array("ef".utf8)),
            ]
        )
    }

    @Test("A task with a loop's executor runs on that loop, after every suspension too")
    func loopTask() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let pair = try await PipePair(loop: loop)
        try await within {
            let task = Task(executorPreference: LoopTaskExecutor(loop)) {
                #expect(loop.inEventLoop)
                for number in 0..<100 {
                    try await pair.client.send("\(number)")
                    #expect(loop.inEventLoop)
                    #expect(try await pair.server.receive() == Message("\(number)"))
                    #expect(loop.inEventLoop)
                    await Task.yield()
                    #expect(loop.inEventLoop)
                }
                _ = try await pair.client.ping()
                #expect(loop.inEventLoop)
                #expect(try await pair.client.close().wasClean)
                #expect(loop.inEventLoop)
            }
            try await task.value
        }
    }

    @Test("A message knows its kind, and its text")
    func messages() {
        #expect(Message("é").bytes == [0xC3, 0xA9])
        #expect(Message("é").kind == .text)
        #expect(Message("é").text == "é")
        #expect(Message([0xC3, 0xA9]).kind == .binary)
        #expect(Message([0xC3, 0xA9]).text == nil)
        #expect(Message([0xC3, 0xA9]) != Message("é"))
        #expect(Message(kind: .text, bytes: [0xC3, 0xA9]) == Message("é"))
    }
}
