import NIOCore
import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// One topic on one event loop: its subscribers there, and what was published and has not gone out yet.
///
/// Made when the first subscriber comes to the loop, and done with when the last has left.
final class TopicPlace: @unchecked Sendable {
    // Sendable: `nextWithNews` belongs to whoever has set `isOnList`, until the loop takes the list, by atomic steps that
    // put one behind the other; all below `MARK` is touched on the loop only.

    let loop: LoopTopics
    private let isOnList = Atomic(false)
    private let isClosing = Atomic(false)
    /// See ``LoopTopics``.
    var nextWithNews: Unmanaged<TopicPlace>?

    // MARK: On the loop

    /// Where to read on; `nil` once the last subscriber has left.
    private var cell: TopicCell?
    /// Those who miss nothing, and their subscriptions by the same index.
    private var steady: [WebSocketConnection.Isolated] = []
    private var steadySubscriptions: [TopicSubscription] = []
    /// Those for whom messages may wait, or be dropped.
    private var patient: [TopicSubscription] = []
    /// Messages that go out when the turn ends; in the backlog until then.
    private var messages: [TopicEntry] = []
    private var gathered = 0
    /// So much is not gathered on: who may wait for the turn's end does so at half of it.
    private let mostGathered: Int
    /// Messages so far.
    private(set) var published = 0
    /// Whether subscribers are being sent to or changed, so that they must not change.
    private var isBusy = false
    private var mustPull = false
    private var isPutOff = false

    init(on loop: LoopTopics, from cell: TopicCell, mostGathered: Int) {
        self.loop = loop
        self.cell = cell
        self.mostGathered = mostGathered
    }

    deinit {
        if let cell = cell.take() { TopicCell.letGo(of: cell) }
    }

    /// Has the loop see what is new: at once, when it is the calling one.
    func wake() {
        if loop.eventLoop.inEventLoop { return pull() }
        if !isOnList.exchange(true, ordering: .acquiringAndReleasing) { loop.push(self) }
    }

    /// Before the news are looked at, so that what comes meanwhile puts it on the list again.
    func leftList() { _ = isOnList.exchange(false, ordering: .acquiringAndReleasing) }

    /// Nobody comes any more, and the last one is about to leave.
    func setClosing() { isClosing.store(true, ordering: .relaxed) }
}

// MARK: - On the loop

extension TopicPlace {
    /// Sees what is new. Messages go out when the turn ends; or before anybody comes or leaves.
    func pull() {
        mustPull = true
        whileBusy {}
    }

    /// Calls `body` while nobody comes or leaves; whoever does meanwhile has done so when this returns, unless this is
    /// called in the middle of the same.
    func whileBusy(_ body: () -> Void) {
        guard !isBusy else { return body() }
        isBusy = true
        TurnEnd.whileOrdersWait {
            body()
            while mustPull {
                mustPull = false
                readOn()
            }
        }
        isBusy = false
        if !messages.isEmpty { putOff() }
    }

    private func readOn() {
        while let entry = cell?.entry {
            cell = entry.next
            switch entry.event {
            case .message(let message):
                messages.append(entry)
                gathered += message.cost
                if gathered > mostGathered { deliver() }
            case .joined(let subscription) where subscription.place === self:
                deliver()
                add(subscription)
            case .left(let subscription, let isLast) where subscription.place === self:
                deliver()
                remove(subscription)
                if isLast { cell = nil }
            case .joined, .left: break
            }
        }
        // Behind something whose publisher has reserved its place and yet to fill it. It may not know of this place any
        // more, and wake it when it has.
        if cell != nil, isClosing.load(ordering: .relaxed) { loop.eventLoop.execute { self.pull() } }
    }

    private func putOff() {
        TurnEnd.more()
        guard !isPutOff else { return }
        isPutOff = true
        TurnEnd.run(on: loop.eventLoop) {
            self.isPutOff = false
            // In the middle of the same it is put off again.
            guard !self.isBusy else { return }
            self.whileBusy { self.deliver() }
        }
    }

    /// Sends what has gathered to all.
    private func deliver() {
        guard !messages.isEmpty else { return }
        var entries: [TopicEntry] = []
        swap(&entries, &messages)
        gathered = 0
        let sent = entries.compactMap(\.message)
        published += sent.count
        let batch = PreparedBatch(sent.map(\.prepared))
        var dropped = 0
        for index in steady.indices {
            let missed = sent.count - send(batch, to: steady[index])
            guard missed > 0 else { continue }
            steadySubscriptions[index].missed(missed)
            dropped += missed
        }
        loop.dropped.wrappingAdd(dropped, ordering: .relaxed)
        loop.delivered.wrappingAdd(sent.count * steady.count - dropped, ordering: .relaxed)
        for subscription in patient { subscription.send(sent, batch) }
    }

    /// - Returns: how many messages were accepted.
    private func send(_ batch: PreparedBatch, to subscriber: WebSocketConnection.Isolated) -> Int {
        do throws(SendError) {
            return try subscriber.send(batch)
        } catch .bufferFull {
            // Refused only for codes that cannot be sent, and this one can.
            try? subscriber.close(code: .tryAgainLater, reason: "too slow for this topic")
        } catch {
            // It is closing or has ended, and will leave the topic by itself.
        }
        return 0
    }

    private func add(_ subscription: TopicSubscription) {
        guard let subscriber = subscription.begin(at: published) else { return }
        if subscription.isPatient {
            subscription.index = patient.count
            patient.append(subscription)
        } else {
            subscription.index = steady.count
            steady.append(subscriber)
            steadySubscriptions.append(subscription)
        }
    }

    private func remove(_ subscription: TopicSubscription) {
        // The last one takes the place that is free.
        guard let index = subscription.index else { return }
        subscription.index = nil
        if subscription.isPatient {
            let last = patient.removeLast()
            if index < patient.count { (patient[index], last.index) = (last, index) }
        } else {
            let (last, connection) = (steadySubscriptions.removeLast(), steady.removeLast())
            if index < steady.count {
                (steady[index], steadySubscriptions[index], last.index) = (connection, last, index)
            }
        }
        subscription.end(at: published)
    }
}
