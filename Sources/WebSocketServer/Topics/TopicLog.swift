import Synchronization
import WebSocketTransport

/// A published message.
struct PublishedMessage: Sendable {
    let prepared: PreparedMessage
    let key: String?

    /// Its bytes, with the charge for a message that waits.
    var cost: Int { prepared.message.bytes.count + ConnectionOptions.messageCharge }
}

/// What happens on a topic.
enum TopicEvent: Sendable {
    case message(PublishedMessage)
    case joined(TopicSubscription)
    /// - Parameter isLast: whether nobody on the subscriber's loop is left.
    case left(TopicSubscription, isLast: Bool)
}

/// What happened on a topic and has not been seen by all of its loops yet: in one order, which is the same for all of
/// them.
///
/// A chain of cells, of which the last is empty. Whoever has something to tell puts a new empty cell in its place, in one
/// atomic step, and fills the one that it gets for it. So writers wait for nobody; and each reader goes on from a cell of
/// its own. What all readers have passed is freed by nobody holding it any more.
final class TopicLog: Sendable {
    /// Holds its cell.
    private let tail = Atomic(Unmanaged.passRetained(TopicCell()))
    /// Messages since the topic has had subscribers.
    let published = Atomic(0)

    deinit { tail.load(ordering: .acquiring).release() }

    /// The place of the next event. Until it is filled nobody sees what comes behind it.
    func reserve() -> (cell: TopicCell, next: TopicCell) {
        let next = TopicCell()
        let cell = tail.exchange(.passRetained(next), ordering: .acquiringAndReleasing)
        return (cell.takeRetainedValue(), next)
    }

    func append(_ event: TopicEvent, countedBy backlog: TopicBacklog? = nil) {
        let entry = reserve()
        entry.cell.fill(TopicEntry(event, entry.next, backlog))
    }
}

/// The place of one event.
final class TopicCell: Sendable {
    /// Holds its entry. (The library's own lazy reference does the same by calls, into which the thread sanitizer does not
    /// see.)
    private let filling = Atomic<Unmanaged<TopicEntry>?>(nil)

    deinit { filling.load(ordering: .acquiring)?.release() }

    /// What happened here, once it is known. From then on it is held, for it never changes.
    var entry: TopicEntry? { filling.load(ordering: .acquiring)?.takeUnretainedValue() }

    /// To be called once.
    func fill(_ entry: TopicEntry) { filling.store(.passRetained(entry), ordering: .releasing) }

    /// Goes on to the end, so that what nobody else holds is let go of cell by cell: left to itself, the first would let
    /// go of the second in the middle of going, and so on.
    static func letGo(of first: consuming TopicCell) {
        var cell = first
        while let entry = cell.entry { cell = entry.next }
    }
}

/// One event, and the place of the next.
final class TopicEntry: Sendable {
    let event: TopicEvent
    let next: TopicCell
    private let backlog: TopicBacklog?
    private let cost: Int

    /// - Parameter backlog: counts a message until all have sent it.
    init(_ event: TopicEvent, _ next: TopicCell, _ backlog: TopicBacklog? = nil) {
        self.event = event
        self.next = next
        self.backlog = backlog
        if case .message(let message) = event { cost = message.cost } else { cost = 0 }
        backlog?.add(cost)
    }

    var message: PublishedMessage? {
        if case .message(let message) = event { message } else { nil }
    }

    deinit { backlog?.subtract(cost) }
}
