import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Tasks that do not run on the connection's loop: what they are promised is what those on it are.
@Suite("Tasks beyond the event loop", .timeLimit(.minutes(3)))
struct OutsideTests {
    @Test("Callbacks that come after such a reader get what it has not read, first and in order")
    func takenOver() async throws {
        let pair = try await PipePair()
        for number in 0..<10 { try await pair.server.send("\(number)") }
        #expect(try await within { try await pair.client.receive() } == Message("0"))
        let texts = Log<String>()
        let last = Promised<Void>()
        pair.client.setCallbacks(
            .init(onMessage: { _, _, bytes in
                let text = bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                texts.add(text)
                if text == "10" { last.fulfil(()) }
            })
        )
        try await pair.server.send("10")
        try await within { try await last.value }
        #expect(texts.entries == (1...10).map { "\($0)" })
        let error = await thrownError(ReceiveError.self) { _ = try await pair.client.receive() }
        #expect(error == .alreadyConsumed)
    }

    @Test("A reader that waits is refused when callbacks take over")
    func waiterTakenOver() async throws {
        let pair = try await PipePair()
        let reading = Task { try await pair.client.receive() }
        try await within { while await !pair.client.onCore(\.hasWaitingReader) { await Task.yield() } }
        pair.client.setCallbacks(.init(onMessage: { _, _, _ in }))
        let error = await thrownError(ReceiveError.self) { _ = try await within { try await reading.value } }
        #expect(error == .alreadyConsumed)
    }

    @Test("A second reader is refused, and its being cancelled does not close for the first")
    func secondReader() async throws {
        let pair = try await PipePair()
        let reading = Task { try await pair.client.receive() }
        try await within { while await !pair.client.onCore(\.hasWaitingReader) { await Task.yield() } }
        let second = Task { try await pair.client.receive() }
        second.cancel()
        let error = await thrownError(ReceiveError.self) { _ = try await within { try await second.value } }
        #expect(error == .alreadyConsumed)
        try await pair.server.send("for the first")
        #expect(try await within { try await reading.value } == Message("for the first"))
    }

    @Test("What is read here and then on the loop is one sequence")
    func bothPlaces() async throws {
        let pair = try await PipePair()
        for number in 0..<6 { try await pair.server.send("\(number)") }
        var texts: [String?] = []
        for _ in 0..<3 {
            texts.append(try await within { try await pair.client.receive() }?.text)
            let onLoop = Task(executorPreference: LoopTaskExecutor(pair.loop)) {
                try await pair.client.receive()
            }
            texts.append(try await within { try await onLoop.value }?.text)
        }
        #expect(texts == (0..<6).map { "\($0)" })
    }

    @Test("What is sent here and then on the loop goes in this order")
    func sentInOrder() async throws {
        let pair = try await PipePair()
        let executor = LoopTaskExecutor(pair.loop)
        for number in 0..<200 {
            try await pair.client.send("\(2 * number)")
            try await Task(executorPreference: executor) { try await pair.client.send("\(2 * number + 1)") }
                .value
        }
        for number in 0..<400 {
            #expect(try await within { try await pair.server.receive() }?.text == "\(number)")
        }
    }

    @Test("What was accepted before close() is sent before it; what comes after it is refused")
    func closing() async throws {
        let pair = try await PipePair()
        for number in 0..<100 { try await pair.client.send("\(number)") }
        let closing = Task { try await pair.client.close() }
        var count = 0
        for try await message in pair.server.messages {
            #expect(message.text == "\(count)")
            count += 1
        }
        #expect(count == 100)
        let end = try await within { try await closing.value }
        #expect(end.unsentBytes == 0)
        #expect(await thrownError(SendError.self) { try await pair.client.send("late") } == .ended(end))
    }

    @Test("Text that is not UTF-8 is refused at once, and the connection goes on")
    func badText() async throws {
        let pair = try await PipePair()
        for bytes: [UInt8] in [[0x61, 0xFF], [0x61, 0xC3]] {
            let error = await thrownError(SendError.self) {
                try await pair.client.send(Message(kind: .text, bytes: bytes))
            }
            guard case .usage(.textNotUTF8) = error else {
                Issue.record("not \(String(describing: error))")
                continue
            }
        }
        try await pair.client.send("good")
        #expect(try await within { try await pair.server.receive() } == Message("good"))
    }

    @Test("Whenever closing begins, what was accepted before is sent, and nothing else")
    func counted() async throws {
        for round in 0..<50 {
            let pair = try await PipePair(server: .quiet { $0.inboundHighWaterMark = 1 << 24 })
            let accepted = Log<Int>()
            let sending = Task {
                for number in 0..<1000 {
                    try await pair.client.send("\(number)")
                    accepted.add(number)
                }
            }
            while accepted.entries.count < round * 7 { await Task.yield() }
            let closing = Task { try await pair.client.close() }
            _ = await sending.result
            var received: [Int] = []
            for try await message in pair.server.messages {
                received.append(message.text.flatMap { Int($0) } ?? -1)
            }
            #expect(received == accepted.entries)
            #expect(try await within { try await closing.value }.unsentBytes == 0)
        }
    }

    @Test("What came before the end is read behind it, though the reader comes after it")
    func readBehindTheEnd() async throws {
        let pair = try await PipePair()
        // From here on there is a place for messages, and nobody has asked for any.
        try await pair.client.send("question")
        for number in 0..<10 { try await pair.server.send("\(number)") }
        _ = try await within { try await pair.server.close() }
        _ = try await within { await pair.client.closed }
        let texts = try await within {
            var texts: [String?] = []
            for try await message in pair.client.messages { texts.append(message.text) }
            return texts
        }
        #expect(texts == (0..<10).map { "\($0)" })
    }

    @Test("The first message that meets a close is refused, as those after it are", arguments: [true, false])
    func refusedFromTheFirst(_ isOurs: Bool) async throws {
        let pair = try await PipePair(client: .quiet { $0.closeTimeout = .seconds(300) })
        // Its close frame does not get through, so that it goes on closing.
        try await pair.onPipes { client, _ in client.takesWrites = false }
        let closing = isOurs ? pair.client : pair.server
        await closing.onCore { $0.close(.empty) }
        try await within {
            while await pair.client.onCore({ $0.endpoint.maySendData && $0.closeRequest == nil }) {
                await Task.yield()
            }
        }
        for _ in 0..<3 {
            let error = await thrownError(SendError.self) {
                try await within { try await pair.client.send("late") }
            }
            #expect(error == .usage(.notOpen))
        }
        pair.client.abort()
        #expect(try await within { await pair.client.closed }.unsentBytes == 0)
    }

    @Test("A reader that comes when closing has begun does not keep the peer's close frame from being read")
    func closingIsReadOn() async throws {
        let pair = try await PipePair(
            client: .quiet {
                $0.inboundHighWaterMark = 1000
                $0.closeTimeout = .seconds(300)
            }
        )
        await pair.server.onCore { server in
            for _ in 0..<2 { try? server.enqueue(Message([UInt8](repeating: 1, count: 2000))) }
        }
        try await within { while await pair.client.onCore(\.inboundCost) < 4000 { await Task.yield() } }
        try await pair.onPipes { _, server in server.takesWrites = false }
        await pair.client.onCore { $0.close(.empty) }
        #expect(try await within { try await pair.client.receive() }?.bytes.count == 2000)
        try await pair.onPipes { _, server in server.takesWrites = true }
        #expect(try await within(.seconds(20)) { await pair.client.closed }.wasClean)
    }
}
