/// Why a connection was closed (RFC 6455 §7.4 and the IANA registry it opened).
///
/// An open code space: every 16-bit value is representable; ``isAllowedOnTheWire`` says which of
/// them a close frame may carry.
public struct CloseCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// 1000: the purpose was fulfilled (RFC 6455 §7.4.1).
    public static let normalClosure = CloseCode(1000)
    /// 1001: a server going down, or a page navigated away (RFC 6455 §7.4.1).
    public static let goingAway = CloseCode(1001)
    /// 1002: the peer broke the protocol (RFC 6455 §7.4.1).
    public static let protocolError = CloseCode(1002)
    /// 1003: a kind of data this endpoint cannot accept (RFC 6455 §7.4.1).
    public static let unsupportedData = CloseCode(1003)
    /// 1005: the close frame held no code. Never sent (RFC 6455 §7.4.1).
    public static let noStatusReceived = CloseCode(1005)
    /// 1006: no close frame arrived. Never sent (RFC 6455 §7.4.1).
    public static let abnormalClosure = CloseCode(1006)
    /// 1007: data that does not fit its kind, such as text that is not UTF-8 (RFC 6455 §7.4.1).
    public static let invalidFramePayloadData = CloseCode(1007)
    /// 1008: a rule of this endpoint was broken; the generic refusal (RFC 6455 §7.4.1).
    public static let policyViolation = CloseCode(1008)
    /// 1009: a message too big to process (RFC 6455 §7.4.1).
    public static let messageTooBig = CloseCode(1009)
    /// 1010: the server did not agree to an extension the client needs (RFC 6455 §7.4.1).
    public static let mandatoryExtension = CloseCode(1010)
    /// 1011: the server met a condition it did not expect (RFC 6455 §7.4.1).
    public static let internalError = CloseCode(1011)
    /// 1012: the service is restarting (IANA registry).
    public static let serviceRestart = CloseCode(1012)
    /// 1013: overloaded; try again later (IANA registry).
    public static let tryAgainLater = CloseCode(1013)
    /// 1014: a gateway got a bad answer from behind it (IANA registry).
    public static let badGateway = CloseCode(1014)
    /// 1015: the TLS handshake failed. Never sent (RFC 6455 §7.4.1).
    public static let tlsHandshakeFailed = CloseCode(1015)

    /// Whether a close frame may carry this code.
    ///
    /// 1000–1003 and 1007–1014 are registered; 3000–3999 are for libraries and frameworks, 4000–4999
    /// for applications (RFC 6455 §7.4.2). 1004 is reserved; 1005, 1006 and 1015 describe what did
    /// *not* arrive; the rest belongs to future revisions of the protocol.
    public var isAllowedOnTheWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension CloseCode: CustomStringConvertible {
    /// The number, and the registered name where there is one: `1001 (going away)`.
    public var description: String {
        let name: String? =
            switch self {
            case .normalClosure: "normal closure"
            case .goingAway: "going away"
            case .protocolError: "protocol error"
            case .unsupportedData: "unsupported data"
            case .noStatusReceived: "no status received"
            case .abnormalClosure: "abnormal closure"
            case .invalidFramePayloadData: "invalid frame payload data"
            case .policyViolation: "policy violation"
            case .messageTooBig: "message too big"
            case .mandatoryExtension: "mandatory extension"
            case .internalError: "internal error"
            case .serviceRestart: "service restart"
            case .tryAgainLater: "try again later"
            case .badGateway: "bad gateway"
            case .tlsHandshakeFailed: "TLS handshake failed"
            default: nil
            }
        guard let name else { return String(rawValue) }
        return "\(rawValue) (\(name))"
    }
}
