import Foundation
import Testing

/// A wait that took longer than it may.
struct TimedOut: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "nothing came of it within \(limit)" }
}

/// Runs `operation`, and throws when it takes longer than `limit`, so that a wait without end is a failure
/// and not a hang. What it started is cancelled then, and not waited for.
func within<Value: Sendable>(
    _ limit: Duration = .seconds(60),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let outcome = Promised<Value>()
    let work = Task {
        do {
            outcome.fulfil(.success(try await operation()))
        } catch {
            outcome.fulfil(.failure(error))
        }
    }
    let timer = Task {
        try await Task.sleep(for: limit)
        if outcome.fulfil(.failure(TimedOut(limit: limit))) {
            work.cancel()
            Issue.record("nothing came of it within \(limit)", sourceLocation: sourceLocation)
        }
    }
    defer { timer.cancel() }
    return try await outcome.value
}

/// A value that comes later, once; whatever comes after it is not taken.
final class Promised<Value: Sendable>: Sendable {
    private enum State {
        case empty([CheckedContinuation<Value, any Error>])
        case fulfilled(Result<Value, any Error>)
    }

    private let state = Locked(State.empty([]))

    /// - Returns: whether this was the first.
    @discardableResult
    func fulfil(_ result: Result<Value, any Error>) -> Bool {
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
    func fulfil(_ value: Value) -> Bool { fulfil(.success(value)) }

    /// Waits for it. To be wrapped in ``within(_:sourceLocation:_:)``.
    var value: Value {
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
    var isFulfilled: Bool {
        state.withLock { if case .fulfilled = $0 { true } else { false } }
    }
}

/// A value under a lock that the thread sanitizer knows: it cannot see into `Mutex` of `Synchronization` on Linux,
/// and would report what is locked by it as races.
private final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return body(&value)
    }
}

/// What several threads write down.
final class Log<Entry: Sendable>: Sendable {
    private let state = Locked([Entry]())

    var entries: [Entry] { state.withLock { $0 } }
    func add(_ entry: Entry) { state.withLock { $0.append(entry) } }

    /// Adds and tells how many there are now.
    func count(adding entry: Entry) -> Int {
        state.withLock {
            $0.append(entry)
            return $0.count
        }
    }

    func takeAll() -> [Entry] {
        state.withLock { entries in
            defer { entries = [] }
            return entries
        }
    }
}

/// The error that `body` throws; records an issue when it throws none.
func thrownError<Failure: Error>(
    _ type: Failure.Type = Failure.self,
    sourceLocation: SourceLocation = #_sourceLocation,
    of body: () async throws -> Void
) async -> Failure? {
    do {
        try await body()
        Issue.record("no error was thrown", sourceLocation: sourceLocation)
    } catch let error as Failure {
        return error
    } catch {
        Issue.record("another error was thrown: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}
