import NIOConcurrencyHelpers
import WebSocketProtocol
public import WebSocketTransport

/// A connection to a WebSocket server for `async` code, with backpressure in both directions (WHATWG WebSockets,
/// WebSocketStream, as Chromium ships it).
///
/// ```swift
/// let stream = try WebSocketStream("wss://example.org/chat")
/// let (readable, writable) = try await stream.opened.streams
/// try await writable.write("hello")
/// for try await message in readable { print(message.text ?? "\(message.bytes.count) bytes") }
/// let (code, reason) = try await stream.closed
/// ```
///
/// Whoever reads slowly slows the server down, whoever writes faster than the server reads is suspended. Cancelling the
/// task that waits for ``opened`` abandons the attempt; cancelling the one that reads closes with 1001.
///
/// A server's sockets have the same types to read from and write to: `WebSocketConnection.readable` and
/// `WebSocketConnection.writable`.
///
/// The connection is closed without a status code when nobody holds the stream, its readable or its writable side any
/// more.
public final class WebSocketStream: Sendable {
    /// The URL, as it was understood.
    public let url: String

    private let dialling: Task<Info, any Error>
    private let attempt: Attempt

    /// How the attempt to connect came out. What comes first stays, and everybody is told that.
    private struct Attempt: Sendable {
        private enum Outcome {
            case none
            case opened
            case failed(any Error)
        }

        private let outcome: NIOLockedValueBox<Outcome>

        init(aborted reason: (any Error)?) {
            outcome = NIOLockedValueBox(reason.map(Outcome.failed) ?? .none)
        }

        /// Why it failed, if it did.
        var error: (any Error)? {
            if case .failed(let error) = outcome.withLockedValue(\.self) { error } else { nil }
        }

        /// - Returns: whether it is open; nobody wants the connection otherwise.
        func opens() -> Bool { settle(as: .opened) }

        /// - Returns: whether this ended it.
        @discardableResult
        func fails(because error: any Error) -> Bool { settle(as: .failed(error)) }

        private func settle(as new: Outcome) -> Bool {
            outcome.withLockedValue { outcome in
                guard case .none = outcome else { return false }
                outcome = new
                return true
            }
        }
    }

    /// What an open stream has.
    public struct Info: Sendable {
        /// The messages as they come; see `WebSocketConnection.messages`.
        public let readable: WebSocketConnection.Messages
        /// Where messages are written to.
        public let writable: WebSocketConnection.Writable
        /// The subprotocol the server chose, or an empty text.
        public let `protocol`: String
        /// The extensions in use, as the server wrote them, or an empty text.
        public let extensions: String

        let lifetime: Lifetime

        /// Both sides at once.
        public var streams: (readable: WebSocketConnection.Messages, writable: WebSocketConnection.Writable) {
            (readable, writable)
        }
    }

    /// How a stream was closed.
    public struct CloseInfo: Sendable, Hashable {
        /// The server's close code, 1005 if it gave none.
        public let closeCode: UInt16
        /// The server's reason, or an empty text.
        public let reason: String
    }

    /// Closes the connection when nobody can use it any more.
    final class Lifetime: WebSocketConnection.WriteObserver {
        let connection: WebSocketConnection
        private let hasFailed = NIOLockedValueBox(false)

        init(_ connection: WebSocketConnection) { self.connection = connection }

        func writeFailed() { hasFailed.withLockedValue { $0 = true } }

        /// Whether all that was written has been sent.
        func isComplete(at end: ConnectionEnd) -> Bool {
            end.unsentBytes == 0 && !hasFailed.withLockedValue(\.self)
        }

        deinit { connection.beginClosing(.empty) }
    }

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - url: see ``WebSocket/init(_:protocols:environment:isolation:)-(_,[String],_,_)``.
    ///   - protocols: subprotocols, in order of preference; tokens, none twice.
    ///   - signal: abandons the attempt when it is aborted while the handshake goes on, and is thrown with its reason;
    ///     later it has no effect.
    ///   - environment: settings that sockets share.
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/syntax`` for a URL or a subprotocol that is none.
    public init(
        _ url: String,
        protocols: [String] = [],
        signal: AbortSignal? = nil,
        environment: WebSocketEnvironment = .shared
    ) throws(DOMException) {
        let request = try SocketRequest(url, protocols: protocols, environment: environment)
        self.url = request.url.href
        let attempt = Attempt(aborted: signal?.reason)
        self.attempt = attempt
        let dialling = Task { try await Self.open(request, attempt) }
        self.dialling = dialling
        // Holds nothing that is open: a signal may live as long as the program, and what was dialled holds the
        // connection.
        let action = signal?.perform { [weak self, weak signal] in
            guard let self, let reason = signal?.reason else { return }
            giveUp(because: reason)
        }
        guard let signal, let action else { return }
        Task { [weak signal] in
            _ = await dialling.result
            signal?.forget(action)
        }
    }

    deinit { dialling.cancel() }

    /// Ends the attempt, if it has not come out.
    private func giveUp(because error: any Error) {
        if attempt.fails(because: error) { dialling.cancel() }
    }

    private static func open(_ request: SocketRequest, _ attempt: Attempt) async throws -> Info {
        // Aborted before there was anything to abort.
        if let error = attempt.error { throw error }
        do {
            return try await dial(request, attempt)
        } catch {
            attempt.fails(
                because: error is CancellationError ? error : WebSocketError(WebSocketFailure(error))
            )
            // What gave it up comes as a cancellation here.
            throw attempt.error ?? error
        }
    }

    private static func dial(_ request: SocketRequest, _ attempt: Attempt) async throws -> Info {
        let environment = request.environment
        guard environment.slots.enter() else {
            throw WebSocketFailure.tooManyConnections(limit: environment.configuration.maxConnections)
        }
        let opened: WebSocketConnection.Opened
        do {
            opened = try await request.dial(nil)
            // Given up while the cookies of the answer were put away, or let go of.
            if Task.isCancelled || !attempt.opens() {
                opened.connection.abort()
                throw CancellationError()
            }
        } catch {
            environment.slots.leave()
            throw error
        }
        let connection = opened.connection
        Task {
            _ = await connection.closed
            environment.slots.leave()
        }
        let lifetime = Lifetime(connection)
        return Info(
            readable: WebSocketConnection.Messages(connection: connection, owner: lifetime),
            writable: WebSocketConnection.Writable(connection: connection, owner: lifetime),
            protocol: connection.subprotocol ?? "",
            extensions: opened.extensions,
            lifetime: lifetime
        )
    }

    /// Waits until the connection is open.
    ///
    /// - Throws: ``WebSocketError`` if it does not open, the signal's reason if that was aborted, `CancellationError`.
    public var opened: Info {
        get async throws {
            try await withTaskCancellationHandler {
                try await dialling.value
            } onCancel: {
                giveUp(because: CancellationError())
            }
        }
    }

    /// Waits until the connection is closed.
    ///
    /// - Returns: the server's code and reason, if the closing handshake was completed and everything that was written
    ///   has been sent.
    /// - Throws: ``WebSocketError`` otherwise, and what ``opened`` throws.
    public var closed: CloseInfo {
        get async throws {
            let lifetime = try await dialling.value.lifetime
            let end = await lifetime.connection.closed
            guard end.wasClean, lifetime.isComplete(at: end) else { throw WebSocketError(end) }
            return CloseInfo(closeCode: end.code.rawValue, reason: end.reason)
        }
    }

    /// Begins to close, behind what has been written; while the stream is connecting, gives the attempt up. Does nothing
    /// if closing has begun.
    ///
    /// - Parameters:
    ///   - closeCode: 1000, or 3000 to 4999; `nil` sends none, and the server sees 1005.
    ///   - reason: at most 123 bytes of UTF-8. Given without a code, the code is 1000.
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/invalidAccess`` for another code,
    ///   ``DOMException/Name/syntax`` for a longer reason.
    public func close(closeCode: UInt16? = nil, reason: String? = nil) throws(DOMException) {
        let payload = try CloseArguments.check(code: closeCode, reason: reason)
        giveUp(because: WebSocketError(.closedBeforeOpen))
        let dialling = dialling
        Task { try? await dialling.value.lifetime.connection.beginClosing(payload) }
    }
}
