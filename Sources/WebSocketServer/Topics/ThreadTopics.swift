import NIOPosix
import Synchronization

/// What one thread knows of topics, so that publishing takes no lock that others may want: a topic is looked up once, and
/// again when its view is out of date.
final class ThreadTopics {
    // Safe: the variable itself never changes, and each thread sees a value of its own.
    private nonisolated(unsafe) static let perThread = ThreadSpecificVariable<ThreadTopics>()
    private static let threads = Atomic(0)

    private struct Key: Hashable {
        let hub: UInt64
        let name: TopicName
    }

    private enum Known {
        case topic(TopicView)
        /// Nobody was there when so many topics had been made.
        case nobody(asOf: Int)
    }

    /// Topics that are remembered; then all are forgotten, and looked up anew.
    static let limit = 1024

    private var known: [Key: Known] = [:]
    /// Distinguishes threads.
    let number = ThreadTopics.threads.wrappingAdd(1, ordering: .relaxed).newValue

    /// The calling thread's own.
    static var current: ThreadTopics {
        if let topics = perThread.currentValue { return topics }
        let topics = ThreadTopics()
        perThread.currentValue = topics
        return topics
    }

    /// The topic as it is now, if it has subscribers.
    func view(of name: TopicName, in hub: TopicHub) -> TopicView? {
        let key = Key(hub: hub.id, name: name)
        switch known[key] {
        case .topic(let view) where !view.isOutOfDate: return view
        case .nobody(let topics) where topics == hub.topicsMade: return nil
        default: return look(key, in: hub)
        }
    }

    private func look(_ key: Key, in hub: TopicHub) -> TopicView? {
        if known.count >= Self.limit { known = [:] }
        // Counted before it is looked for: one that is made in between is looked for again.
        let topics = hub.topicsMade
        let view = hub.view(of: key.name)
        known[key] = view.map { .topic($0) } ?? .nobody(asOf: topics)
        return view
    }
}
