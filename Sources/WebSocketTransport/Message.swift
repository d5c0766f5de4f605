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
    public var allowsCompression: Bool

    /// Whether text is known to be UTF-8, so that it need not be checked again.
    let isChecked: Bool

    /// A text message.
    public init(_ text: String) { self.init(checked: .text, bytes: Array(text.utf8)) }

    /// A binary message.
    public init(_ bytes: [UInt8]) { self.init(checked: .binary, bytes: bytes) }

    /// A message of either kind. Bytes given as text are checked when they are sent.
    public init(kind: MessageKind, bytes: [UInt8]) {
        self.init(kind: kind, bytes: bytes, isChecked: kind == .binary)
    }

    /// A message whose text is known to be UTF-8.
    package init(checked kind: MessageKind, bytes: [UInt8]) {
        self.init(kind: kind, bytes: bytes, isChecked: true)
    }

    /// A message as a callback is told it, copied.
    package init(received kind: MessageKind, _ bytes: RawSpan) {
        self.init(checked: kind, bytes: bytes.withUnsafeBytes { [UInt8]($0) })
    }

    init(kind: MessageKind, bytes: [UInt8], isChecked: Bool, allowsCompression: Bool = true) {
        self.kind = kind
        self.bytes = bytes
        self.isChecked = isChecked
        self.allowsCompression = allowsCompression
    }

    var asChecked: Message {
        Message(kind: kind, bytes: bytes, isChecked: true, allowsCompression: allowsCompression)
    }

    /// The same message, known to be UTF-8 if it is text.
    func checkedText() throws(SendError) -> Message {
        guard !isChecked else { return self }
        var utf8 = UTF8Validator()
        if let bad = utf8.validate(bytes.span.bytes) { throw .usage(.textNotUTF8(offset: bad)) }
        guard utf8.isComplete else { throw .usage(.textNotUTF8(offset: bytes.count)) }
        return asChecked
    }

    /// The text, or `nil` for a binary message.
    public var text: String? {
        switch kind {
        case .text: String(decoding: bytes, as: UTF8.self)
        case .binary: nil
        }
    }
}

extension Message {
    /// What is known of a message is no part of it.
    public static func == (one: Message, other: Message) -> Bool {
        one.kind == other.kind && one.allowsCompression == other.allowsCompression && one.bytes == other.bytes
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(allowsCompression)
        hasher.combine(bytes)
    }
}
