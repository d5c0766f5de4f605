/// A connection is closed (WebSockets §5).
public final class CloseEvent: Event {
    /// Whether both sides said goodbye as RFC 6455 §7 wants it.
    public let wasClean: Bool
    /// The server's close code; 1005 if it gave none, 1006 if it never said goodbye (RFC 6455 §7.1.5).
    public let code: UInt16
    /// The server's reason, or an empty text (RFC 6455 §7.1.6).
    public let reason: String

    public init(
        _ type: String,
        wasClean: Bool = false,
        code: UInt16 = 0,
        reason: String = "",
        bubbles: Bool = false,
        cancelable: Bool = false
    ) {
        self.wasClean = wasClean
        self.code = code
        self.reason = reason
        super.init(type, bubbles: bubbles, cancelable: cancelable)
    }
}
