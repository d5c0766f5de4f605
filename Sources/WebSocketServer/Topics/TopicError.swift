public import WebSocketProtocol

/// A subscription or a message to a topic that was refused.
public enum TopicError: Error, Sendable, Hashable {
    /// The message cannot be sent to anybody.
    case usage(UsageError)
    /// A topic's name has more bytes than ``TopicLimits/nameLength``.
    case nameTooLong(bytes: Int, limit: Int)
    /// The socket is on ``TopicLimits/topicsPerSocket`` topics already.
    case tooManyTopics(limit: Int)
    /// More than ``TopicLimits/backlogLimit`` bytes published to the topic have not been taken by the event loops yet.
    case backlogFull(waiting: Int, limit: Int)
    /// The socket is none of a server's, so it has no topics.
    case notServed
}

extension TopicError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .usage(let error): error.description
        case .nameTooLong(let bytes, let limit):
            "a topic's name of \(bytes) bytes exceeds the limit of \(limit)"
        case .tooManyTopics(let limit): "the socket is on \(limit) topics, which is the limit"
        case .backlogFull(let waiting, let limit):
            "\(waiting) bytes published to the topic wait for the event loops, the limit is \(limit)"
        case .notServed: "only the sockets of a server have topics"
        }
    }
}

/// What a hub's topics may cost.
public struct TopicLimits: Sendable, Hashable {
    /// Bytes of a topic's name, which is any UTF-8. Default 256.
    public var nameLength: Int
    /// Topics that one socket may be on. Default 1,000.
    public var topicsPerSocket: Int
    /// ``TopicHub/publish(_:to:key:)`` suspends while more bytes than this, published to the topic, have not been taken
    /// by the event loops of its subscribers. Default 1 MiB; each message is charged 256 bytes beside its own.
    public var backlogHighWaterMark: Int
    /// ``TopicHub/post(_:to:key:)`` is refused while more bytes than this wait so. Default 16 MiB.
    public var backlogLimit: Int

    /// - Parameters: see the properties of the same names.
    public init(
        nameLength: Int = 256,
        topicsPerSocket: Int = 1000,
        backlogHighWaterMark: Int = 1 << 20,
        backlogLimit: Int = 16 << 20
    ) {
        self.nameLength = nameLength
        self.topicsPerSocket = topicsPerSocket
        self.backlogHighWaterMark = backlogHighWaterMark
        self.backlogLimit = backlogLimit
    }
}
