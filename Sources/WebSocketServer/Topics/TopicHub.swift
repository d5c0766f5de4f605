import NIOConcurrencyHelpers
import NIOCore
import Synchronization
import WebSocketProtocol
public import WebSocketTransport

/// Named topics: what is published to one goes to every connection that is subscribed to it.
///
/// A name is any UTF-8, compared byte by byte; there are no patterns. A message is framed once, and compressed once for
/// all who agreed on the same, whatever the number of receivers. All subscribers of a topic get its messages in the same
/// order, and each publisher's in the order it published them. A subscription that has returned gets every message that
/// is published afterwards, or a policy of its own says what it misses (``SlowSubscriberPolicy``). A connection that ends
/// leaves its topics by itself.
///
/// Publishing takes no lock: a thread that has published to a topic before knows where it goes, the message goes into a
/// queue without locks, and each event loop that has subscribers is woken once for all it has not yet seen. Subscribing
/// and unsubscribing take one.
public final class TopicHub: Sendable {
    public let limits: TopicLimits

    /// Distinguishes hubs.
    let id = TopicHub.hubs.wrappingAdd(1, ordering: .relaxed).newValue
    private static let hubs = Atomic<UInt64>(0)

    private struct State {
        var loops: [ObjectIdentifier: LoopTopics] = [:]
        var topics: [TopicName: Topic] = [:]
        /// By the connection's id.
        var subscriptions: [UInt64: [TopicName: TopicSubscription]] = [:]
        var subscriptionCount = 0
    }

    private let state = NIOLockedValueBox(State())
    private let made = Atomic(0)
    /// Counted apart by thread, so that they do not all write to one place.
    private let published = (0..<16).map { _ in Counter() }

    private final class Counter: Sendable {
        let count = Atomic(0)
    }

    public init(limits: TopicLimits = .init()) { self.limits = limits }
}

// MARK: - Subscribing

extension TopicHub {
    /// Adds a connection to a topic, until ``unsubscribe(_:from:)`` or its end.
    ///
    /// Who is on the topic already stays as it is; one that has ended gets a subscription that is over.
    ///
    /// - Returns: the subscription, for its counts.
    /// - Throws: ``TopicError/nameTooLong(bytes:limit:)``, ``TopicError/tooManyTopics(limit:)``.
    @discardableResult
    public func subscribe(
        _ connection: WebSocketConnection,
        to topic: String,
        options: SubscriptionOptions = .init()
    ) throws(TopicError) -> TopicSubscription {
        let name = try TopicName(topic, limit: limits.nameLength)
        let (subscription, view) = try state.withLockedValue {
            state -> Result<(TopicSubscription, TopicView?), TopicError> in
            if let known = state.subscriptions[connection.id]?[name] { return .success((known, nil)) }
            guard state.subscriptions[connection.id]?.count ?? 0 < limits.topicsPerSocket else {
                return .failure(.tooManyTopics(limit: limits.topicsPerSocket))
            }
            let key = ObjectIdentifier(connection.eventLoop)
            let loop = state.loops[key] ?? LoopTopics(connection.eventLoop)
            state.loops[key] = loop
            if state.topics[name] == nil { made.wrappingAdd(1, ordering: .releasing) }
            let subscription = state.topics[name, default: Topic(limits)].join(on: loop) { place in
                TopicSubscription(connection, name, options, at: place, of: self)
            }
            state.subscriptions[connection.id, default: [:]][name] = subscription
            state.subscriptionCount += 1
            return .success((subscription, state.topics[name]?.view))
        }.get()
        view?.wake()
        return subscription
    }

    /// Takes a connection from a topic: what was published before still goes to it. A topic without subscribers costs
    /// nothing.
    public func unsubscribe(_ connection: WebSocketConnection, from topic: String) {
        // No topic has such a name.
        guard let name = try? TopicName(topic, limit: limits.nameLength) else { return }
        let view = state.withLockedValue { state -> TopicView? in
            guard let subscription = state.subscriptions[connection.id]?.removeValue(forKey: name) else {
                return nil
            }
            if state.subscriptions[connection.id]?.isEmpty == true {
                state.subscriptions[connection.id] = nil
            }
            return Self.end(subscription, in: &state)
        }
        view?.wake()
    }

    /// The topics that a connection is on, in no order.
    public func topics(of connection: WebSocketConnection) -> [String] {
        state.withLockedValue { $0.subscriptions[connection.id]?.keys.map(\.text) ?? [] }
    }

    /// A connection has ended.
    func leave(_ connectionID: UInt64) {
        let views = state.withLockedValue { state in
            (state.subscriptions.removeValue(forKey: connectionID) ?? [:]).values.compactMap {
                Self.end($0, in: &state)
            }
        }
        for view in views { view.wake() }
    }

    private static func end(_ subscription: TopicSubscription, in state: inout State) -> TopicView? {
        state.subscriptionCount -= 1
        let view = state.topics[subscription.name]?.leave(subscription)
        if state.topics[subscription.name]?.subscribers == 0 { state.topics[subscription.name] = nil }
        return view
    }
}

// MARK: - Publishing

extension TopicHub {
    /// Sends a message to every subscriber of a topic.
    ///
    /// It goes out when the turns of their event loops end, several messages to a topic in one write for each
    /// subscriber; and before anything that is sent to one of them after this returns. (What a task beyond a subscriber's
    /// event loop has sent to it before may come behind it.) Suspends while more than
    /// ``TopicLimits/backlogHighWaterMark`` bytes wait for those loops, so that no publisher runs away from them;
    /// cancelling the waiting task does not take the message back.
    ///
    /// - Parameter key: what the message is about, for subscribers that want the latest of each only:
    ///   ``SlowSubscriberPolicy/keepLatest(limit:)``.
    /// - Throws: ``TopicError/usage(_:)`` with ``UsageError/textNotUTF8(offset:)``,
    ///   ``TopicError/nameTooLong(bytes:limit:)``.
    public nonisolated(nonsending) func publish(
        _ message: Message,
        to topic: String,
        key: String? = nil
    ) async throws(TopicError) {
        let name = try TopicName(topic, limit: limits.nameLength)
        let backlog = try deliver(PublishedMessage(prepared: prepare(message), key: key), to: name)
        if let backlog, backlog.isAboveMark { await backlog.wait() }
    }

    /// Sends a message to every subscriber of a topic, from where nothing may suspend: a callback, another thread.
    ///
    /// - Parameter key: as of ``publish(_:to:key:)``.
    /// - Throws: as ``publish(_:to:key:)``; and ``TopicError/backlogFull(waiting:limit:)`` in place of waiting, while more
    ///   than ``TopicLimits/backlogLimit`` bytes wait for the event loops.
    public func post(_ message: Message, to topic: String, key: String? = nil) throws(TopicError) {
        let name = try TopicName(topic, limit: limits.nameLength)
        let message = PublishedMessage(prepared: try prepare(message), key: key)
        _ = try deliver(message, to: name, backlogLimit: limits.backlogLimit)
    }

    private func prepare(_ message: Message) throws(TopicError) -> PreparedMessage {
        do throws(UsageError) {
            return try PreparedMessage(message)
        } catch {
            throw .usage(error)
        }
    }

    /// Brings a message to the subscribers that are connected here, wherever it was published.
    ///
    /// - Returns: what to wait for, if there are any.
    /// - Throws: ``TopicError/backlogFull(waiting:limit:)``.
    func deliver(
        _ message: PublishedMessage,
        to name: TopicName,
        backlogLimit: Int = .max
    ) throws(TopicError) -> TopicBacklog? {
        let thread = ThreadTopics.current
        let view = thread.view(of: name, in: self)
        if let waiting = view?.backlog.count, waiting > backlogLimit {
            throw .backlogFull(waiting: waiting, limit: backlogLimit)
        }
        published[thread.number % published.count].count.wrappingAdd(1, ordering: .relaxed)
        guard let view else { return nil }
        view.log.published.wrappingAdd(1, ordering: .relaxed)
        view.log.append(.message(message), countedBy: view.backlog)
        view.wake()
        // Meanwhile somebody may have come to another loop, which does not know of this message.
        if view.isOutOfDate, let newer = thread.view(of: name, in: self), newer.log === view.log {
            newer.wake()
        }
        return view.backlog
    }
}

// MARK: - Counts

extension TopicHub {
    /// How many connections are subscribed to a topic. Takes the same time however many they are.
    public func subscriberCount(of topic: String) -> Int {
        guard let name = try? TopicName(topic, limit: limits.nameLength) else { return 0 }
        return state.withLockedValue { $0.topics[name]?.subscribers ?? 0 }
    }

    /// How many messages were published to a topic since it has had subscribers.
    public func publishedCount(of topic: String) -> Int {
        guard let name = try? TopicName(topic, limit: limits.nameLength) else { return 0 }
        return state.withLockedValue { $0.topics[name]?.view }?.log.published.load(ordering: .relaxed) ?? 0
    }

    /// How many topics have subscribers.
    public var topicCount: Int { state.withLockedValue { $0.topics.count } }

    /// What has become of all messages so far. Takes the same time however many topics and subscribers there are.
    public var statistics: TopicStatistics {
        let (loops, topics, subscriptions) = state.withLockedValue {
            (Array($0.loops.values), $0.topics.count, $0.subscriptionCount)
        }
        func sum(_ counter: (LoopTopics) -> Int) -> Int { loops.reduce(0) { $0 + counter($1) } }
        return TopicStatistics(
            published: published.reduce(0) { $0 + $1.count.load(ordering: .relaxed) },
            delivered: sum { $0.delivered.load(ordering: .relaxed) },
            dropped: sum { $0.dropped.load(ordering: .relaxed) },
            waiting: sum { $0.waiting.load(ordering: .relaxed) },
            topics: topics,
            subscriptions: subscriptions
        )
    }

    // For what a thread remembers.

    /// Topics that were ever made.
    var topicsMade: Int { made.load(ordering: .acquiring) }
    func view(of name: TopicName) -> TopicView? { state.withLockedValue { $0.topics[name]?.view } }
}
