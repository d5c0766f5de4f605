import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// Subscribers that are slow, on a loop that only the test turns: everything happens on the test's thread.
@Suite("Slow subscribers", .timeLimit(.minutes(2)))
struct TopicPolicyTests {
    private let loop = EmbeddedEventLoop()
    private let hub = TopicHub()

    /// A subscriber, and what its peer has taken.
    private func subscriber(
        _ options: SubscriptionOptions,
        outboundLimit: Int = 16 << 20
    ) throws -> (pipe: SubscriberPipe, subscription: TopicSubscription) {
        let pipe = SubscriberPipe(.forSubscriber(outboundLimit: outboundLimit), on: loop)
        return (pipe, try hub.subscribe(try #require(pipe.connection), to: "t", options: options))
    }

    private func publish(_ numbers: ClosedRange<Int>, key: (Int) -> String? = { _ in nil }) throws {
        for number in numbers {
            try hub.post(Message("\(number)"), to: "t", key: key(number))
            loop.run()
        }
    }

    private func texts(_ pipe: SubscriberPipe) throws -> [String] {
        try pipe.takeFrames().map { frame in
            frame.closeCode.map { "close \($0)" } ?? String(decoding: frame.payload, as: UTF8.self)
        }
    }

    private func end(_ pipes: SubscriberPipe...) {
        for pipe in pipes {
            pipe.connection?.abort()
            pipe.letGo()
        }
        loop.run()
    }

    private static let notice: @Sendable (TopicGap) -> Message? = {
        Message("missed \($0.missed) of \($0.topic), \($0.missedInAll) in all")
    }

    @Test(arguments: [
        SubscriptionOptions(), .init(policy: .keepLatest()), .init(policy: .dropOldest(limit: 2)),
    ])
    func `Who only gets what is published is not idle, until nothing is published`(
        options: SubscriptionOptions
    ) throws {
        var connection = ConnectionOptions.forSubscriber()
        (connection.idleTimeout, connection.jitter) = (.seconds(60), 0)
        let (subscribed, other) = (SubscriberPipe(connection, on: loop), SubscriberPipe(connection, on: loop))
        _ = try hub.subscribe(try #require(subscribed.connection), to: "t", options: options)
        var seen: [String] = []
        for number in 1...30 {
            loop.advanceTime(by: .seconds(7))
            try publish(number...number)
            seen += try texts(subscribed)
        }
        #expect(seen == (1...30).map { "\($0)" })
        #expect(try texts(other) == ["close 1001"])
        // An eighth late at most.
        loop.advanceTime(by: .milliseconds(59_999))
        #expect(try texts(subscribed).isEmpty)
        loop.advanceTime(by: .milliseconds(7_501))
        #expect(try texts(subscribed) == ["close 1001"])
        end(subscribed, other)
    }

    @Test func `The oldest are dropped, and the gap is told where it is`() throws {
        let options = SubscriptionOptions(
            policy: .dropOldest(limit: 2),
            outboundMark: 0,
            gapNotice: Self.notice
        )
        let (slow, subscription) = try subscriber(options)
        let (quick, other) = try subscriber(options)
        try publish(1...1)
        slow.takes = false
        // The first finds nothing ahead of it; it is what is held up.
        try publish(2...7)
        #expect(
            subscription.countsNow() == SubscriptionCounts(published: 7, delivered: 2, dropped: 3, waiting: 2)
        )
        #expect(hub.statistics.waiting == 2)
        slow.takes = true
        loop.run()
        #expect(try texts(slow) == ["1", "2", "missed 3 of t, 3 in all", "6", "7"])
        #expect(try texts(quick) == (1...7).map(String.init))
        #expect(
            subscription.countsNow() == SubscriptionCounts(published: 7, delivered: 4, dropped: 3, waiting: 0)
        )
        #expect(other.countsNow() == SubscriptionCounts(published: 7, delivered: 7, dropped: 0, waiting: 0))
        #expect(
            hub.statistics
                == TopicStatistics(
                    published: 7,
                    delivered: 11,
                    dropped: 3,
                    waiting: 0,
                    topics: 1,
                    subscriptions: 2
                )
        )
        end(slow, quick)
        #expect(hub.topicCount == 0)
    }

    @Test func `The newest are dropped, and the gap is told though nothing follows`() throws {
        let (slow, subscription) = try subscriber(
            .init(policy: .dropNewest(limit: 2), outboundMark: 0, gapNotice: Self.notice)
        )
        slow.takes = false
        try publish(1...6)
        slow.takes = true
        loop.run()
        #expect(try texts(slow) == ["1", "2", "3", "missed 3 of t, 3 in all"])
        try publish(7...7)
        #expect(try texts(slow) == ["7"])
        #expect(
            subscription.countsNow() == SubscriptionCounts(published: 7, delivered: 4, dropped: 3, waiting: 0)
        )
        end(slow)
    }

    @Test func `Only the latest of each key waits`() throws {
        let (slow, _) = try subscriber(.init(policy: .keepLatest(), outboundMark: 0))
        slow.takes = false
        try publish(1...9) { $0 == 6 ? nil : $0.isMultiple(of: 2) ? "even" : "odd" }
        slow.takes = true
        loop.run()
        #expect(try texts(slow) == ["1", "6", "8", "9"])
        end(slow)
    }

    @Test func `Who may miss nothing is closed with 1013 at the outbound limit, and no sooner`() throws {
        let (slow, subscription) = try subscriber(.init(), outboundLimit: 20)
        slow.takes = false
        for number in 1...4 {
            try hub.post(Message("\(number)234567890"), to: "t")
            loop.run()
        }
        slow.takes = true
        loop.run()
        #expect(try texts(slow) == ["1234567890", "2234567890", "3234567890", "close 1013"])
        #expect(
            subscription.countsNow() == SubscriptionCounts(published: 4, delivered: 3, dropped: 1, waiting: 0)
        )
        end(slow)
    }

    @Test func `What waits when the connection ends is dropped, and it is off the topic`() throws {
        let (slow, subscription) = try subscriber(.init(policy: .dropOldest(limit: 100), outboundMark: 0))
        slow.takes = false
        try publish(1...5)
        slow.connection?.abort()
        #expect(hub.subscriberCount(of: "t") == 0)
        #expect(
            subscription.countsNow() == SubscriptionCounts(published: 5, delivered: 1, dropped: 4, waiting: 0)
        )
        try publish(6...6)
        #expect(subscription.countsNow().published == 5)
        #expect(hub.statistics.waiting == 0)
        end(slow)
    }

    @Test func `A fast socket misses nothing, however much comes in one turn`() throws {
        let (quick, subscription) = try subscriber(.init(policy: .dropOldest(limit: 1), outboundMark: 100))
        for number in 1...1000 { try hub.post(Message("\(number)"), to: "t") }
        loop.run()
        #expect(try texts(quick).count == 1000)
        #expect(subscription.countsNow().dropped == 0)
        end(quick)
    }

    @Test func `Whoever is told of a gap may leave, publish and send there and then`() throws {
        let hub = hub
        let pipe = SubscriberPipe(.forSubscriber(), on: loop)
        let connection = try #require(pipe.connection)
        let bystander = SubscriberPipe(.forSubscriber(), on: loop)
        try hub.subscribe(try #require(bystander.connection), to: "t")
        let subscription = try hub.subscribe(
            connection,
            to: "t",
            options: .init(policy: .dropOldest(limit: 2), outboundMark: 0) { gap in
                try? hub.post(Message("it missed \(gap.missed)"), to: "t")
                hub.unsubscribe(connection, from: "t")
                return Message("bye")
            }
        )
        pipe.takes = false
        try publish(1...5)
        pipe.takes = true
        loop.run()
        let counts = subscription.countsNow()
        #expect(counts.published == counts.delivered + counts.dropped)
        #expect(counts.waiting == 0)
        #expect(try texts(pipe).prefix(2) == ["1", "bye"])
        #expect(try texts(bystander) == ["1", "2", "3", "4", "5", "it missed 2"])
        #expect(hub.subscriberCount(of: "t") == 1)
        end(pipe, bystander)
    }

    @Test func `Names and the number of topics are limited`() throws {
        let hub = TopicHub(limits: .init(nameLength: 5, topicsPerSocket: 2))
        let pipe = SubscriberPipe(.forSubscriber(), on: loop)
        let connection = try #require(pipe.connection)
        #expect(throws: TopicError.nameTooLong(bytes: 6, limit: 5)) {
            try hub.subscribe(connection, to: "éééx".dropLast() + "")
        }
        #expect(throws: TopicError.nameTooLong(bytes: 6, limit: 5)) {
            try hub.post(Message(""), to: "123456")
        }
        try hub.subscribe(connection, to: "12345")
        try hub.subscribe(connection, to: "")
        #expect(throws: TopicError.tooManyTopics(limit: 2)) { try hub.subscribe(connection, to: "c") }
        // Again is no more.
        try hub.subscribe(connection, to: "")
        #expect(hub.topics(of: connection).sorted() == ["", "12345"])
        hub.unsubscribe(connection, from: "")
        try hub.subscribe(connection, to: "c")
        #expect(hub.statistics.subscriptions == 2)
        end(pipe)
        #expect(hub.statistics.subscriptions == 0 && hub.topicCount == 0)
        // It has ended, and stays on nothing.
        try hub.subscribe(connection, to: "late")
        #expect(hub.topicCount == 0)
    }

    // MARK: Whatever happens

    /// What a subscriber of the property below should see.
    private final class Expectation {
        let subscription: TopicSubscription
        let pipe: SubscriberPipe
        let tag: String
        var published: [Int] = []
        init(_ subscription: TopicSubscription, _ pipe: SubscriberPipe, _ tag: String) {
            (self.subscription, self.pipe, self.tag) = (subscription, pipe, tag)
        }
    }

    /// Pauses, drains, comes, goes, closes and breaks off at random; then each message that was published while somebody
    /// was subscribed was delivered or dropped, the delivered ones are on the wire in order, and where some are missing
    /// the subscriber was told of so many.
    @Test(arguments: 0..<150)
    func `Published is delivered and dropped, and each gap is where it was told`(seed: UInt64) throws {
        var dice = Dice(state: seed &* 7919)
        let topics = ["a", "b", "c"]
        let pipes = (0..<6).map { _ in SubscriberPipe(.forSubscriber(outboundLimit: 3000), on: loop) }
        var live: [Expectation] = []
        var all: [Expectation] = []
        var number = 0
        for _ in 0..<500 {
            switch dice.roll(20) {
            case 0..<9:
                let topic = topics[dice.roll(3)]
                let text = "\(number) " + String(repeating: ".", count: dice.roll(300))
                try hub.post(Message(text), to: topic, key: dice.roll(2) == 0 ? nil : "\(dice.roll(3))")
                for expected in live where expected.subscription.topic == topic {
                    expected.published.append(number)
                }
                number += 1
            case 9..<12: loop.run()
            case 12..<15:
                let pipe = pipes[dice.roll(6)]
                pipe.takes.toggle()
            case 15, 16: pipes[dice.roll(6)].takeOne()
            case 17:
                let (pipe, topic, tag) = (pipes[dice.roll(6)], topics[dice.roll(3)], "\(all.count)")
                guard !pipe.isGone, let connection = pipe.connection,
                    !hub.topics(of: connection).contains(topic)
                else { break }
                let limit = dice.roll(6)
                let policies: [SlowSubscriberPolicy] = [
                    .close, .dropOldest(limit: limit), .dropNewest(limit: limit), .keepLatest(limit: limit),
                ]
                let subscription = try hub.subscribe(
                    connection,
                    to: topic,
                    options: .init(
                        policy: policies[dice.roll(4)],
                        outboundMark: dice.roll(800),
                        waitingLimit: 2000
                    ) {
                        Message("gap \(tag) \($0.missed) \($0.missedInAll)")
                    }
                )
                live.append(Expectation(subscription, pipe, tag))
                all.append(live[live.count - 1])
            case 18:
                guard let leaving = live.randomElement(using: &dice), let connection = leaving.pipe.connection
                else { break }
                hub.unsubscribe(connection, from: leaving.subscription.topic)
                live.removeAll { $0 === leaving }
            default:
                guard dice.roll(4) == 0 else { break }
                let pipe = pipes[dice.roll(6)]
                if dice.roll(2) == 0 { pipe.connection?.abort() } else { pipe.receive(.close(1000)) }
                if pipe.isGone { live.removeAll { $0.pipe === pipe } }
            }
            for pipe in pipes where pipe.isGone { live.removeAll { $0.pipe === pipe } }
        }
        for pipe in pipes { pipe.takes = true }
        loop.run()
        try check(all, live, pipes)
        for pipe in pipes { end(pipe) }
        let sums = all.map { $0.subscription.countsNow() }
        #expect(sums.allSatisfy { $0.waiting == 0 && $0.published == $0.delivered + $0.dropped })
        let statistics = hub.statistics
        #expect(statistics.published == number)
        #expect(statistics.delivered == sums.reduce(0) { $0 + $1.delivered })
        #expect(statistics.dropped == sums.reduce(0) { $0 + $1.dropped })
        #expect(statistics.waiting == 0 && statistics.topics == 0 && statistics.subscriptions == 0)
    }

    private func check(_ all: [Expectation], _ live: [Expectation], _ pipes: [SubscriberPipe]) throws {
        for pipe in pipes {
            let texts = try texts(pipe)
            for expected in all where expected.pipe === pipe {
                let counts = expected.subscription.countsNow()
                #expect(counts.published == expected.published.count)
                var (next, delivered, told) = (0, 0, 0)
                for text in texts {
                    let words = text.split(separator: " ")
                    if words.first == "gap", words[1] == expected.tag, let missed = Int(words[2]) {
                        told += missed
                        next += missed
                        #expect(Int(words[3]) ?? 0 >= told)
                    } else if let first = words.first, let number = Int(first),
                        let place = expected.published.firstIndex(of: number)
                    {
                        #expect(place == next, "message \(number) of \(expected.tag)")
                        next = place + 1
                        delivered += 1
                    }
                }
                // What was accepted before a connection broke off, or was left behind, need not be on the wire.
                if pipe.isGone {
                    #expect(delivered <= counts.delivered)
                } else {
                    #expect(delivered == counts.delivered)
                }
                guard !pipe.isGone, live.contains(where: { $0 === expected }),
                    expected.subscription.isPatient,
                    !texts.contains(where: { $0.hasPrefix("close") })
                else { continue }
                #expect(counts.waiting == 0)
                #expect(told == counts.dropped && next == expected.published.count)
            }
        }
    }
}
