public import WebSocketTransport

extension WebSocketServer {
    /// Sends a message to every connection of this server that is subscribed to a topic. See
    /// ``TopicHub/publish(_:to:key:)``.
    ///
    /// - Throws: ``TopicError``.
    public nonisolated(nonsending) func publish(
        _ message: Message,
        to topic: String,
        key: String? = nil
    ) async throws(TopicError) {
        try await topics.publish(message, to: topic, key: key)
    }

    /// Sends a text to every connection of this server that is subscribed to a topic. See ``publish(_:to:key:)-(Message,_,_)``.
    ///
    /// - Throws: ``TopicError``.
    public nonisolated(nonsending) func publish(
        _ text: String,
        to topic: String,
        key: String? = nil
    ) async throws(TopicError) {
        try await topics.publish(Message(text), to: topic, key: key)
    }

    /// Sends a message to every connection of this server that is subscribed to a topic, from where nothing may suspend.
    /// See ``TopicHub/post(_:to:key:)``.
    ///
    /// - Throws: ``TopicError``.
    public func post(_ message: Message, to topic: String, key: String? = nil) throws(TopicError) {
        try topics.post(message, to: topic, key: key)
    }
}

extension WebSocketConnection {
    /// Subscribes to a topic of the connection's server, until ``unsubscribe(_:)`` or the connection's end.
    ///
    /// From when this returns, what is published to the topic comes here. See
    /// ``TopicHub/subscribe(_:to:options:)``.
    ///
    /// - Returns: the subscription, for its counts.
    /// - Throws: ``TopicError/nameTooLong(bytes:limit:)``, ``TopicError/tooManyTopics(limit:)``,
    ///   ``TopicError/notServed``.
    @discardableResult
    public func subscribe(
        _ topic: String,
        policy: SlowSubscriberPolicy = .close
    ) throws(TopicError) -> TopicSubscription {
        try subscribe(topic, options: SubscriptionOptions(policy: policy))
    }

    /// Subscribes to a topic of the connection's server. See ``subscribe(_:policy:)``.
    @discardableResult
    public func subscribe(_ topic: String, options: SubscriptionOptions) throws(TopicError)
        -> TopicSubscription
    {
        guard let context else { throw .notServed }
        return try context.topics.subscribe(self, to: topic, options: options)
    }

    /// Leaves a topic: what was published before still comes.
    public func unsubscribe(_ topic: String) { context?.topics.unsubscribe(self, from: topic) }

    /// The topics that the connection is subscribed to, in no order.
    public var subscriptions: [String] { context?.topics.topics(of: self) ?? [] }
}
