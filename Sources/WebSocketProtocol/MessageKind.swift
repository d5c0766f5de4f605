/// What a message's bytes mean: UTF-8 text or uninterpreted binary (RFC 6455 §5.6).
public enum MessageKind: Sendable, Hashable {
    case text
    case binary

    /// The opcode of the first frame of such a message.
    public var opcode: Opcode {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}
