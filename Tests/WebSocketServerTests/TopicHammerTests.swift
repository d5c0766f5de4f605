import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// Many threads publish, come and go at once (`scripts/test-tsan.sh` runs this under the thread sanitizer).
@Suite("Topics hammer", .timeLimit(.minutes(3)))
struct TopicHammerTests {
    /// Does something on a loop. Not by a future's `get()`: the thread sanitizer takes its way of handing over for a race.
    private static func on<Value: Sendable>(
        _ loop: any EventLoop,
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            loop.execute { continuation.resume(with: Result { try body() }) }
        }
    }

    private struct Subscriber: Sendable {
        let connection: WebSocketConnection
        let pipe: NIOLoopBound<SubscriberPipe>

        init(on loop: any EventLoop) async throws {
            (connection, pipe) = try await TopicHammerTests.on(loop) {
                let pipe = SubscriberPipe(.forSubscriber(), on: loop)
                guard let connection = pipe.connection else {
                    throw TookTooLong(limit: .zero, what: "a connection")
                }
                return (connection, NIOLoopBound(pipe, eventLoop: loop))
            }
        }

        /// What has come, once all that was posted to the loop by now is done.
        func texts() async throws -> [String] {
            let loop = pipe.eventLoop
            // What goes out at the end of a turn waits for a few of them on SwiftNIO's loops.
            for _ in 0..<100 { try await TopicHammerTests.on(loop) {} }
            return try await TopicHammerTests.on(loop) { [pipe] in
                try pipe.value.takeFrames().map { String(decoding: $0.payload, as: UTF8.self) }
            }
        }

        func end() async throws {
            try await TopicHammerTests.on(pipe.eventLoop) { [pipe] in
                pipe.value.connection?.abort()
                pipe.value.letGo()
            }
        }
    }

    @Test func `One order for all, nothing lost by who was there, and every count exact`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 4)
        let hub = TopicHub(limits: .init(backlogHighWaterMark: 10_000))
        let (publishers, each, comers, visits) = (6, 300, 6, 60)
        var stayers: [Subscriber] = []
        for _ in 0..<6 { stayers.append(try await Subscriber(on: group.next())) }
        var subscriptions: [TopicSubscription] = []
        for stayer in stayers { subscriptions.append(try hub.subscribe(stayer.connection, to: "t")) }
        let visited = Log<TopicSubscription>()
        try await within(.seconds(120), waitingFor: "the hammering") {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for publisher in 0..<publishers {
                    tasks.addTask {
                        for number in 0..<each {
                            if publisher.isMultiple(of: 2) {
                                try await hub.publish(Message("\(publisher):\(number)"), to: "t")
                            } else {
                                try hub.post(Message("\(publisher):\(number)"), to: "t")
                            }
                        }
                    }
                }
                for comer in 0..<comers {
                    tasks.addTask {
                        // Its loop may have no other subscriber, so that a place comes and goes with it.
                        let subscriber = try await Subscriber(on: group.next())
                        for visit in 0..<visits {
                            let topic = visit.isMultiple(of: 3) ? "alone \(comer)" : "t"
                            visited.add(try hub.subscribe(subscriber.connection, to: topic))
                            try hub.post(Message("\(topic) mark \(comer) \(visit)"), to: topic)
                            hub.unsubscribe(subscriber.connection, from: topic)
                        }
                        // Each topic has an order of its own.
                        let texts = try await subscriber.texts()
                        for topic in ["t", "alone \(comer)"] {
                            let marks = texts.filter { $0.hasPrefix("\(topic) mark \(comer) ") }
                            let visited = (0..<visits).filter { $0.isMultiple(of: 3) == (topic != "t") }
                            #expect(marks == visited.map { "\(topic) mark \(comer) \($0)" })
                        }
                        visited.add(try hub.subscribe(subscriber.connection, to: "t"))
                        try await subscriber.end()
                    }
                }
                try await tasks.waitForAll()
            }
        }
        var first: [String]?
        for stayer in stayers {
            let texts = try await stayer.texts()
            #expect(first == nil || first == texts)
            first = first ?? texts
        }
        for publisher in 0..<publishers {
            let own = first?.filter { $0.hasPrefix("\(publisher):") }
            #expect(own == (0..<each).map { "\(publisher):\($0)" })
        }
        for stayer in stayers { try await stayer.end() }
        var sums = (delivered: 0, dropped: 0)
        for subscription in subscriptions + visited.entries {
            let counts = await subscription.counts
            #expect(counts.published == counts.delivered + counts.dropped && counts.waiting == 0)
            sums.delivered += counts.delivered
            sums.dropped += counts.dropped
        }
        let received = await subscriptions[0].counts.delivered
        #expect(received == first?.count)
        let statistics = hub.statistics
        #expect(statistics.published == publishers * each + comers * visits)
        #expect(statistics.delivered == sums.delivered && statistics.dropped == sums.dropped)
        #expect(statistics.topics == 0 && statistics.subscriptions == 0 && statistics.waiting == 0)
        try await group.shutdownGracefully()
    }

    /// A loop that does not turn must not have a topic's publishers fill the memory.
    @Test func `While a loop stands still, publishers wait and posts are refused at the limit`() async throws
    {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let hub = TopicHub(limits: .init(backlogHighWaterMark: 4_000, backlogLimit: 20_000))
        let subscriber = try await Subscriber(on: group.next())
        try hub.subscribe(subscriber.connection, to: "t")
        let gate = Gate()
        let isStanding = Promised<Void>()
        group.next().execute {
            isStanding.fulfil(())
            gate.wait()
        }
        try await within(waitingFor: "the loop to stand") { try await isStanding.value }
        defer { gate.open() }
        var accepted = 0
        let refusal = #expect(throws: TopicError.self) {
            while accepted < 1000 {
                try hub.post(Message([UInt8](repeating: 0, count: 744)), to: "t")
                accepted += 1
            }
        }
        // Each is charged 1,000 bytes: the one that finds more than the limit is refused.
        #expect(accepted == 21)
        #expect(refusal == .backlogFull(waiting: 21_000, limit: 20_000))
        #expect(hub.publishedCount(of: "t") == 21)
        let waiting = Task { try await hub.publish(Message("waits"), to: "t") }
        while hub.publishedCount(of: "t") < 22 { await Task.yield() }
        // To another topic nobody waits.
        try await hub.publish(Message("free"), to: "u")
        gate.open()
        try await within(waitingFor: "the publisher to go on") { try await waiting.value }
        #expect(try await subscriber.texts().last == "waits")
        try await subscriber.end()
        try await group.shutdownGracefully()
    }
}
