/// What the next frame may be, given what came before it.
struct FrameRules {
    /// Who sent the frame: a client's frames are masked, a server's are not.
    var sender: Role
    /// Whether a fragmented message is under way.
    var insideMessage: Bool
    /// The largest payload of one frame.
    var maxFrameSize: Int
    /// Reserved bits that an extension has given a meaning on the first frame of a message.
    var messageBits: UInt8 = 0
}

/// Reads frame headers from bytes cut anywhere.
///
/// Each rule is checked as soon as the bytes that can break it are there, so a bad frame is refused on
/// its header alone and before any payload is kept.
struct FrameHeaderParser: Sendable {
    /// The bytes of a header that came in pieces. Two words, not an array: a header never allocates.
    private var held: (UInt64, UInt64) = (0, 0)
    private var heldCount = 0

    /// Whether the bytes so far end inside a header.
    var isInsideHeader: Bool { heldCount > 0 }

    /// Reads on from `offset`, moving it past the bytes used.
    ///
    /// - Returns: a whole header, or `nil` when the input ends before one is complete.
    mutating func next(
        _ input: UnsafeRawBufferPointer,
        at offset: inout Int,
        rules: FrameRules
    ) throws(ProtocolError) -> FrameHeader? {
        if heldCount == 0 {
            let rest = UnsafeRawBufferPointer(rebasing: input[offset...])
            if let (header, length) = try Self.parse(rest, rules: rules) {
                offset += length
                return header
            }
        }
        while offset < input.count {
            let byte = input[offset]
            offset += 1
            withUnsafeMutableBytes(of: &held) { $0[heldCount] = byte }
            heldCount += 1
            let count = heldCount
            let copy = held
            // A closure cannot pass a typed error on from `withUnsafeBytes(of:)` and stay simple.
            let result = withUnsafeBytes(of: copy) { raw in
                Result { () throws(ProtocolError) in
                    try Self.parse(UnsafeRawBufferPointer(rebasing: raw[..<count]), rules: rules)
                }
            }
            if let (header, _) = try result.get() {
                heldCount = 0
                return header
            }
        }
        return nil
    }

    private static func parse(
        _ bytes: UnsafeRawBufferPointer,
        rules: FrameRules
    ) throws(ProtocolError) -> (FrameHeader, length: Int)? {
        guard let first = bytes.first else { return nil }
        let isFinal = first & 0x80 != 0
        let opcode = Opcode(rawValue: first & 0x0F)
        // RFC 6455 §5.2: reserved bits must be 0 unless an extension gives them a meaning.
        let reservedBits = (first >> 4) & 0x7
        // RFC 7692 §6: that of compression stands on the first frame of a message and nowhere else.
        let allowedBits = opcode == .text || opcode == .binary ? rules.messageBits : 0
        guard reservedBits & ~allowedBits == 0 else {
            throw .reservedBitSet(bits: reservedBits, opcode: opcode)
        }
        guard !opcode.isReserved else { throw .reservedOpcode(opcode) }
        if opcode.isControl {
            // RFC 6455 §5.5: control frames must not be fragmented.
            guard isFinal else { throw .fragmentedControlFrame(opcode) }
        } else if opcode == .continuation {
            guard rules.insideMessage else { throw .unexpectedContinuation }
        } else {
            guard !rules.insideMessage else { throw .messageInsideMessage(opcode) }
        }

        guard bytes.count >= 2 else { return nil }
        let second = bytes[1]
        let isMasked = second & 0x80 != 0
        // RFC 6455 §5.1: a client must mask, a server must not.
        switch rules.sender {
        case .client: guard isMasked else { throw .unmaskedClientFrame }
        case .server: guard !isMasked else { throw .maskedServerFrame }
        }
        let shortLength = second & 0x7F
        if opcode.isControl, shortLength > 125 { throw .controlFrameTooLong(opcode) }

        var index = 2
        let length: UInt64
        switch shortLength {
        case 126:
            guard bytes.count >= 4 else { return nil }
            length = UInt64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard length > 125 else { throw .lengthNotMinimal(length: length) }
            index = 4
        case 127:
            guard bytes.count >= 10 else { return nil }
            length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard length >> 63 == 0 else { throw .lengthTopBitSet }
            guard length > 0xFFFF else { throw .lengthNotMinimal(length: length) }
            index = 10
        default:
            length = UInt64(shortLength)
        }
        // Compared before it is converted: no number a peer sends can trap.
        guard length <= UInt64(clamping: rules.maxFrameSize) else {
            throw .frameTooBig(length: length, limit: rules.maxFrameSize)
        }

        var key: MaskingKey?
        if isMasked {
            guard bytes.count >= index + 4 else { return nil }
            key = MaskingKey(word: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            index += 4
        }
        let header = FrameHeader(
            isFinal: isFinal,
            reservedBits: reservedBits,
            opcode: opcode,
            maskingKey: key,
            payloadLength: length
        )
        return (header, index)
    }
}
