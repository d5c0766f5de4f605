/// What a close frame carries: a code and a reason, or nothing at all (RFC 6455 §5.5.1).
public struct ClosePayload: Sendable, Hashable {
    /// The code, or `nil` for a close frame with an empty body.
    public let code: CloseCode?
    /// Human-readable, at most 123 bytes of UTF-8; empty when ``code`` is `nil`.
    public let reason: String

    /// A close frame with an empty body; the receiver reports it as 1005.
    public static let empty = ClosePayload(code: nil, reason: "")

    /// The longest reason in bytes: a control frame holds 125, the code takes two (RFC 6455 §5.5).
    public static let maximumReasonLength = 123

    private init(code: CloseCode?, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// A payload to send.
    ///
    /// - Throws: ``UsageError/closeCodeNotSendable(_:)`` for a code that must not be on the wire,
    ///   ``UsageError/closeReasonTooLong(bytes:)`` for a reason of more than 123 bytes.
    public init(sending code: CloseCode, reason: String = "") throws(UsageError) {
        // RFC 6455 §7.4.1: 1005, 1006 and 1015 must not be set as a status code in a close frame.
        guard code.isAllowedOnTheWire else { throw .closeCodeNotSendable(code) }
        let length = reason.utf8.count
        guard length <= Self.maximumReasonLength else { throw .closeReasonTooLong(bytes: length) }
        self.init(code: code, reason: reason)
    }

    /// The close frame with which an endpoint fails the connection: the error's code and its sentence,
    /// cut at a character boundary to fit.
    public init(failing error: ProtocolError) {
        var reason = error.description
        while reason.utf8.count > Self.maximumReasonLength { reason.removeLast() }
        self.init(code: error.closeCode, reason: reason)
    }

    /// Reads the body of a received close frame.
    ///
    /// - Throws: ``ProtocolError/closePayloadOfOneByte``, ``ProtocolError/invalidCloseCode(_:)`` (both
    ///   closing 1002) or ``ProtocolError/closeReasonNotUTF8`` (closing 1007).
    public init(parsing bytes: RawSpan) throws(ProtocolError) {
        if bytes.isEmpty {
            self = .empty
            return
        }
        guard bytes.byteCount >= 2 else { throw .closePayloadOfOneByte }
        let high = bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        let low = bytes.unsafeLoad(fromByteOffset: 1, as: UInt8.self)
        let code = CloseCode(UInt16(high) << 8 | UInt16(low))
        guard code.isAllowedOnTheWire else { throw .invalidCloseCode(code) }
        let text: String? = bytes.withUnsafeBytes { raw in
            let reason = UnsafeRawBufferPointer(rebasing: raw[2...])
            var validator = UTF8Validator()
            guard validator.validate(reason) == nil, validator.isComplete else { return nil }
            return String(decoding: reason, as: UTF8.self)
        }
        guard let text else { throw .closeReasonNotUTF8 }
        self.init(code: code, reason: text)
    }

    /// The frame body: the code in network byte order, then the reason.
    public var bytes: [UInt8] {
        guard let code else { return [] }
        return [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + reason.utf8
    }
}
