public import WebSocketProtocol

/// One message, whole (RFC 6455 §5.6).
///
/// Text stays bytes until it is asked for: a program that passes messages on never pays for decoding.
public struct Message: Sendable, Hashable {
    public let kind: MessageKind
    /// The payload; for text it is valid UTF-8, checked as it arrived.
    public let bytes: [UInt8]
    /// Whether it may be sent compressed, where that was agreed on. Turn it off for a message that holds a
    /// secret beside what others may choose: the size of what both compress to tells of the secret.
    public var allowsCompression = true

    /// A text message.
    public init(_ text: String) {
        kind = .text
        bytes = Array(text.utf8)
    }

    /// A binary message.
    public init(_ bytes: [UInt8]) {
        kind = .binary
        self.bytes = bytes
    }

    /// A message of either kind. Bytes given as text are checked when they are sent.
    public init(kind: MessageKind, bytes: [UInt8]) {
        self.kind = kind
        self.bytes = bytes
    }

    /// The text, or `nil` for a binary message.
    public var text: String? {
        switch kind {
        case .text: String(decoding: bytes, as: UTF8.self)
        case .binary: nil
        }
    }
}
