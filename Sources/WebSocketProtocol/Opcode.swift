/// The four bits that say what a frame is (RFC 6455 §5.2, §11.8).
///
/// An open code space: values without a name stay representable, so that an error can say which
/// opcode a peer sent.
public struct Opcode: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt8

    /// Only the low four bits are kept: that is all a frame has room for.
    public init(rawValue: UInt8) { self.rawValue = rawValue & 0x0F }

    /// A further fragment of the message under way (RFC 6455 §5.4).
    public static let continuation = Opcode(rawValue: 0x0)
    /// The first frame of a text message (RFC 6455 §5.6).
    public static let text = Opcode(rawValue: 0x1)
    /// The first frame of a binary message (RFC 6455 §5.6).
    public static let binary = Opcode(rawValue: 0x2)
    /// The closing handshake (RFC 6455 §5.5.1).
    public static let close = Opcode(rawValue: 0x8)
    /// "Are you there?" (RFC 6455 §5.5.2).
    public static let ping = Opcode(rawValue: 0x9)
    /// The answer to a ping, or a one-way heartbeat (RFC 6455 §5.5.3).
    public static let pong = Opcode(rawValue: 0xA)

    /// Control frames have the top bit of the opcode set (RFC 6455 §5.5).
    public var isControl: Bool { rawValue & 0x8 != 0 }

    /// 3–7 and 0xB–0xF are kept for frames not yet defined (RFC 6455 §5.2).
    public var isReserved: Bool { rawValue & 0x7 > 2 }
}

extension Opcode: CustomStringConvertible {
    public var description: String {
        switch self {
        case .continuation: "continuation"
        case .text: "text"
        case .binary: "binary"
        case .close: "close"
        case .ping: "ping"
        case .pong: "pong"
        default: "reserved opcode \(rawValue)"
        }
    }
}
