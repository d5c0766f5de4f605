import NIOConcurrencyHelpers
import WebSocketTransport

// The pump: the task that tells the owner, on its actor.

extension ClientSocket {
    /// What to do once the lock is not held any more.
    typealias Wake = () -> Void

    /// To be called with the lock held, after something was noticed.
    func wakePump() -> Wake {
        switch state.pump {
        case .running: return {}
        case .waiting(let continuation):
            state.pump = .running
            return { continuation.resume() }
        case .none:
            // Without its actor there is nobody left to tell.
            guard let owner = state.owner else { return {} }
            state.pump = .running
            return { Task { await Self.pump(self, isolation: owner) } }
        }
    }

    /// After so many notices in a row, others of the actor have their turn.
    private static let mostInARow = 16

    private static func pump(_ socket: ClientSocket, isolation: isolated any Actor) async {
        var inARow = 0
        while true {
            switch socket.next() {
            case .tell(let notice, let sink):
                socket.tell(notice, sink)
                inARow += 1
                guard inARow == mostInARow else { continue }
                inARow = 0
                await Task.yield()
            case .wait:
                inARow = 0
                await withCheckedContinuation { socket.wait($0) }
            case .stop: return
            }
        }
    }

    private enum Step {
        case tell(Notice, (any SocketSink)?)
        case wait
        case stop
    }

    private func next() -> Step {
        let (step, resumes) = lock.withLock { () -> (Step, WebSocketConnection?) in
            state.count.turnEnds()
            guard let notice = state.notices.next() else {
                // Whoever is not listening need not be waited for.
                guard state.retained != nil else {
                    state.pump = .none
                    return (.stop, nil)
                }
                return (.wait, nil)
            }
            var resumes: WebSocketConnection?
            if state.isReadingPaused, state.notices.cost <= highWaterMark / 2 {
                state.isReadingPaused = false
                resumes = state.connection
            }
            switch notice {
            case .opened where state.readyState == .connecting:
                state.readyState = .open
                if let agreed = state.agreed { (state.subprotocol, state.extensions) = agreed }
            case .opened: return (.tell(notice, nil), resumes)
            case .message where state.readyState != .open: return (.tell(notice, nil), resumes)
            case .peerIsClosing: if state.readyState == .open { state.readyState = .closing }
            case .closed: state.readyState = .closed
            case .message, .recheck: break
            }
            return (.tell(notice, state.sink), resumes)
        }
        resumes?.onLoop { $0.resumeReading() }
        return step
    }

    private func tell(_ notice: Notice, _ sink: (any SocketSink)?) {
        guard let sink else { return }
        switch notice {
        case .opened: sink.opened()
        case .message(let message):
            if !sink.received(message) { lock.withLock { state.notices.putBack(message) } }
        case .peerIsClosing: break
        case .closed(let code, let reason, let wasClean, let failed):
            sink.closed(code, reason, wasClean: wasClean, failed: failed)
            endIsTold()
        case .recheck: sink.rechecked()
        }
    }

    private func wait(_ continuation: CheckedContinuation<Void, Never>) {
        let isNeeded = lock.withLock {
            // Something may have come since it looked.
            guard state.notices.isEmpty, state.retained != nil, !state.count.isInTurn else { return true }
            state.pump = .waiting(continuation)
            return false
        }
        if isNeeded { continuation.resume() }
    }
}
