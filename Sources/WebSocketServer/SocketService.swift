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
    func start(
        _ socket: WebSocketConnection,
        parameters: [String: String],
        executor: LoopTaskExecutor,
        registry: ConnectionRegistry,
        logger: Logger
    ) {
        switch self {
        case .callbacks(let make):
            registry.add(socket, task: nil)
            var callbacks = make(socket, parameters)
            let onEnd = callbacks.onEnd
            callbacks.onEnd = { isolated, end in
                onEnd(isolated, end)
                Self.log(end, of: socket, logger)
                registry.remove(socket)
            }
            socket.setCallbacks(callbacks)
        case .handler(let handler):
            let task = Task(executorPreference: executor) {
                // The executor is this task's only as long as somebody holds it.
                defer { withExtendedLifetime(executor) {} }
                await Self.run(handler, socket, parameters, logger)
                registry.remove(socket)
            }
            registry.add(socket, task: task)
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
            // Once the connection has ended, errors only say so.
            if socket.end == nil {
                logger.error(
                    "a handler failed",
                    metadata: ["connection": "\(socket.id)", "error": "\(error)"]
                )
                _ = try? await socket.close(code: .internalError)
            }
        }
        log(await socket.closed, of: socket, logger)
    }

    private static func log(_ end: ConnectionEnd, of socket: WebSocketConnection, _ logger: Logger) {
        logger.debug(
            "closed",
            metadata: [
                "connection": "\(socket.id)", "code": "\(end.code.rawValue)", "cause": "\(end.cause.name)",
                "end": "\(end)",
            ]
        )
    }
}
