public import WebSocketProtocol

/// What a connection calls on its event loop. A callback must not block: it holds up every connection of
/// the loop.
public struct ConnectionCallbacks: Sendable {
    typealias OnMessage = @Sendable (WebSocketConnection.Isolated, MessageKind, RawSpan) -> Void

    /// A message. The bytes are gone when the call returns; text has been checked to be UTF-8.
    public var onMessage: @Sendable (WebSocketConnection.Isolated, MessageKind, RawSpan) -> Void
    /// The connection ended. Called once, and last.
    public var onEnd: @Sendable (WebSocketConnection.Isolated, ConnectionEnd) -> Void
    /// What else a client's own face wants to know.
    package var observer: ConnectionObserver?

    public init(
        onMessage: @escaping @Sendable (WebSocketConnection.Isolated, MessageKind, RawSpan) -> Void,
        onEnd: @escaping @Sendable (WebSocketConnection.Isolated, ConnectionEnd) -> Void = { _, _ in }
    ) {
        self.onMessage = onMessage
        self.onEnd = onEnd
    }
}

/// What a connection tells beside messages and its end, on its event loop.
package final class ConnectionObserver: Sendable {
    /// The peer began the closing handshake, or broke the protocol: no message comes any more, and none goes.
    let onPeerClosing: @Sendable () -> Void
    /// The payload bytes that wait to be taken by the operating system, each time that their number may have changed.
    let onBuffered: @Sendable (Int) -> Void
    /// How long a ping and its pong took.
    let onRoundTrip: (@Sendable (Duration) -> Void)?

    package init(
        onPeerClosing: @escaping @Sendable () -> Void,
        onBuffered: @escaping @Sendable (Int) -> Void,
        onRoundTrip: (@Sendable (Duration) -> Void)? = nil
    ) {
        self.onPeerClosing = onPeerClosing
        self.onBuffered = onBuffered
        self.onRoundTrip = onRoundTrip
    }
}
