/// A rule the *peer* broke, one case per rule.
///
/// Each case of the framing family maps to the close code the standard names (``closeCode``), each
/// case of the opening handshake to an HTTP status (``httpStatus``), each to a sentence with the
/// numbers in it (``description``). New rules may add cases: give a `switch` over it a `default`.
public enum ProtocolError: Error, Sendable, Hashable {
    // MARK: Frames (RFC 6455 §5)

    /// A reserved bit is set that no negotiated extension gave a meaning (§5.2). `bits` is RSV1–RSV3
    /// as 4, 2, 1.
    case reservedBitSet(bits: UInt8, opcode: Opcode)
    /// An opcode nobody has defined (§5.2).
    case reservedOpcode(Opcode)
    /// A client sent a frame without a mask (§5.1).
    case unmaskedClientFrame
    /// A server sent a masked frame (§5.1).
    case maskedServerFrame
    /// A control frame without FIN (§5.5).
    case fragmentedControlFrame(Opcode)
    /// A control frame of more than 125 bytes (§5.5).
    case controlFrameTooLong(Opcode)
    /// A length in more bytes than it needs (§5.2: the minimal number of bytes must be used).
    case lengthNotMinimal(length: UInt64)
    /// A 64-bit length with its top bit set (§5.2: the most significant bit must be 0).
    case lengthTopBitSet
    /// A continuation frame with no message under way (§5.4).
    case unexpectedContinuation
    /// A new message inside an unfinished one (§5.4).
    case messageInsideMessage(Opcode)
    /// A frame over ``Limits/maxFrameSize``.
    case frameTooBig(length: UInt64, limit: Int)
    /// A message over ``Limits/maxMessageSize``.
    case messageTooBig(length: UInt64, limit: Int)
    /// A message of more fragments than ``Limits/maxMessageFragments``.
    case tooManyFragments(limit: Int)
    /// A text message that is not UTF-8 (§8.1). `offset` counts bytes from the message's beginning.
    case invalidUTF8(offset: Int)
    /// A close frame with half a code (§5.5.1).
    case closePayloadOfOneByte
    /// A close code that must not be on the wire (§7.4).
    case invalidCloseCode(CloseCode)
    /// A close reason that is not UTF-8 (§5.5.1).
    case closeReasonNotUTF8
    /// A compressed message that is not DEFLATE (RFC 7692 §7.2.2). The text is the decompressor's.
    case malformedCompression(String)
    /// A compressed message that grew by more than ``DeflateOptions/maxInflateRatio``.
    case inflatedTooMuch(ratio: Int)
    /// More pings in a second than the receiver allows.
    case tooManyPings(limit: Int)

    // MARK: HTTP heads (RFC 9112)

    /// Not an HTTP/1.1 head; the text says which rule was broken.
    case malformedHead(String)
    /// A start line over ``Limits/maxHeadSize``.
    case startLineTooLong(limit: Int)
    /// A head over ``Limits/maxHeadSize``.
    case headTooLarge(limit: Int)
    /// More header fields than ``Limits/maxHeadFields``.
    case tooManyHeaderFields(limit: Int)
    /// A version of HTTP other than 1.0 and 1.1.
    case unsupportedHTTPVersion(String)
    /// No `Host`, several, or one that is not a host (RFC 9112 §3.2).
    case invalidHost(String)

    // MARK: The request that opens a WebSocket (RFC 6455 §4.2.1)

    /// A method other than GET.
    case methodNotGet(String)
    /// An ordinary request where only a WebSocket upgrade is served.
    case notAnUpgrade(String)
    /// `Sec-WebSocket-Version` is missing or not 13 (§4.4).
    case unsupportedVersion(String?)
    /// `Sec-WebSocket-Key` is missing, repeated, or not 16 bytes of base64.
    case invalidKey(String)
    /// `Sec-WebSocket-Protocol` is not a list of distinct tokens (§4.1).
    case invalidSubprotocols(String)
    /// `Sec-WebSocket-Extensions` breaks the grammar of §9.1.
    case invalidExtensions(String)
    /// The upgrade request announced a body.
    case bodyInUpgrade

    // MARK: The same over HTTP/2 (RFC 8441)

    /// An ordinary request where only extended `CONNECT` is served (§4).
    case methodNotConnect(String)
    /// `CONNECT` for a protocol other than `websocket`, or for none (§4, RFC 9220 §3).
    case unsupportedProtocol(String?)
    /// The request ended its stream, on which the WebSocket was to be (§5).
    case streamEndedInRequest

    // MARK: The response that opens a WebSocket (RFC 6455 §4.1)

    /// Any status but 101.
    case unexpectedStatus(Int)
    /// `Upgrade: websocket` or `Connection: Upgrade` is missing from the 101.
    case responseNotAnUpgrade(String)
    /// `Sec-WebSocket-Accept` is missing, repeated, or not the hash of our key.
    case acceptMismatch
    /// The server chose a subprotocol that was not offered.
    case subprotocolNotOffered(String)
    /// Subprotocols were offered and the server chose none, where that is not allowed (WHATWG WebSockets §2).
    case subprotocolMissing(offered: [String])
    /// The server uses an extension that was not offered.
    case extensionNotOffered(String)
}

extension ProtocolError {
    /// The code of the close frame with which this failure is answered (RFC 6455 §7.1.7).
    public var closeCode: CloseCode {
        switch self {
        case .frameTooBig, .messageTooBig, .inflatedTooMuch: .messageTooBig
        case .tooManyFragments, .tooManyPings: .policyViolation
        case .invalidUTF8, .closeReasonNotUTF8, .malformedCompression: .invalidFramePayloadData
        default: .protocolError
        }
    }

    /// The status with which a server refuses a request that broke this rule, or `nil` for a rule that
    /// has nothing to do with a request.
    public var httpStatus: Int? {
        switch self {
        case .malformedHead, .invalidHost, .invalidKey, .invalidSubprotocols, .invalidExtensions,
            .bodyInUpgrade, .streamEndedInRequest:
            400
        case .methodNotGet, .methodNotConnect: 405
        case .startLineTooLong: 414
        case .notAnUpgrade, .unsupportedVersion: 426
        case .headTooLarge, .tooManyHeaderFields: 431
        case .unsupportedProtocol: 501
        case .unsupportedHTTPVersion: 505
        default: nil
        }
    }
}

extension ProtocolError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .reservedBitSet(let bits, let opcode):
            "reserved bits \(bits) set on a \(opcode) frame and no extension uses them"
                // The one bit that is seen in the wild: from a client that ignores that it was refused.
                + (bits == 4 && !opcode.isControl ? " (compressed, though that was not agreed on?)" : "")
        case .reservedOpcode(let opcode): "\(opcode) has no meaning"
        case .unmaskedClientFrame: "a client's frame must be masked"
        case .maskedServerFrame: "a server's frame must not be masked"
        case .fragmentedControlFrame(let opcode): "a \(opcode) frame must not be fragmented"
        case .controlFrameTooLong(let opcode): "a \(opcode) frame must not exceed 125 bytes"
        case .lengthNotMinimal(let length): "length \(length) written in more bytes than it needs"
        case .lengthTopBitSet: "a frame length must fit in 63 bits"
        case .unexpectedContinuation: "continuation frame with no message to continue"
        case .messageInsideMessage(let opcode): "\(opcode) frame inside an unfinished message"
        case .frameTooBig(let length, let limit): "frame of \(length) bytes exceeds the limit of \(limit)"
        case .messageTooBig(let length, let limit):
            "message of at least \(length) bytes exceeds the limit of \(limit)"
        case .tooManyFragments(let limit): "message of more than \(limit) fragments"
        case .invalidUTF8(let offset): "text is not UTF-8 at byte \(offset)"
        case .closePayloadOfOneByte: "a close frame must hold no byte or at least two"
        case .invalidCloseCode(let code): "close code \(code.rawValue) must not be sent"
        case .closeReasonNotUTF8: "close reason is not UTF-8"
        case .malformedCompression(let why): "compressed message cannot be decompressed: \(why)"
        case .inflatedTooMuch(let ratio): "compressed message grew by more than \(ratio) to 1"
        case .tooManyPings(let limit): "more than \(limit) pings in a second"
        case .malformedHead(let rule): "malformed HTTP head: \(rule)"
        case .startLineTooLong(let limit): "start line exceeds \(limit) bytes"
        case .headTooLarge(let limit): "HTTP head exceeds \(limit) bytes"
        case .tooManyHeaderFields(let limit): "HTTP head has more than \(limit) fields"
        case .unsupportedHTTPVersion(let version): "\(version) is not HTTP/1.1"
        case .invalidHost(let what): "invalid Host: \(what)"
        case .methodNotGet(let method): "a WebSocket opens with GET, not \(method)"
        case .notAnUpgrade(let what): "this address speaks WebSocket only: \(what)"
        case .unsupportedVersion(let version?): "Sec-WebSocket-Version \(version) is not supported, 13 is"
        case .unsupportedVersion(nil): "Sec-WebSocket-Version is missing, 13 is expected"
        case .invalidKey(let what): "invalid Sec-WebSocket-Key: \(what)"
        case .invalidSubprotocols(let what): "invalid Sec-WebSocket-Protocol: \(what)"
        case .invalidExtensions(let what): "invalid Sec-WebSocket-Extensions: \(what)"
        case .bodyInUpgrade: "an upgrade request must not have a body"
        case .methodNotConnect(let method): "over HTTP/2 a WebSocket opens with CONNECT, not \(method)"
        case .unsupportedProtocol(let name?): "CONNECT for \"\(name)\" is not served, for websocket it is"
        case .unsupportedProtocol(nil): "CONNECT is served with :protocol websocket only"
        case .streamEndedInRequest: "the request ended its stream, on which the WebSocket was to be"
        case .unexpectedStatus(let status): "the server answered \(status), 101 was expected"
        case .responseNotAnUpgrade(let what): "the server's 101 is no upgrade to WebSocket: \(what)"
        case .acceptMismatch: "Sec-WebSocket-Accept is not the hash of the key that was sent"
        case .subprotocolMissing(let offered):
            "the server chose none of the subprotocols \"\(offered.joined(separator: ", "))\""
        case .subprotocolNotOffered(let name):
            "the server chose subprotocol \"\(name)\", which was not offered"
        case .extensionNotOffered(let name): "the server chose extension \"\(name)\", which was not offered"
        }
    }
}

extension ProtocolError {
    /// The name of the rule that was broken, without what broke it.
    package var rule: String { Mirror(reflecting: self).children.first?.label ?? String(describing: self) }
}
