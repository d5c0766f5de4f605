public import WebSocketTransport

/// What a server keeps with a connection. Connections of which there is nothing particular to know share one.
final class SocketContext: Sendable {
    let topics: TopicHub
    /// What the route's ``UpgradeHook`` found out.
    let value: (any Sendable)?

    init(topics: TopicHub, value: (any Sendable)? = nil) {
        self.topics = topics
        self.value = value
    }
}

extension WebSocketConnection {
    /// What a server knows of the connection; `nil` for a client's.
    var context: SocketContext? { attachment as? SocketContext }

    /// What the route's ``UpgradeHook`` found out about the client, if it is of this type.
    public func value<Value: Sendable>(as type: Value.Type = Value.self) -> Value? {
        context?.value as? Value
    }
}
