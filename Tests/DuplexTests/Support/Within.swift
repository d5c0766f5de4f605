/// A wait that took too long.
struct TookTooLong: Error, CustomStringConvertible {
    let limit: Duration
    let what: String
    var description: String { "waited \(limit) in vain for \(what)" }
}

/// Runs `body` for at most `limit`: a failure is a failure then and not a hang.
func within<Value: Sendable>(
    _ limit: Duration = .seconds(30), waitingFor what: String, _ body: @escaping @Sendable () async throws -> Value
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
