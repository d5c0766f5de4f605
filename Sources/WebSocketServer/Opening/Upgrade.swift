public import HTTPTypes
public import WebSocketTransport

/// What becomes of a request for a WebSocket.
///
/// ```swift
/// server.route("/chat") { request -> Upgrade<User> in
///     guard let user = await users.owner(of: request.bearerToken) else {
///         return .refuse(.text(.unauthorized, "who are you?\n"))
///     }
///     return .accept(user)
/// } handler: { socket, user, _ in
///     try await socket.send("hello, \(user.name)")
/// }
/// ```
public enum Upgrade<Value: Sendable>: Sendable {
    /// A WebSocket is opened, and its handler is given the value.
    case accept(Value, UpgradeTerms = .init())
    /// The request is answered by this, with any status but 101. Over HTTP/1.1 the connection ends behind it.
    case refuse(HTTPAnswer)
}

/// On what terms a WebSocket is opened.
public struct UpgradeTerms: Sendable {
    /// Default: the first of the route's that the client offers.
    public var subprotocol: SubprotocolChoice
    /// Further fields of the answer, such as `Set-Cookie`.
    public var headers: HTTPFields
    /// The connection's own limits and clocks, in place of the server's.
    public var connection: ConnectionOptions?
    /// When the client must have shown that it may stay. Default `nil`: it may.
    public var expiry: SessionExpiry?

    public init(
        subprotocol: SubprotocolChoice = .automatic,
        headers: HTTPFields = [:],
        connection: ConnectionOptions? = nil,
        expiry: SessionExpiry? = nil
    ) {
        self.subprotocol = subprotocol
        self.headers = headers
        self.connection = connection
        self.expiry = expiry
    }
}

/// Which subprotocol is agreed on (RFC 6455 §1.9).
public enum SubprotocolChoice: Sendable, Hashable {
    /// The first of the route's that the client offers, or none.
    case automatic
    case none
    /// One that the client offers; anything else is the server's mistake, and answered 500.
    case named(String)
}

/// Decides about the requests for a route's WebSockets. Runs in a task on the connection's event loop and must not
/// block; it has until ``ConnectionOptions/handshakeTimeout``. One that throws is answered 500. One whose client has been
/// answered or is gone is cancelled, and should end: a shutdown waits for it as for a handler.
public typealias UpgradeHook<Value: Sendable> =
    @Sendable (_ request: UpgradeRequest) async throws -> Upgrade<Value>

/// Serves one connection as ``SocketHandler`` does, given what its ``UpgradeHook`` found out.
public typealias ValueHandler<Value: Sendable> =
    @Sendable (_ socket: WebSocketConnection, _ value: Value, _ parameters: [String: String]) async throws ->
    Void

/// Sets up one connection as ``SocketCallbacks`` does, given what its ``UpgradeHook`` found out.
public typealias ValueCallbacks<Value: Sendable> =
    @Sendable (_ socket: WebSocketConnection, _ value: Value, _ parameters: [String: String]) ->
    ConnectionCallbacks

/// An ``UpgradeHook``, and what is done with its value, whatever that is.
struct UpgradeGate: Sendable {
    enum Decision: Sendable {
        case accept(SocketService, value: any Sendable, UpgradeTerms)
        case refuse(HTTPAnswer)
    }

    let decide: @Sendable (UpgradeRequest) async throws -> Decision

    init<Value>(
        _ hook: @escaping UpgradeHook<Value>,
        service: @escaping @Sendable (Value) -> SocketService
    ) {
        decide = { request in
            switch try await hook(request) {
            case .accept(let value, let terms): .accept(service(value), value: value, terms)
            case .refuse(let answer): .refuse(answer)
            }
        }
    }
}
