import NIOCore
import Synchronization
public import WebSocketProtocol
public import WebSocketTransport

/// Named topics: what is published to one goes to every connection that is subscribed to it.
///
/// A message is framed once, whatever the number of receivers. All subscribers of a topic get its messages
/// in the same order. A subscriber too slow to keep up, with more than ``ConnectionOptions/outboundLimit``
/// waiting, is closed with 1013.
public final class TopicHub: Sendable {
    /// The subscribers of one topic on one event loop.
    private struct LoopGroup {
        let eventLoop: any EventLoop
        var subscribers: Set<WebSocketConnection> = []
    }

    private let topics = Mutex<[String: [ObjectIdentifier: LoopGroup]]>([:])

    public init() {}

    /// Adds a connection to a topic, until ``unsubscribe(_:from:)``.
    public func subscribe(_ connection: WebSocketConnection, to topic: String) {
        let key = ObjectIdentifier(connection.eventLoop)
        _ = topics.withLock { topics in
            topics[topic, default: [:]][key, default: LoopGroup(eventLoop: connection.eventLoop)]
                .subscribers.insert(connection)
        }
    }

    /// Takes a connection from a topic. A topic without subscribers costs nothing.
    public func unsubscribe(_ connection: WebSocketConnection, from topic: String) {
        let key = ObjectIdentifier(connection.eventLoop)
        topics.withLock { topics in
            guard var groups = topics.removeValue(forKey: topic) else { return }
            groups[key]?.subscribers.remove(connection)
            if groups[key]?.subscribers.isEmpty == true { groups[key] = nil }
            if !groups.isEmpty { topics[topic] = groups }
        }
    }

    /// How many connections are subscribed to a topic.
    public func subscriberCount(of topic: String) -> Int {
        topics.withLock { $0[topic]?.values.reduce(0) { $0 + $1.subscribers.count } ?? 0 }
    }

    /// Sends a message to every subscriber of a topic.
    ///
    /// Suspends until it was handed to all of them: a publisher is never ahead of the event loops by more
    /// than one message.
    ///
    /// - Throws: ``UsageError/textNotUTF8(offset:)``.
    public func publish(_ message: Message, to topic: String) async throws(UsageError) {
        let prepared = try PreparedMessage(message)
        await withCheckedContinuation { continuation in
            let countdown = Countdown(continuation)
            // Handed over under the lock, so that every loop sees the messages of a topic in one order.
            topics.withLock { topics in
                let groups = topics[topic].map { Array($0.values) } ?? []
                countdown.start(groups.count)
                for group in groups {
                    group.eventLoop.execute {
                        for subscriber in group.subscribers { Self.deliver(prepared, to: subscriber) }
                        countdown.step()
                    }
                }
            }
        }
    }

    private static func deliver(_ prepared: PreparedMessage, to subscriber: WebSocketConnection) {
        subscriber.onLoop { socket in
            do throws(SendError) {
                try socket.send(prepared)
            } catch .bufferFull {
                // Refused only for codes that cannot be sent, and this one can.
                try? socket.close(code: .tryAgainLater, reason: "too slow for this topic")
            } catch {
                // It is closing or has ended, and will leave the topic by itself.
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
