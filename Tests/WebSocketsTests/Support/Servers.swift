import TestSupport
import WebSocketServer
import WebSocketTransport
import WebSockets

extension WebSocketEnvironment {
    /// An environment of a test's own, with time enough for a machine on which other tests run.
    static func patient(_ change: (inout Configuration) -> Void = { _ in }) -> WebSocketEnvironment {
        var configuration = Configuration()
        configuration.connection.handshakeTimeout = .seconds(60)
        configuration.connectTimeout = .seconds(60)
        configuration.connection.pingInterval = nil
        change(&configuration)
        return WebSocketEnvironment(configuration)
    }
}

/// Serves an echo at `/` for as long as `body` runs, which is told its URL.
func withEcho<Value>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (String) async throws -> Value
) async throws -> Value {
    try await serving { server in
        server.route("/", subprotocols: ["echo", "chat"]) { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
    } _: { port in
        try await body("ws://127.0.0.1:\(port)/")
    }
}
