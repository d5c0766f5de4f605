import Logging
import NIOCore
package import WebSocketServer
import WebSocketTransport

/// Runs a server of this process, on a port that the system chose, for as long as `body` runs.
///
/// Where the configuration names no engine, ``Tools/engine`` is taken. Where it keeps the default deadline of the opening handshake, it is made a minute: a
/// client that is a task of a test may be kept waiting by the other tests.
///
/// - Parameter routes: adds what it serves.
package func serving<Value>(
    _ configuration: WebSocketServer.Configuration = .init(port: 0),
    isolation: isolated (any Actor)? = #isolation,
    _ routes: (WebSocketServer) -> Void,
    _ body: (Int) async throws -> Value
) async throws -> Value {
    var configuration = configuration
    if configuration.tls == nil { configuration.engine = configuration.engine ?? Tools.engine }
    if configuration.connection.handshakeTimeout == ConnectionOptions().handshakeTimeout {
        configuration.connection.handshakeTimeout = .seconds(60)
    }
    // Two lines for each connection would drown what the tests say.
    if configuration.logger.label == "duplex.server" { configuration.logger.logLevel = .warning }
    let server = WebSocketServer(configuration)
    routes(server)
    guard let port = try await server.start().port else { throw TookTooLong(limit: .zero, what: "a port") }
    let run = Task { try await server.run() }
    defer { run.cancel() }
    return try await body(port)
}
