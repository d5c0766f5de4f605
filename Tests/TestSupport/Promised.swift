/// A value that comes later, once; whatever comes after it is not taken.
package final class Promised<Value: Sendable>: Sendable {
    private enum State {
        case empty([CheckedContinuation<Value, any Error>])
        case fulfilled(Result<Value, any Error>)
    }

    private let state = Locked(State.empty([]))

    package init() {}

    /// - Returns: whether this was the first.
    @discardableResult
    package func fulfil(_ result: Result<Value, any Error>) -> Bool {
        let waiters: [CheckedContinuation<Value, any Error>]? = state.withLock { state in
            guard case .empty(let waiters) = state else { return nil }
            state = .fulfilled(result)
            return waiters
        }
        guard let waiters else { return false }
        for waiter in waiters { waiter.resume(with: result) }
        return true
    }

    @discardableResult
    package func fulfil(_ value: Value) -> Bool { fulfil(.success(value)) }

    /// Waits for it. To be wrapped in ``within(_:waitingFor:_:)``.
    package var value: Value {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value, any Error>? = state.withLock { state in
                    switch state {
                    case .fulfilled(let result):
                        return result
                    case .empty(let waiters):
                        state = .empty(waiters + [continuation])
                        return nil
                    }
                }
                if let result { continuation.resume(with: result) }
            }
        }
    }
}

extension Promised {
    package var isFulfilled: Bool {
        state.withLock { if case .fulfilled = $0 { true } else { false } }
    }
}
