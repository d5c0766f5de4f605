/// A message came (HTML §9.1).
public final class MessageEvent: Event {
    /// The message.
    public let data: MessageData
    /// The origin of the server's URL, such as `wss://example.org`.
    public let origin: String
    /// Always empty for a WebSocket: server-sent events use it.
    public let lastEventId: String
    /// Always `nil` for a WebSocket: messages between windows have a source.
    public let source: EventTarget?
    /// Always empty for a WebSocket: messages between windows can bring ports.
    public let ports: [EventTarget]

    public init(
        _ type: String,
        data: MessageData,
        origin: String = "",
        lastEventId: String = "",
        source: EventTarget? = nil,
        ports: [EventTarget] = [],
        bubbles: Bool = false,
        cancelable: Bool = false
    ) {
        self.data = data
        self.origin = origin
        self.lastEventId = lastEventId
        self.source = source
        self.ports = ports
        super.init(type, bubbles: bubbles, cancelable: cancelable)
    }
}

/// What a message holds, by kind and by the socket's ``WebSocket/binaryType`` (WebSockets §6).
public enum MessageData: Sendable, Hashable {
    case text(String)
    case arrayBuffer([UInt8])
    case blob(Blob)

    /// The text, or `nil` for bytes.
    public var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// The blob, or `nil` for text and for bytes.
    public var blob: Blob? {
        if case .blob(let blob) = self { blob } else { nil }
    }

    /// The bytes of a binary message, or `nil` for text.
    public var bytes: [UInt8]? {
        switch self {
        case .text: nil
        case .arrayBuffer(let bytes): bytes
        case .blob(let blob): blob.contents
        }
    }
}

/// So that `event.data == "ready"` reads as in a browser.
extension MessageData: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .text(value) }
}

/// Prints as JavaScript would.
extension MessageData: CustomStringConvertible {
    public var description: String {
        switch self {
        case .text(let text): text
        case .arrayBuffer: "[object ArrayBuffer]"
        case .blob: "[object Blob]"
        }
    }
}
