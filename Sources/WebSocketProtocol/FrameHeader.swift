/// What stands before a frame's payload (RFC 6455 §5.2).
public struct FrameHeader: Sendable, Hashable {
    /// FIN: the last frame of its message.
    public var isFinal: Bool
    /// RSV1, RSV2 and RSV3 as 4, 2 and 1.
    public var reservedBits: UInt8
    public var opcode: Opcode
    /// The key, on a client's frames.
    public var maskingKey: MaskingKey?
    /// Bytes of payload; below 2^63.
    public var payloadLength: UInt64

    public init(
        isFinal: Bool = true,
        reservedBits: UInt8 = 0,
        opcode: Opcode,
        maskingKey: MaskingKey? = nil,
        payloadLength: UInt64
    ) {
        self.isFinal = isFinal
        self.reservedBits = reservedBits
        self.opcode = opcode
        self.maskingKey = maskingKey
        self.payloadLength = payloadLength
    }

    /// The longest header in bytes: two, eight of length, four of key.
    public static let maximumLength = 14

    /// The most payload a control frame may have (RFC 6455 §5.5).
    public static let maximumControlPayload = 125

    /// Writes the header after the bytes already in `output`, with the length in as few bytes as hold it.
    public func append(to output: inout [UInt8]) {
        output.append((isFinal ? 0x80 : 0) | (reservedBits & 0x7) << 4 | opcode.rawValue)
        let mask: UInt8 = maskingKey == nil ? 0 : 0x80
        switch payloadLength {
        case ...125:
            output.append(mask | UInt8(truncatingIfNeeded: payloadLength))
        case ...0xFFFF:
            output.append(mask | 126)
            Self.append(UInt16(truncatingIfNeeded: payloadLength).bigEndian, to: &output)
        default:
            output.append(mask | 127)
            Self.append(payloadLength.bigEndian, to: &output)
        }
        if let maskingKey { Self.append(maskingKey.word, to: &output) }
    }

    private static func append<Word: FixedWidthInteger>(_ word: Word, to output: inout [UInt8]) {
        withUnsafeBytes(of: word) { output.append(contentsOf: $0) }
    }
}
