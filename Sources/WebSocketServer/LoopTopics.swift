import NIOCore
import WebSocketProtocol
import WebSocketTransport

/// The part of a ``TopicHub`` that lives on one event loop: the subscribers there, and what was published and has
/// not gone out yet.
///
/// Everything is posted to the loop, in order, and done there.
final class LoopTopics: Sendable {
    /// One topic's subscribers on this loop. To be touched on the loop only.
    private final class Group {
        var subscribers: [WebSocketConnection.Isolated] = []
        /// Where each is.
        var places: [UInt64: Int] = [:]
        /// By place.
        var ids: [UInt64] = []
        var waiting: [PreparedMessage] = []

        func add(_ connection: WebSocketConnection) {
            guard places[connection.id] == nil, let subscriber = connection.isolated else { return }
            places[connection.id] = subscribers.count
            ids.append(connection.id)
            subscribers.append(subscriber)
        }

        func remove(_ id: UInt64) {
            guard let place = places.removeValue(forKey: id) else { return }
            // The last one takes the place that is free.
            let (subscriber, itsID) = (subscribers.removeLast(), ids.removeLast())
            guard place < subscribers.count else { return }
            (subscribers[place], ids[place], places[itsID]) = (subscriber, itsID, place)
        }

        /// Sends what waits to all.
        func deliver() {
            guard !waiting.isEmpty else { return }
            let batch = PreparedBatch(waiting)
            waiting = []
            for subscriber in subscribers {
                do throws(SendError) {
                    try subscriber.send(batch)
                } catch .bufferFull {
                    // Refused only for codes that cannot be sent, and this one can.
                    try? subscriber.close(code: .tryAgainLater, reason: "too slow for this topic")
                } catch {
                    // It is closing or has ended, and will leave the topic by itself.
                }
            }
        }
    }

    private final class Groups {
        var byTopic: [TopicName: Group] = [:]
    }

    private let eventLoop: any EventLoop
    private let groups: NIOLoopBoundBox<Groups>

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        groups = .makeBoxSendingValue(Groups(), eventLoop: eventLoop)
    }

    func add(_ connection: WebSocketConnection, to topic: TopicName) {
        eventLoop.execute { [self] in
            let groups = groups.value
            let group = groups.byTopic[topic] ?? Group()
            groups.byTopic[topic] = group
            // Nothing from before.
            group.deliver()
            group.add(connection)
        }
    }

    func remove(_ connection: WebSocketConnection, from topic: TopicName) {
        eventLoop.execute { [self] in
            let groups = groups.value
            guard let group = groups.byTopic[topic] else { return }
            group.deliver()
            group.remove(connection.id)
            if group.subscribers.isEmpty { groups.byTopic[topic] = nil }
        }
    }

    /// - Parameter handed: called once the message is among those that wait.
    func publish(_ message: PreparedMessage, to topic: TopicName, handed: @escaping @Sendable () -> Void) {
        eventLoop.execute { [self] in
            if let group = groups.value.byTopic[topic] {
                if group.waiting.isEmpty { TurnEnd.run(on: eventLoop) { group.deliver() } }
                group.waiting.append(message)
                TurnEnd.more()
            }
            handed()
        }
    }
}
