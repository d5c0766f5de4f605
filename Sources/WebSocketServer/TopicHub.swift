import NIOCore
import Synchronization
public import WebSocketProtocol
public import WebSocketTransport

/// A topic's name, compared byte by byte: to Swift's strings "K" and the Kelvin sign are the same.
struct TopicName: Hashable, Sendable {
    private let name: String

    init(_ name: String) { self.name = name }

    static func == (one: TopicName, other: TopicName) -> Bool { one.name.utf8.elementsEqual(other.name.utf8) }
    func hash(into hasher: inout Hasher) { for byte in name.utf8 { hasher.combine(byte) } }
}

/// Named topics: what is published to one goes to every connection that is subscribed to it.
///
/// A message is framed once, whatever the number of receivers. All subscribers of a topic get its messages
/// in the same order. A subscriber too slow to keep up, with more than ``ConnectionOptions/outboundLimit``
/// waiting, is closed with 1013.
public final class TopicHub: Sendable {
    /// Where the subscribers of a topic live, and who they are.
    private struct Topic {
        var places: [ObjectIdentifier: (loop: LoopTopics, subscribers: Set<WebSocketConnection>)] = [:]
    }

    private struct State {
        var loops: [ObjectIdentifier: LoopTopics] = [:]
        var topics: [TopicName: Topic] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    // What changes on a loop is posted to it under the lock, so that every loop sees subscriptions and messages in
    // one order.

    /// Adds a connection to a topic, until ``unsubscribe(_:from:)``.
    public func subscribe(_ connection: WebSocketConnection, to topic: String) {
        let topic = TopicName(topic)
        let key = ObjectIdentifier(connection.eventLoop)
        state.withLock { state in
            let loop = state.loops[key] ?? LoopTopics(connection.eventLoop)
            state.loops[key] = loop
            let isNew = state.topics[topic, default: Topic()].places[key, default: (loop, [])]
                .subscribers.insert(connection).inserted
            if isNew { loop.add(connection, to: topic) }
        }
    }

    /// Takes a connection from a topic. A topic without subscribers costs nothing.
    public func unsubscribe(_ connection: WebSocketConnection, from topic: String) {
        let topic = TopicName(topic)
        let key = ObjectIdentifier(connection.eventLoop)
        state.withLock { state in
            guard let loop = state.topics[topic]?.places[key]?.loop,
                state.topics[topic]?.places[key]?.subscribers.remove(connection) != nil
            else { return }
            loop.remove(connection, from: topic)
            if state.topics[topic]?.places[key]?.subscribers.isEmpty == true {
                state.topics[topic]?.places[key] = nil
            }
            if state.topics[topic]?.places.isEmpty == true { state.topics[topic] = nil }
        }
    }

    /// How many connections are subscribed to a topic.
    public func subscriberCount(of topic: String) -> Int {
        state.withLock {
            $0.topics[TopicName(topic)]?.places.values.reduce(0) { $0 + $1.subscribers.count } ?? 0
        }
    }

    /// Sends a message to every subscriber of a topic.
    ///
    /// Suspends until it was handed to all their event loops: a publisher is never ahead of them by more than one
    /// message. What a loop was handed goes out when its turn ends, several messages to a topic in one write for
    /// each subscriber; and before anything that is sent to one of them after this returns.
    ///
    /// - Throws: ``UsageError/textNotUTF8(offset:)``.
    public func publish(_ message: Message, to topic: String) async throws(UsageError) {
        let prepared = try PreparedMessage(message)
        let topic = TopicName(topic)
        await withCheckedContinuation { continuation in
            let countdown = Countdown(continuation)
            state.withLock { state in
                let loops = state.topics[topic]?.places.values.map(\.loop) ?? []
                countdown.start(loops.count)
                for loop in loops { loop.publish(prepared, to: topic) { countdown.step() } }
            }
        }
    }

    /// Resumes somebody when all event loops are through.
    private final class Countdown: Sendable {
        private let left = Atomic(0)
        private let continuation: CheckedContinuation<Void, Never>

        init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = continuation }

        func start(_ count: Int) {
            left.store(count, ordering: .releasing)
            if count == 0 { continuation.resume() }
        }

        func step() {
            if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { continuation.resume() }
        }
    }
}
