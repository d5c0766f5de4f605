import WebSocketTransport

/// What goes along with a connection that is on topics of a hub: takes it off all of them when it ends, and has messages
/// that wait for it sent when there is room. On its event loop only.
final class SocketTopics: ConnectionCompanion {
    let hub: TopicHub
    private let connectionID: UInt64
    /// Those for whom messages wait, the next to have its turn first.
    private var waiting: [TopicSubscription] = []
    private var isSending = false

    init(_ hub: TopicHub, _ connectionID: UInt64) {
        self.hub = hub
        self.connectionID = connectionID
    }

    func wait(for subscription: TopicSubscription) {
        if !waiting.contains(where: { $0 === subscription }) { waiting.append(subscription) }
        subscription.asksForRoom()
    }

    func forget(_ subscription: TopicSubscription) { waiting.removeAll { $0 === subscription } }

    func roomChanged() {
        guard !isSending else { return }
        isSending = true
        // Each once, and who is not done goes to the end, so that one topic does not keep the others waiting.
        for _ in waiting.indices {
            guard let first = waiting.first else { break }
            waiting.removeFirst()
            if !first.sendWaiting(), first.index != nil { waiting.append(first) }
        }
        isSending = false
        waiting.first?.asksForRoom()
    }

    func connectionEnded() { hub.leave(connectionID) }
}
