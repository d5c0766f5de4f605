import HTTPTypes
import WebSocketServer
import WebSocketTransport

extension WebSocketServer.Configuration {
    /// A server that understands HTTP/2 without TLS, so that a test sees every frame.
    static func cleartextHTTP2(_ change: (inout Self) -> Void = { _ in }) -> Self {
        var configuration = Self(port: 0, engine: .nio)
        configuration.http2.allowsCleartext = true
        change(&configuration)
        return configuration
    }
}

extension HTTP2Peer {
    /// What the tests' server serves: an echo and a page.
    static func echo(_ server: WebSocketServer) {
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        server.page("/page") { _ in .text(.ok, "page") }
    }
}
