import Synchronization
import WebSocketProtocol

// For tasks that do not run on the connection's loop: they read and send by way of a mailbox.

extension WebSocketConnection {
    /// Where tasks beyond the loop read and send; made when the first one does.
    var outside: Outside {
        outsideBox.load() ?? outsideBox.storeIfNil(Outside(state.options))
    }

    /// The next message for a task beyond the loop: without asking the loop, if there is one.
    func receiveOutside() async throws -> Message? {
        let outside = outside
        switch outside.read() {
        case .nothing: break
        case .unasked:
            guard await onCore({ $0.read(by: outside) }) else { throw ReceiveError.alreadyConsumed }
        case let read: return try told(read).get()
        }
        let reader = Reader()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let read = outside.wait(continuation, reader: reader) {
                    continuation.resume(with: told(read))
                } else if reader.isCancelled.load(ordering: .acquiring) {
                    cancel(reader, outside)
                }
            }
        } onCancel: {
            reader.isCancelled.store(true, ordering: .releasing)
            cancel(reader, outside)
        }
    }

    /// What is read comes to whom it is told.
    private func told(_ read: Outside.Read) -> Result<Message?, any Error> {
        switch read {
        case .message(let message, let resumes):
            if resumes { withCore { $0.resumeReading() } }
            return .success(message)
        case .end(let end): return end.wasClean ? .success(nil) : .failure(ReceiveError.ended(end))
        case .taken, .unasked, .nothing: return .failure(ReceiveError.alreadyConsumed)
        }
    }

    /// Nobody will read on, so the peer is told goodbye. A reader that was refused does not speak for another.
    private func cancel(_ reader: Reader, _ outside: Outside) {
        guard let waiter = outside.takeWaiter(ifReader: reader) else { return }
        waiter.resume(throwing: CancellationError())
        withCore { $0.close(.goingAwayByCancellation) }
    }

    /// One wait for a message.
    final class Reader: Sendable {
        let isCancelled = Atomic(false)
    }

    /// Sends from beyond the loop, which is asked the first time only.
    ///
    /// - Returns: whether the sender should wait.
    nonisolated(nonsending) func sendOutside(_ message: Message) async throws(SendError) -> Bool {
        let outside = outside
        while true {
            switch try outside.send(message) {
            case .accepted(let tellsLoop, let mustWait):
                if tellsLoop { withCore { $0.takeOrders(of: outside) } }
                return mustWait
            case .unasked: await onCore { $0.meet(outside) }
            }
        }
    }
}
