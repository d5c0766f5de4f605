import WebSocketProtocol

/// Why a request opened no WebSocket, by a name that metrics and logs can have: one of a closed list, and nothing that
/// the client has sent.
struct RefusalReason: RawRepresentable, Sendable, Hashable {
    let rawValue: String

    init(rawValue: String) { self.rawValue = rawValue }

    /// The client broke a rule of HTTP or of the WebSocket protocol.
    static func rule(_ error: ProtocolError) -> RefusalReason { RefusalReason(rawValue: error.rule) }

    /// There is no route for WebSockets at the path.
    static let notServed = RefusalReason(rawValue: "notServed")
    /// The route's hook said no.
    static let hook = RefusalReason(rawValue: "hook")
    /// The route's hook threw an error.
    static let hookFailed = RefusalReason(rawValue: "hookFailed")
    /// The route's hook accepted on terms that cannot be met.
    static let wrongTerms = RefusalReason(rawValue: "wrongTerms")
    /// The route's hook did not decide in time.
    static let undecided = RefusalReason(rawValue: "undecided")
    /// The request began, and did not arrive whole in time.
    static let requestTimeout = RefusalReason(rawValue: "requestTimeout")
    /// The server is about to stop.
    static let draining = RefusalReason(rawValue: "draining")
    /// The client had gone before it was decided.
    static let clientGone = RefusalReason(rawValue: "clientGone")
}
