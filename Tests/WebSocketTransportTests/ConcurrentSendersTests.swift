import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Many tasks send at once; what reaches the wire is read by a decoder of the test's own.
@Suite("Concurrent senders", .timeLimit(.minutes(3)))
struct ConcurrentSendersTests {
    static let tasks = 64
    static let messagesPerTask = 40

    /// A message that tells where it comes from and whether it is intact: each byte follows from the first ones.
    static func payload(task: Int, number: Int) -> [UInt8] {
        let length = 3 + (task * 37 + number * 211) % 3000
        return [UInt8(task), UInt8(number)]
            + (2..<length).map { UInt8(truncatingIfNeeded: $0 &* (task + 3) &+ number) }
    }

    private static func send(task: Int, number: Int, over connection: WebSocketConnection) async throws {
        let bytes = payload(task: task, number: number)
        switch (task + number) % 3 {
        case 0:
            try await connection.send(bytes)
        case 1:
            try await connection.sendMessage(.binary) { writer in
                for start in stride(from: 0, to: bytes.count, by: 700) {
                    try await writer.write(Array(bytes[start..<min(start + 700, bytes.count)]))
                    await Task.yield()
                }
            }
        default:
            // From the loop, where nothing suspends.
            let sent = Promised<Void>()
            connection.onLoop { isolated in
                sent.fulfil(Result { try isolated.send(.binary, bytes.span.bytes) })
            }
            try await sent.value
        }
    }

    @Test(
        "64 tasks send whole and fragmented messages with pings between: each message is intact",
        arguments: [Role.client, .server]
    )
    func intact(_ role: Role) async throws {
        let options = ConnectionOptions.quiet { $0.fragmentSize = 512 }
        let pair = try await PipePair(client: options, server: options)
        let sender = role == .client ? pair.client : pair.server
        let receiver = role == .client ? pair.server : pair.client
        let reading = Task {
            var count = 0
            for try await _ in receiver.messages { count += 1 }
            return count
        }
        try await within(.seconds(120)) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<Self.tasks {
                    group.addTask {
                        for number in 0..<Self.messagesPerTask {
                            try await Self.send(task: task, number: number, over: sender)
                        }
                    }
                }
                group.addTask { for _ in 0..<100 { _ = try await sender.ping() } }
                group.addTask { for _ in 0..<100 { _ = try await receiver.ping() } }
                try await group.waitForAll()
            }
            try await sender.close()
        }
        let total = Self.tasks * Self.messagesPerTask
        #expect(try await within { try await reading.value } == total)

        let wire = try await pair.onPipes { client, server in (role == .client ? client : server).takeWire() }
        var rest = wire[...]
        let frames = try Frame.takeAll(from: &rest)
        #expect(rest.isEmpty)
        try check(frames, isMasked: role == .client)
    }

    /// Puts the messages together by the rules of RFC 6455 §5.4.
    private func check(_ frames: [Frame], isMasked: Bool) throws {
        var partial: [UInt8]?
        var next = [Int](repeating: 0, count: Self.tasks)
        var (fragmented, interleaved, pings, pongs) = (0, 0, 0, 0)
        for frame in frames {
            #expect(frame.isMasked == isMasked)
            switch frame.opcode {
            case .ping, .pong:
                if frame.opcode == .ping { pings += 1 } else { pongs += 1 }
                if partial != nil { interleaved += 1 }
                #expect(frame.isFinal)
                continue
            case .close:
                #expect(frame == frames.last)
                continue
            case .binary:
                try #require(partial == nil, "a message inside a message")
                partial = frame.payload
                if !frame.isFinal { fragmented += 1 }
            case .continuation:
                partial = try #require(partial, "a continuation of nothing") + frame.payload
            default:
                Issue.record("unexpected \(frame.opcode)")
            }
            guard frame.isFinal, let message = partial else { continue }
            partial = nil
            let task = Int(message[0])
            try #require(
                message == Self.payload(task: task, number: next[task]),
                "in each task's order, intact"
            )
            next[task] += 1
        }
        #expect(next == [Int](repeating: Self.messagesPerTask, count: Self.tasks))
        #expect(fragmented > Self.tasks)
        #expect(pings == 100)
        #expect(pongs > 0)
        #expect(pongs <= 100)
        #expect(interleaved > 0, "control frames went between fragments")
    }

    @Test("A message in pieces whose writer fails closes with 1011; others are refused, not lost in silence")
    func writerFails() async throws {
        struct Failure: Error {}
        // No end may have to wait for its timeout.
        let patient = ConnectionOptions.quiet { $0.closeTimeout = .seconds(1000) }
        let pair = try await PipePair(client: patient, server: patient)
        let error = try await within {
            await thrownError(Failure.self) {
                try await pair.client.sendMessage(.text) { writer in
                    try await writer.write("begun")
                    throw Failure()
                }
            }
        }
        #expect(error != nil)
        let end = try await within { await pair.server.closed }
        #expect(end.code == .internalError)
        #expect(end.cause == .closedByPeer)
        #expect(try await within { await pair.client.closed }.wasClean)
    }

    @Test("Text in pieces that ends inside a character closes with 1011")
    func writerEndsInsideCharacter() async throws {
        let pair = try await PipePair()
        let error = try await within {
            await thrownError(SendError.self) {
                try await pair.client.sendMessage(.text) { try await $0.write([0xE2, 0x82]) }
            }
        }
        #expect(error == .usage(.textNotUTF8(offset: 2)))
        #expect(try await within { await pair.server.closed }.code == .internalError)
    }

    @Test("A piece that was refused does not spoil its message")
    func writerGoesOn() async throws {
        let pair = try await PipePair()
        try await within {
            try await pair.client.sendMessage(.text) { writer in
                try await writer.write("a")
                let error = await thrownError(SendError.self) { try await writer.write([0xFF]) }
                #expect(error == .usage(.textNotUTF8(offset: 1)))
                try await writer.write("b")
            }
        }
        #expect(try await within { try await pair.server.receive() } == Message("ab"))
    }

    @Test("A writer used after its message has ended is refused")
    func writerTooLate() async throws {
        let pair = try await PipePair()
        let kept = Log<WebSocketConnection.MessageWriter>()
        try await within { try await pair.client.sendMessage(.binary) { kept.add($0) } }
        let writer = try #require(kept.entries.first)
        let error = try await within { await thrownError(SendError.self) { try await writer.write([1]) } }
        #expect(error == .usage(.notOpen))
        #expect(try await within { try await pair.server.receive() } == Message([]))
    }
}
