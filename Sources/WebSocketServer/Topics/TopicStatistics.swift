/// What has become of all that was published by a ``TopicHub``, since it was made.
public struct TopicStatistics: Sendable, Hashable {
    /// Messages published, each once however many got it; those to topics without subscribers too.
    public let published: Int
    /// Messages accepted into the outgoing streams of subscribers, once for each.
    public let delivered: Int
    /// Messages that subscribers did not get, once for each: they were too slow, closing or ended.
    public let dropped: Int
    /// Messages that wait for slow subscribers, once for each.
    public let waiting: Int
    /// Topics that have subscribers.
    public let topics: Int
    /// Subscriptions: connections on topics, once for each topic.
    public let subscriptions: Int
}
