package import Testing

/// The error that `body` throws; records an issue when it throws none.
package func thrownError<Failure: Error>(
    _ type: Failure.Type = Failure.self,
    isolation: isolated (any Actor)? = #isolation,
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
