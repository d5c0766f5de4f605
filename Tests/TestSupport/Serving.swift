import NIOCore
package import WebSocketServer

/// Runs a server of this process, on a port that the system chose, for as long as `body` runs.
///
/// - Parameter routes: adds what it serves.
package func serving<Value>(
    _ configuration: WebSocketServer.Configuration = .init(port: 0),
    _ routes: (WebSocketServer) -> Void,
    _ body: (Int) async throws -> Value
) async throws -> Value {
    let server = WebSocketServer(configuration)
    routes(server)
    guard let port = try await server.start().port else { throw TookTooLong(limit: .zero, what: "a port") }
    let run = Task { try await server.run() }
    defer { run.cancel() }
    return try await body(port)
}
