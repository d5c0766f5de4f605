import NIOConcurrencyHelpers

/// How many sockets may live, and which of them may connect now (RFC 6455 §4.1: one to a host and port at a time).
final class ConnectionSlots: Sendable {
    private let state: NIOLockedValueBox<State>

    private struct State {
        let limit: Int
        var live = 0
        /// Who waits for its turn, by host and port; there is an entry while somebody connects there.
        var queues: [String: [Waiter]] = [:]
        var lastID: UInt64 = 0
    }

    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    init(limit: Int) { state = NIOLockedValueBox(State(limit: limit)) }

    var live: Int { state.withLockedValue { $0.live } }

    /// Counts one socket more, if there is room.
    func enter() -> Bool {
        state.withLockedValue { state in
            guard state.live < state.limit else { return false }
            state.live += 1
            return true
        }
    }

    /// Counts one socket less.
    func leave() { state.withLockedValue { $0.live -= 1 } }

    /// Waits until nobody else connects to `place`; ``release(_:)`` ends the turn.
    ///
    /// - Throws: `CancellationError`; there is no turn to end then.
    func acquire(_ place: String) async throws {
        let id = state.withLockedValue { state in
            state.lastID += 1
            return state.lastID
        }
        let hasTurn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // The cancellation may have come before there was anything to cancel.
                let answer: Bool? = state.withLockedValue { state in
                    if Task.isCancelled { return false }
                    guard state.queues[place] != nil else {
                        state.queues[place] = []
                        return true
                    }
                    state.queues[place]?.append(Waiter(id: id, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLockedValue { state in
                guard let index = state.queues[place]?.firstIndex(where: { $0.id == id }) else { return nil }
                return state.queues[place]?.remove(at: index)
            }
            waiter?.continuation.resume(returning: false)
        }
        guard hasTurn else { throw CancellationError() }
    }

    /// Gives the turn to whoever waits longest.
    func release(_ place: String) {
        let next: Waiter? = state.withLockedValue { state in
            guard let queue = state.queues[place], !queue.isEmpty else {
                state.queues[place] = nil
                return nil
            }
            return state.queues[place]?.removeFirst()
        }
        next?.continuation.resume(returning: true)
    }
}
