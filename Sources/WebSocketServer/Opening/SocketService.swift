import Logging
import NIOCore
import WebSocketProtocol
public import WebSocketTransport

/// Serves one connection in a task of its own, on the connection's event loop.
///
/// When it returns, the connection is closed with 1000; when it throws, with 1011. It must not block: it
/// would hold up every connection of the loop.
public typealias SocketHandler =
    @Sendable (_ socket: WebSocketConnection, _ parameters: [String: String]) async throws -> Void

/// Sets up one connection for synchronous callbacks, on its event loop: the fast way, without a task.
public typealias SocketCallbacks =
    @Sendable (_ socket: WebSocketConnection, _ parameters: [String: String]) -> ConnectionCallbacks

/// The two ways to serve a connection.
enum SocketService: Sendable {
    case handler(SocketHandler)
    case callbacks(SocketCallbacks)

    /// Starts to serve; to be called on the connection's event loop.
    ///
    /// - Parameter place: where the loop's list has the connection.
    func start(
        _ socket: WebSocketConnection,
        parameters: [String: String],
        on loop: ServerLoop,
        at place: LoopConnections.Place
    ) {
        switch self {
        case .callbacks(let make):
            loop.connections.open(socket, task: nil, at: place)
            var callbacks = make(socket, parameters)
            let onEnd = callbacks.onEnd
            callbacks.onEnd = { isolated, end in
                onEnd(isolated, end)
                loop.server.observer.ended(socket, end)
                loop.remove(at: place)
            }
            socket.setCallbacks(callbacks)
        case .handler(let handler):
            let task = Task(executorPreference: loop.executor) {
                // The executor is this task's only as long as somebody holds it.
                defer { withExtendedLifetime(loop) {} }
                await Self.run(handler, socket, parameters, loop.server.logger)
                loop.server.observer.ended(socket, await socket.closed)
                loop.remove(at: place)
            }
            loop.connections.open(socket, task: task, at: place)
        }
    }

    private static func run(
        _ handler: SocketHandler,
        _ socket: WebSocketConnection,
        _ parameters: [String: String],
        _ logger: Logger
    ) async {
        do {
            try await handler(socket, parameters)
            _ = try await socket.close()
        } catch {
            // Once the connection has ended or closes, errors only say so.
            if socket.end == nil, error as? SendError != .usage(.notOpen) {
                logger.error(
                    "a handler failed",
                    metadata: ["connection": "\(socket.id)", "error": "\(error)"]
                )
                _ = try? await socket.close(code: .internalError)
            }
        }
    }
}
