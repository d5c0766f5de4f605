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

/// Runs `body` for at most `limit`: a failure is a failure then and not a hang.
package func within<Value: Sendable>(
    _ limit: Duration = .seconds(30),
    waitingFor what: String,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TookTooLong(limit: limit, what: what)
        }
        defer { group.cancelAll() }
        for try await value in group { return value }
        throw CancellationError()
    }
}
