public import WebSocketTransport

/// What becomes of a topic's messages while a subscriber takes no more.
///
/// All but ``close`` let messages wait for the subscriber once its connection holds more than
/// ``SubscriptionOptions/outboundMark``, up to a limit, and send them in order as it drains.
public struct SlowSubscriberPolicy: Sendable, Hashable {
    enum Kind: Hashable {
        case close, dropOldest, dropNewest, keepLatest
    }

    let kind: Kind
    let limit: Int

    /// Nothing is ever left out: with more than ``ConnectionOptions/outboundLimit`` waiting, the subscriber is closed
    /// with 1013.
    public static let close = Self(kind: .close, limit: 0)

    /// At most `limit` messages wait; a new one takes the place of the oldest.
    public static func dropOldest(limit: Int) -> Self { Self(kind: .dropOldest, limit: max(limit, 0)) }

    /// At most `limit` messages wait; a new one that finds no room is dropped.
    public static func dropNewest(limit: Int) -> Self { Self(kind: .dropNewest, limit: max(limit, 0)) }

    /// Of the messages published with the same key only the latest waits, at the place in the order that it was
    /// published at. Those without a key are each their own. At most `limit` wait; then the oldest is dropped.
    public static func keepLatest(limit: Int = 1000) -> Self { Self(kind: .keepLatest, limit: max(limit, 0)) }
}

/// How one connection is subscribed to one topic.
public struct SubscriptionOptions: Sendable {
    /// What becomes of messages while the subscriber is slow. Default ``SlowSubscriberPolicy/close``.
    public var policy: SlowSubscriberPolicy

    /// Bytes that the connection may hold, charged as for ``ConnectionOptions/outboundHighWaterMark``, before messages
    /// wait under a policy that drops. Small, so that what waits is still to be chosen from; what the system's buffers
    /// hold comes on top. Default 64 KiB.
    public var outboundMark: Int

    /// Bytes of messages that may wait, beside their number; one message may exceed it. Default 4 MiB, each charged
    /// 256 bytes beside its own. The bytes are shared by all subscribers that they wait for.
    public var waitingLimit: Int

    /// Called on the subscriber's event loop where the gap is in the order: behind the last message before it, ahead of
    /// the first one after it. What it returns is sent there. Default: none, nobody is told.
    public var gapNotice: (@Sendable (TopicGap) -> Message?)?

    /// - Parameters: see the properties of the same names.
    public init(
        policy: SlowSubscriberPolicy = .close,
        outboundMark: Int = 64 << 10,
        waitingLimit: Int = 4 << 20,
        gapNotice: (@Sendable (TopicGap) -> Message?)? = nil
    ) {
        self.policy = policy
        self.outboundMark = outboundMark
        self.waitingLimit = waitingLimit
        self.gapNotice = gapNotice
    }
}

/// Messages of a topic that one subscriber does not get, since it was too slow.
public struct TopicGap: Sendable, Hashable {
    public let topic: String
    /// Messages missing at this place.
    public let missed: Int
    /// All that are missing since the subscription began, these included; told of or waiting to be.
    public let missedInAll: Int
}

/// What became of a topic's messages for one subscriber: at all times
/// `published == delivered + dropped + waiting`, and in the end nothing waits.
public struct SubscriptionCounts: Sendable, Hashable {
    /// Messages published to the topic between the subscription and its end, as far as the subscriber's event loop has
    /// come to them.
    public let published: Int
    /// Those that the connection has accepted into its outgoing stream. Whether they reached the peer is the
    /// connection's affair: ``ConnectionEnd/unsentBytes`` says.
    public let delivered: Int
    /// Those that it will never get: by its policy, or since it was closing or ended.
    public let dropped: Int
    /// Those that wait for the connection to drain.
    public let waiting: Int
}
