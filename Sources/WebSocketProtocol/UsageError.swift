/// A rule *this program* broke: the call did nothing and can be made again, put right.
public enum UsageError: Error, Sendable, Hashable {
    /// Data after the closing handshake began, or after the connection ended (RFC 6455 §5.5.1).
    case notOpen
    /// A whole message, or a fragment of another kind, while a fragmented message is being sent (§5.4).
    case messageUnderWay
    /// A text message that is not UTF-8 (§5.6). `offset` counts bytes from the message's beginning.
    case textNotUTF8(offset: Int)
    /// A ping or pong payload of more than 125 bytes (§5.5).
    case controlPayloadTooLong(bytes: Int)
    /// A close code that must not be on the wire (§7.4).
    case closeCodeNotSendable(CloseCode)
    /// A close reason of more than 123 bytes of UTF-8 (§5.5).
    case closeReasonTooLong(bytes: Int)
    /// A header the handshake itself writes, or one that would change how HTTP frames the message.
    case reservedHeader(String)
    /// A header whose value has control characters (RFC 9110 §5.5).
    case invalidHeader(String)
    /// A subprotocol that is not a token, or stands twice in the list (§4.1).
    case invalidSubprotocol(String)
    /// A path or authority with bytes that cannot stand in a request line.
    case invalidTarget(String)
    /// Not a `ws:` or `wss:` URL (§3).
    case invalidURL(String)
    /// Not a proxy's address, or a user or password that its protocol cannot carry. The text names neither.
    case invalidProxy(String)
}

extension UsageError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notOpen: "the connection is closing or closed"
        case .messageUnderWay: "a fragmented message is still being sent"
        case .textNotUTF8(let offset): "text to send is not UTF-8 at byte \(offset)"
        case .controlPayloadTooLong(let bytes): "ping or pong payload of \(bytes) bytes, at most 125 fit"
        case .closeCodeNotSendable(let code):
            "close code \(code) must not be sent: use 1000–1003, 1007–1014 or 3000–4999"
        case .closeReasonTooLong(let bytes): "close reason of \(bytes) bytes, at most 123 fit"
        case .reservedHeader(let name): "header \(name) is written by the handshake and cannot be set"
        case .invalidHeader(let name): "the value of header \(name) has a control character"
        case .invalidSubprotocol(let name): "subprotocol \"\(name)\" is not a token, or is given twice"
        case .invalidTarget(let what): "\"\(what)\" cannot stand in an HTTP request line"
        case .invalidURL(let why): why
        case .invalidProxy(let why): "proxy: \(why)"
        }
    }
}
