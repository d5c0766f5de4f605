import HTTPTypes
import TestSupport
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// What the scripts of the tests connect to.
enum Server {
    static func add(to server: WebSocketServer) {
        server.route("/echo", subprotocols: ["chat", "second"]) { _, _ in
            ConnectionCallbacks(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) })
        }
        // Says how it was closed, in a line to whoever asks next.
        server.route("/close/:code") { socket, parameters in
            let code = parameters["code"].flatMap { UInt16($0) } ?? 0
            try await socket.close(code: CloseCode(code), reason: "of the server")
        }
        // Closes once it was told to.
        server.route("/abrupt") { socket, _ in
            _ = try await socket.receive()
            socket.abort()
        }
        server.route("/request") { socket, _ in
            for name in [HTTPField.Name.origin, .cookie, .authorization] {
                try await socket.send("\(name): \(socket.request.headerFields[name] ?? "none")")
            }
        }
        // So many messages of so many bytes, then the number of those that were sent when it was asked.
        server.route("/flood/:count/:size") { socket, parameters in
            let count = parameters["count"].flatMap { Int($0) } ?? 0
            let size = parameters["size"].flatMap { Int($0) } ?? 0
            for number in 0..<count {
                try await socket.send(
                    number % 2 == 0 ? [UInt8](repeating: UInt8(number & 0xFF), count: size) : []
                )
            }
        }
    }

    /// Runs it for as long as `body` runs.
    static func run(
        _ configuration: WebSocketServer.Configuration = .init(port: 0),
        _ add: @Sendable (WebSocketServer) -> Void = { Server.add(to: $0) },
        _ body: @MainActor (Int) async throws -> Void
    ) async throws {
        try await serving(configuration, add, body)
    }
}
