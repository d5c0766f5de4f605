import NIOCore
import Synchronization

/// What publishers know of a topic. It never changes: where subscribers come to a new loop, or the last one of a loop
/// leaves, another takes its place and this one is out of date.
final class TopicView: Sendable {
    let log: TopicLog
    let backlog: TopicBacklog
    /// The topic on each loop that has subscribers.
    let places: [TopicPlace]
    private let outOfDate = Atomic(false)

    init(_ log: TopicLog, _ backlog: TopicBacklog, _ places: [TopicPlace]) {
        self.log = log
        self.backlog = backlog
        self.places = places
    }

    var isOutOfDate: Bool { outOfDate.load(ordering: .acquiring) }
    func setOutOfDate() { outOfDate.store(true, ordering: .releasing) }

    /// Has all loops see what is new.
    func wake() { for place in places { place.wake() } }
}

/// A topic with its subscribers, as those see it who change them: under the hub's lock only.
struct Topic {
    private(set) var view: TopicView
    private(set) var subscribers = 0
    private var members: [ObjectIdentifier: (place: TopicPlace, subscribers: Int)] = [:]

    private let mostGathered: Int

    init(_ limits: TopicLimits) {
        mostGathered = max(min(limits.backlogHighWaterMark, .max / 2), 0) * 2
        view = TopicView(TopicLog(), TopicBacklog(mark: limits.backlogHighWaterMark), [])
    }

    /// Notes that a connection joins, behind all that was published before.
    ///
    /// - Parameter make: the subscription, of the place that it is given.
    mutating func join(on loop: LoopTopics, _ make: (TopicPlace) -> TopicSubscription) -> TopicSubscription {
        subscribers += 1
        let key = ObjectIdentifier(loop)
        guard let member = members[key] else { return open(on: loop, make) }
        members[key]?.subscribers += 1
        let subscription = make(member.place)
        view.log.append(.joined(subscription))
        return subscription
    }

    private mutating func open(on loop: LoopTopics, _ make: (TopicPlace) -> TopicSubscription)
        -> TopicSubscription
    {
        // In this order: whoever publishes behind the place that is reserved here finds the view out of date, and looks
        // for the new one.
        view.setOutOfDate()
        let (cell, next) = view.log.reserve()
        let place = TopicPlace(on: loop, from: cell, mostGathered: mostGathered)
        members[ObjectIdentifier(loop)] = (place, 1)
        let subscription = make(place)
        renew()
        cell.fill(TopicEntry(.joined(subscription), next))
        return subscription
    }

    /// Notes that a connection leaves, behind all that was published before.
    ///
    /// - Returns: the loops that have to see it.
    mutating func leave(_ subscription: TopicSubscription) -> TopicView {
        let key = ObjectIdentifier(subscription.place.loop)
        subscribers -= 1
        members[key]?.subscribers -= 1
        let view = view
        let isLast = members[key]?.subscribers == 0
        if isLast {
            view.setOutOfDate()
            members[key] = nil
            subscription.place.setClosing()
            if !members.isEmpty { renew() }
        }
        view.log.append(.left(subscription, isLast: isLast))
        return view
    }

    private mutating func renew() {
        view = TopicView(view.log, view.backlog, members.values.map(\.place))
    }
}
