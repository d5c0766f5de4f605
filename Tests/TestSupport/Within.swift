/// A wait that took too long.
package struct TookTooLong: Error, CustomStringConvertible {
    package let limit: Duration
    package let what: String

    package init(limit: Duration, what: String) {
        self.limit = limit
        self.what = what
    }

    package var description: String { "waited \(limit) in vain for \(what)" }
}

/// Runs `operation`, and throws when it takes longer than `limit`, so that a wait without end is a failure
/// and not a hang. What it started is cancelled then, and not waited for.
package func within<Value: Sendable>(
    _ limit: Duration = .seconds(60),
    waitingFor what: String = "what should come of it",
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
        if outcome.fulfil(.failure(TookTooLong(limit: limit, what: what))) { work.cancel() }
    }
    defer { timer.cancel() }
    return try await outcome.value
}
