import NIOCore
import Synchronization
import WebSocketTransport

/// The part of a ``TopicHub`` that lives on one event loop: which of its topics have something new, and what has become
/// of all messages there.
final class LoopTopics: Sendable {
    let eventLoop: any EventLoop
    /// What has news, the latest first; each holds itself while it is here.
    private let news = Atomic<Unmanaged<TopicPlace>?>(nil)
    private let isKnown = Atomic(false)

    // Changed on the loop only.
    let delivered = Atomic(0)
    let dropped = Atomic(0)
    let waiting = Atomic(0)

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    deinit { _ = takeAll() }

    /// Has the loop look at a place that is not on its list. It is woken once for all that is put there until it looks.
    func push(_ place: TopicPlace) {
        let pushed = Unmanaged.passRetained(place)
        var first = news.load(ordering: .relaxed)
        while true {
            place.nextWithNews = first
            let (isDone, actual) = news.weakCompareExchange(
                expected: first,
                desired: pushed,
                ordering: .acquiringAndReleasing
            )
            if isDone { break }
            first = actual
        }
        if first == nil { eventLoop.execute { self.takeIn() } }
    }

    /// Looks at what has news. On the loop only.
    func takeIn() {
        if !isKnown.exchange(true, ordering: .relaxed) {
            TurnEnd.takesIn { [weak self] in self?.takeIn() != nil }
        }
        for place in takeAll() {
            place.leftList()
            place.pull()
        }
    }

    /// Empties the list.
    ///
    /// - Returns: what was there, the earliest first.
    private func takeAll() -> [TopicPlace] {
        var next = news.exchange(nil, ordering: .acquiringAndReleasing)
        guard next != nil else { return [] }
        var places: [TopicPlace] = []
        while let place = next {
            let place = place.takeRetainedValue()
            next = place.nextWithNews
            place.nextWithNews = nil
            places.append(place)
        }
        places.reverse()
        return places
    }
}
