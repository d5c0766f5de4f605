/// Something the peer did that the application may want to know.
public enum Event: Sendable, Hashable {
    /// A whole message (``Delivery/messages``).
    case message(MessageKind, Payload)
    /// A piece of a message (``Delivery/parts``). Text may be cut inside a character; the whole of it
    /// has been checked when the last piece comes.
    case part(MessageKind, Payload, isLast: Bool)
    /// A ping. Its pong is already among the replies.
    case ping(Payload)
    case pong(Payload)
    /// The peer's close frame. The answer, if one is owed, is among the replies.
    case close(ClosePayload)
    /// The peer broke the protocol. The close frame that says so is among the replies, and whatever
    /// the peer sends from here on is ignored.
    case failed(ProtocolError)
}

/// Where an event's bytes lie.
///
/// What arrives whole in one read is not copied: it is left, unmasked, in the input it came in.
public enum Payload: Sendable, Hashable {
    /// In the input just given, at these offsets.
    case input(Range<Int>)
    /// Put together from several reads or frames.
    case held([UInt8])

    public var count: Int {
        switch self {
        case .input(let range): range.count
        case .held(let bytes): bytes.count
        }
    }

    /// A copy of the bytes that outlives the input.
    public func bytes(in input: RawSpan) -> [UInt8] {
        switch self {
        case .input(let range): input.extracting(range).withUnsafeBytes { [UInt8]($0) }
        case .held(let bytes): bytes
        }
    }
}
