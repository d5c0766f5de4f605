import Testing
import WebSocketTransport

@testable import WebSocketServer

@Suite("Messages that wait for a slow subscriber")
struct WaitingMessagesTests {
    private func message(_ number: Int, key: String? = nil, size: Int = 0) throws -> PublishedMessage {
        let padding = String(repeating: ".", count: size)
        return PublishedMessage(prepared: try PreparedMessage(Message("\(number)\(padding)")), key: key)
    }

    /// What is there, as it would be sent: "-2" for two that are missing.
    private func drain(_ waiting: inout WaitingMessages) -> [String] {
        var told: [String] = []
        while let next = waiting.popFirst() {
            if next.missed > 0 { told.append("-\(next.missed)") }
            if let text = next.message?.prepared.message.text { told.append(text) }
        }
        return told
    }

    @Test func `The oldest makes way, and what is missing is ahead of the rest`() throws {
        var waiting = WaitingMessages(.dropOldest(limit: 2), bytes: .max)
        #expect(try (1...5).map { waiting.append(try message($0)) } == [0, 0, 1, 1, 1])
        #expect(waiting.count == 2)
        #expect(drain(&waiting) == ["-3", "4", "5"])
        #expect(waiting.isEmpty)
    }

    @Test func `The newest finds no room, and is missing behind the rest`() throws {
        var waiting = WaitingMessages(.dropNewest(limit: 2), bytes: .max)
        #expect(try (1...4).map { waiting.append(try message($0)) } == [0, 0, 1, 1])
        #expect(waiting.popFirst()?.message?.prepared.message.text == "1")
        let fifth = try message(5)
        #expect(waiting.append(fifth) == 0)
        #expect(drain(&waiting) == ["2", "-2", "5"])
    }

    @Test func `Only the latest of a key stays, at its own place`() throws {
        var waiting = WaitingMessages(.keepLatest(limit: 10), bytes: .max)
        for (number, key) in [(1, "a"), (2, nil), (3, "b"), (4, "a"), (5, nil), (6, "b")] {
            _ = waiting.append(try message(number, key: key))
        }
        #expect(waiting.count == 4)
        #expect(drain(&waiting) == ["-1", "2", "-1", "4", "5", "6"])
    }

    @Test func `With room for none all are missing`() throws {
        for policy in [
            SlowSubscriberPolicy.dropOldest(limit: 0), .dropNewest(limit: -1), .keepLatest(limit: 0),
        ] {
            var waiting = WaitingMessages(policy, bytes: .max)
            #expect(try (1...3).map { waiting.append(try message($0, key: "k")) } == [1, 1, 1])
            #expect(!waiting.isEmpty)
            #expect(drain(&waiting) == ["-3"])
            #expect(waiting.isEmpty)
        }
    }

    @Test func `Bytes are limited beside the number, but for one message alone`() throws {
        for policy in [
            SlowSubscriberPolicy.dropOldest(limit: 100), .dropNewest(limit: 100), .keepLatest(limit: 100),
        ] {
            var waiting = WaitingMessages(policy, bytes: 1000)
            let messages = [try message(1, size: 5000), try message(2), try message(3)]
            #expect(waiting.append(messages[0]) == 0)
            #expect(waiting.append(messages[1]) == 1)
            #expect(waiting.append(messages[2]) == (policy == .dropNewest(limit: 100) ? 1 : 0))
            #expect(waiting.count == (policy == .dropNewest(limit: 100) ? 1 : 2))
        }
    }

    @Test func `A key that changes for ever takes no more memory than one message`() throws {
        var waiting = WaitingMessages(.keepLatest(limit: 10), bytes: .max)
        _ = waiting.append(try message(0))
        for number in 1...10_000 { _ = waiting.append(try message(number, key: "k")) }
        #expect(waiting.count == 2)
        #expect(waiting.slotCount < 100)
        #expect(drain(&waiting) == ["0", "-9999", "10000"])
    }

    @Test(arguments: 0..<60)
    func `Whatever comes and goes, each message is there or missing at its place`(seed: UInt64) throws {
        var dice = Dice(state: seed)
        let limit = dice.roll(6)
        let policies: [SlowSubscriberPolicy] = [
            .dropOldest(limit: limit), .dropNewest(limit: limit), .keepLatest(limit: limit),
        ]
        let policy = policies[dice.roll(3)]
        var waiting = WaitingMessages(policy, bytes: dice.roll(2) == 0 ? .max : 1500)
        var (next, expected, dropped, missing) = (0, 0, 0, 0)
        for _ in 0..<400 {
            if dice.roll(3) > 0 {
                let key = dice.roll(3) == 0 ? nil : "\(dice.roll(4))"
                dropped += waiting.append(try message(next, key: key))
                next += 1
                #expect(waiting.count <= limit)
            } else if let popped = waiting.popFirst() {
                missing += popped.missed
                expected += popped.missed
                if let text = popped.message?.prepared.message.text {
                    #expect(text == "\(expected)")
                    expected += 1
                }
            }
        }
        while let popped = waiting.popFirst() {
            missing += popped.missed
            expected += popped.missed
            if let text = popped.message?.prepared.message.text {
                #expect(text == "\(expected)")
                expected += 1
            }
        }
        #expect(expected == next)
        #expect(missing == dropped)
        #expect(waiting.isEmpty && waiting.count == 0)
    }
}

/// The same sequence for the same seed.
struct Dice: RandomNumberGenerator {
    var state: UInt64

    // Knuth's multiplicative congruential step; the high bits are the better ones.
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 32 | state << 32
    }
    mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &self) }
}
