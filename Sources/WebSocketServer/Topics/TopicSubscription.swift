import NIOCore
import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// One connection on one topic, from ``TopicHub/subscribe(_:to:options:)`` until it leaves or ends.
public final class TopicSubscription: @unchecked Sendable {
    // Sendable: what varies is touched on the connection's event loop only; `final` is set once.

    /// The topic's name.
    public var topic: String { name.text }

    let name: TopicName
    let place: TopicPlace
    let connectionID: UInt64
    private let hub: TopicHub
    /// Holds what it has; set once, as a topic's cells are.
    private let final = Atomic<Unmanaged<Final>?>(nil)

    private final class Final: Sendable {
        let counts: SubscriptionCounts
        init(_ counts: SubscriptionCounts) { self.counts = counts }
    }

    // MARK: On the loop

    /// Until it has begun.
    private var connection: WebSocketConnection?
    /// From its beginning to its end.
    private var subscriber: WebSocketConnection.Isolated?
    private var companion: SocketTopics?
    /// Where the place has it.
    var index: Int?
    private var begunAt: Int?
    private var dropped = 0
    /// For those whose messages may wait.
    private let patience: Patience?

    private final class Patience {
        let options: SubscriptionOptions
        var waiting: WaitingMessages

        init(_ options: SubscriptionOptions) {
            self.options = options
            waiting = WaitingMessages(options.policy, bytes: options.waitingLimit)
        }
    }

    init(
        _ connection: WebSocketConnection,
        _ name: TopicName,
        _ options: SubscriptionOptions,
        at place: TopicPlace,
        of hub: TopicHub
    ) {
        self.connection = connection
        connectionID = connection.id
        self.name = name
        self.place = place
        self.hub = hub
        patience = options.policy == .close ? nil : Patience(options)
    }

    deinit { final.load(ordering: .acquiring)?.release() }

    private var finalCounts: SubscriptionCounts? {
        final.load(ordering: .acquiring)?.takeUnretainedValue().counts
    }

    /// What has become of the topic's messages for this subscriber so far; in all, once it has left or ended.
    public var counts: SubscriptionCounts {
        get async {
            if let counts = finalCounts { return counts }
            let loop = place.loop.eventLoop
            if loop.inEventLoop { return countsNow() }
            return await withCheckedContinuation { continuation in
                loop.execute { continuation.resume(returning: self.countsNow()) }
            }
        }
    }
}

// MARK: - On the loop

extension TopicSubscription {
    var isPatient: Bool { patience != nil }
    private var waitingCount: Int { patience?.waiting.count ?? 0 }

    /// - Parameter published: messages of the place up to now.
    /// - Returns: the connection, if it can be had.
    func begin(at published: Int) -> WebSocketConnection.Isolated? {
        guard let subscriber = connection?.isolated else { return nil }
        connection = nil
        begunAt = published
        self.subscriber = subscriber
        let known = subscriber.companions.lazy.compactMap { $0 as? SocketTopics }.first { $0.hub === hub }
        let companion = known ?? SocketTopics(hub, connectionID)
        self.companion = companion
        // One that has ended leaves by itself, as any other; that it does so is seen when the place is done with this.
        if known == nil, !subscriber.add(companion) { hub.leave(connectionID) }
        return subscriber
    }

    func end(at published: Int) {
        drop(waitingCount, ofThoseThatWait: true)
        patience?.waiting.removeAll()
        final.store(.passRetained(Final(countsNow())), ordering: .releasing)
        companion?.forget(self)
        (subscriber, companion) = (nil, nil)
    }

    func countsNow() -> SubscriptionCounts {
        if let counts = finalCounts { return counts }
        let published = place.published - (begunAt ?? place.published)
        return SubscriptionCounts(
            published: published,
            delivered: published - dropped - waitingCount,
            dropped: dropped,
            waiting: waitingCount
        )
    }

    /// Messages were not accepted, for which the place accounts.
    func missed(_ count: Int) { dropped += count }

    private func drop(_ count: Int, ofThoseThatWait waited: Bool = false) {
        guard count > 0 else { return }
        dropped += count
        place.loop.dropped.wrappingAdd(count, ordering: .relaxed)
        if waited { place.loop.waiting.wrappingSubtract(count, ordering: .relaxed) }
    }

    private func delivered(_ count: Int) { place.loop.delivered.wrappingAdd(count, ordering: .relaxed) }
}

// MARK: - Sending to who may be slow

extension TopicSubscription {
    /// Sends messages, or has them wait.
    ///
    /// - Parameter batch: the same messages.
    func send(_ messages: [PublishedMessage], _ batch: PreparedBatch) {
        guard let subscriber, let patience else { return drop(messages.count) }
        if patience.waiting.isEmpty, hasRoom(for: batch.payload) {
            let accepted = (try? subscriber.send(batch)) ?? 0
            delivered(accepted)
            return drop(messages.count - accepted)
        }
        for message in messages {
            // In this order: what makes room also sends what waits.
            if hasRoom(), patience.waiting.isEmpty {
                send(message)
            } else {
                place.loop.waiting.wrappingAdd(1, ordering: .relaxed)
                drop(patience.waiting.append(message), ofThoseThatWait: true)
            }
        }
        if !patience.waiting.isEmpty { companion?.wait(for: self) }
    }

    /// Sends what waits while there is room.
    ///
    /// - Returns: whether nothing is left.
    func sendWaiting() -> Bool {
        guard let patience else { return true }
        place.whileBusy {
            while hasRoom(), let next = patience.waiting.popFirst() {
                if next.missed > 0 { tell(of: next.missed) }
                guard let message = next.message else { continue }
                place.loop.waiting.wrappingSubtract(1, ordering: .relaxed)
                send(message)
            }
        }
        return patience.waiting.isEmpty
    }

    private func send(_ message: PublishedMessage) {
        do throws(SendError) {
            guard let subscriber else { return drop(1) }
            try subscriber.send(message.prepared)
            delivered(1)
        } catch {
            drop(1)
        }
    }

    func asksForRoom() { subscriber?.wantsRoom() }

    private func tell(of missed: Int) {
        guard let gapNotice = patience?.options.gapNotice,
            let notice = gapNotice(TopicGap(topic: topic, missed: missed, missedInAll: dropped))
        else { return }
        // Whoever is closing is told nothing.
        try? subscriber?.enqueue(notice)
    }

    /// Whether the connection holds little enough to be sent more.
    private func hasRoom(for count: Int = 0) -> Bool {
        guard let subscriber, let patience else { return false }
        let mark = max(min(patience.options.outboundMark, subscriber.outboundLimit), 0)
        // Compared so that nothing overflows, whatever mark was set.
        if subscriber.bufferedCost <= mark - count { return true }
        // It may have gathered what the system takes at once.
        subscriber.flush()
        return subscriber.bufferedCost <= mark - count
    }
}
