/// Something failed (HTML §8.1.4.6).
///
/// A browser's socket tells a page no more than that it did. This is Swift, and the program is the developer's own: the
/// event brings the socket's ``WebSocket/failure``.
public final class ErrorEvent: Event {
    /// What failed, in a sentence.
    public let message: String
    /// What failed, for code; for a socket a ``WebSocketFailure``.
    public let error: (any Error)?

    public init(
        _ type: String,
        message: String = "",
        error: (any Error)? = nil,
        bubbles: Bool = false,
        cancelable: Bool = false
    ) {
        self.message = message
        self.error = error
        super.init(type, bubbles: bubbles, cancelable: cancelable)
    }
}
