/// One end of a WebSocket connection after the opening handshake, without any I/O (RFC 6455 §5–§7).
///
/// Bytes from the peer go in through ``receive(_:at:)``, events come out; messages go in through
/// ``send(_:_:into:)`` and its siblings, bytes come out. It knows no socket, thread or clock: the same
/// input gives the same output, however it is cut.
///
/// Not safe to share: one owner, one call at a time. A copy would mask with the same keys, which RFC 6455
/// §10.3 forbids, and shares the extension, which has but one state: go on with one of them only.
public struct WebSocketEndpoint {
    // What every message asks for comes first, and lies together.

    public let role: Role
    /// How messages are handed out. A change takes effect with the next message.
    public var delivery: Delivery { didSet { noteWhetherBetweenMessages() } }
    /// Whether the next byte begins a message, to be handed out whole.
    private(set) var isBetweenMessages: Bool
    public internal(set) var closeHandshake = CloseHandshake() {
        didSet { noteWhetherBetweenMessages() }
    }
    let shared: SharedLimits
    let messageExtension: (any MessageExtension)?
    /// The payload of the pong that is due. Only the latest ping's is kept: §5.5.3 allows to answer just
    /// that one, and so a peer that pings without reading cannot fill memory.
    var duePong: [UInt8]?

    // Read side.
    private var headerParser = FrameHeaderParser()
    private var frame: IncomingFrame?
    private var message: IncomingMessage?
    private var assembler = MessageAssembler()
    private var controlPayload: [UInt8] = []
    private var hasTakenData = false

    // Write side.
    var maskingKeys: MaskingKeySource
    var outgoing: OutgoingMessage?

    public var limits: Limits { shared.limits }

    /// - Parameters:
    ///   - role: which end this is.
    ///   - limits: what the peer may cost.
    ///   - delivery: messages whole, or in the parts they arrive in.
    ///   - random: where a client's masking keys come from.
    ///   - messageExtension: what was agreed on in the opening handshake, such as ``PerMessageDeflate``.
    public init(
        role: Role,
        limits: Limits = Limits(),
        delivery: Delivery = .messages,
        random: RandomSource = .system,
        messageExtension: (any MessageExtension)? = nil
    ) {
        self.init(
            role: role,
            limits: SharedLimits(limits),
            delivery: delivery,
            random: random,
            messageExtension: messageExtension,
            pool: nil
        )
    }

    /// - Parameter pool: where large messages get their memory. Whoever has done with such a message gives it
    ///   back there.
    package init(
        role: Role,
        limits: SharedLimits,
        delivery: Delivery = .messages,
        random: RandomSource = .system,
        messageExtension: (any MessageExtension)?,
        pool: BufferPool?
    ) {
        self.messageExtension = messageExtension
        assembler.pool = pool
        self.role = role
        shared = limits
        self.delivery = delivery
        isBetweenMessages = delivery == .messages
        maskingKeys = MaskingKeySource(random: random)
    }
}

/// The frame whose payload is arriving.
private struct IncomingFrame: Sendable {
    var header: FrameHeader
    var received: UInt64 = 0
    var remaining: UInt64 { header.payloadLength - received }
}

/// The message whose frames are arriving.
private struct IncomingMessage: Sendable {
    let kind: MessageKind
    let delivery: Delivery
    /// Whether an extension has changed the payload.
    let isChanged: Bool
    var size: UInt64 = 0
    var fragments = 0
    var validated = 0
    var utf8 = UTF8Validator()
}

// MARK: - Receiving

extension WebSocketEndpoint {
    /// Reads on in bytes that came from the peer.
    ///
    /// Call it until it returns `nil`, which means that the input is used up; then call it with the next
    /// bytes. Payload is unmasked where it lies, so the input is changed.
    ///
    /// - Parameters:
    ///   - input: bytes as they came.
    ///   - offset: where to read on; moved past what was used.
    public mutating func receive(_ input: inout MutableRawSpan, at offset: inout Int) -> Event? {
        input.withUnsafeMutableBytes { receive($0, at: &offset) }
    }

    /// ``receive(_:at:)`` for a buffer given by pointer, as a transport has it.
    public mutating func receive(_ input: UnsafeMutableRawBufferPointer, at offset: inout Int) -> Event? {
        defer { noteWhetherBetweenMessages() }
        while closeHandshake.mayReceive {
            do throws(ProtocolError) {
                if frame == nil {
                    guard
                        let header = try headerParser.next(
                            UnsafeRawBufferPointer(input),
                            at: &offset,
                            rules: frameRules
                        )
                    else { return nil }
                    try begin(header)
                }
                if let event = try advance(input, at: &offset) { return event }
                if frame != nil { return nil }
            } catch {
                fail(error)
                offset = input.count
                return .failed(error)
            }
        }
        // RFC 6455 §5.5.1: whatever follows a close frame is not processed; §7.1.7: nor is anything
        // after the connection has been failed.
        offset = input.count
        return nil
    }

    /// Whether payload of messages has come by way of ``receive(_:at:)`` since this was last asked.
    package mutating func takeWhetherDataCame() -> Bool {
        defer { hasTakenData = false }
        return hasTakenData
    }

    /// Whether data may be sent: neither end has begun to close.
    public var maySendData: Bool { closeHandshake.maySendData }

    private mutating func noteWhetherBetweenMessages() {
        isBetweenMessages =
            frame == nil && message == nil && !headerParser.isInsideHeader && delivery == .messages
            && closeHandshake.mayReceive
    }

    private var frameRules: FrameRules {
        FrameRules(
            sender: role == .server ? .client : .server,
            insideMessage: message != nil,
            maxFrameSize: limits.maxFrameSize ?? .max,
            messageBits: messageExtension?.reservedBits ?? 0
        )
    }

    private mutating func begin(_ header: FrameHeader) throws(ProtocolError) {
        frame = IncomingFrame(header: header)
        if header.opcode.isControl { return }
        if header.opcode != .continuation {
            message = IncomingMessage(
                kind: header.opcode == .text ? .text : .binary,
                delivery: delivery,
                isChanged: header.reservedBits != 0
            )
        }
        guard var current = message else { return }
        message = nil
        current.fragments += 1
        // Only in parts, where no limit stops it, can the sum wrap; there it is not used.
        let (size, overflow) = current.size.addingReportingOverflow(header.payloadLength)
        if current.delivery == .messages {
            let limit = current.isChanged ? maxChangedSize : UInt64(clamping: limits.maxMessageSize)
            guard !overflow, size <= limit else {
                throw .messageTooBig(length: overflow ? .max : size, limit: limits.maxMessageSize)
            }
            guard current.fragments <= limits.effectiveMaxMessageFragments else {
                throw .tooManyFragments(limit: limits.effectiveMaxMessageFragments)
            }
        }
        current.size = size
        message = current
    }

    /// What a message may have on the wire that an extension has changed. What cannot be compressed grows a
    /// little when it is; the message itself is measured as it comes out.
    private var maxChangedSize: UInt64 {
        let limit = UInt64(clamping: limits.maxMessageSize)
        return limit + limit / 256 + 1024
    }

    /// Takes payload of the frame under way; clears `frame` when it is complete.
    private mutating func advance(
        _ input: UnsafeMutableRawBufferPointer,
        at offset: inout Int
    ) throws(ProtocolError) -> Event? {
        guard var current = frame else { return nil }
        let available = UInt64(input.count - offset)
        let count = Int(min(current.remaining, available))
        let range = offset..<(offset + count)
        let piece = UnsafeMutableRawBufferPointer(rebasing: input[range])
        if let key = current.header.maskingKey {
            key.apply(to: piece, offset: Int(truncatingIfNeeded: current.received & 3))
        }
        let isFirst = current.received == 0
        current.received += UInt64(count)
        offset += count
        let isComplete = current.remaining == 0
        frame = isComplete ? nil : current
        if current.header.opcode.isControl {
            return try takeControl(
                current.header.opcode,
                range: range,
                piece: UnsafeRawBufferPointer(piece),
                isFirst: isFirst,
                isComplete: isComplete
            )
        }
        return try takeData(
            current.header,
            range: range,
            piece: UnsafeRawBufferPointer(piece),
            isComplete: isComplete
        )
    }

    private mutating func takeControl(
        _ opcode: Opcode,
        range: Range<Int>,
        piece: UnsafeRawBufferPointer,
        isFirst: Bool,
        isComplete: Bool
    ) throws(ProtocolError) -> Event? {
        let payload: Payload
        if isFirst, isComplete {
            payload = .input(range)
        } else {
            controlPayload.append(contentsOf: piece)
            guard isComplete else { return nil }
            payload = .held(controlPayload)
            controlPayload = []
        }
        switch opcode {
        case .ping:
            // RFC 6455 §5.5.2: a ping must be answered with a pong of the same payload. None after our
            // close frame: it ends what we send.
            if closeHandshake.maySendData {
                if case .held(let bytes) = payload { duePong = bytes } else { duePong = [UInt8](piece) }
            }
            return .ping(payload)
        case .pong:
            return .pong(payload)
        default:
            let close: ClosePayload
            if case .held(let bytes) = payload {
                close = try ClosePayload(parsing: bytes.span.bytes)
            } else {
                close = try ClosePayload(parsing: RawSpan(_unsafeBytes: piece))
            }
            closeHandshake.receive(close)
            forgetUnfinished()
            return .close(close)
        }
    }

    private mutating func takeData(
        _ header: FrameHeader,
        range: Range<Int>,
        piece: UnsafeRawBufferPointer,
        isComplete: Bool
    ) throws(ProtocolError) -> Event? {
        guard var current = message else { return nil }
        hasTakenData = true
        let isLast = isComplete && header.isFinal
        if current.isChanged { return try takeChanged(&current, piece, isLast: isLast) }
        try Self.checkText(piece, of: &current, isLast: isLast)
        message = isLast ? nil : current

        if current.delivery == .parts {
            // An empty piece says nothing, unless it is what ends the message.
            guard isLast || !piece.isEmpty else { return nil }
            return .part(current.kind, .input(range), isLast: isLast)
        }
        if isLast, assembler.bytes.isEmpty { return .message(current.kind, .input(range)) }
        assembler.append(piece, total: header.isFinal ? Int(clamping: current.size) : nil)
        return isLast ? .message(current.kind, .held(assembler.take())) : nil
    }

    /// A piece of a message that an extension has changed.
    private mutating func takeChanged(
        _ current: inout IncomingMessage,
        _ piece: UnsafeRawBufferPointer,
        isLast: Bool
    ) throws(ProtocolError) -> Event? {
        guard let messageExtension else { return nil }
        if current.delivery == .parts {
            var part: [UInt8] = []
            try messageExtension.receive(piece, isLast: isLast, limit: limits.maxMessageSize, into: &part)
            try Self.checkText(part[...], of: &current, isLast: isLast)
            message = isLast ? nil : current
            guard isLast || !part.isEmpty else { return nil }
            return .part(current.kind, .held(part), isLast: isLast)
        }
        let before = assembler.bytes.count
        try messageExtension.receive(
            piece,
            isLast: isLast,
            limit: limits.maxMessageSize - before,
            into: &assembler.bytes
        )
        try Self.checkText(assembler.bytes[before...], of: &current, isLast: isLast)
        message = isLast ? nil : current
        return isLast ? .message(current.kind, .held(assembler.take())) : nil
    }

    private static func checkText(
        _ piece: ArraySlice<UInt8>,
        of message: inout IncomingMessage,
        isLast: Bool
    ) throws(ProtocolError) {
        let result = piece.withUnsafeBytes { bytes in
            Result { () throws(ProtocolError) in try checkText(bytes, of: &message, isLast: isLast) }
        }
        try result.get()
    }

    /// RFC 6455 §8.1: fail as soon as the text cannot be UTF-8 any more.
    private static func checkText(
        _ piece: UnsafeRawBufferPointer,
        of message: inout IncomingMessage,
        isLast: Bool
    ) throws(ProtocolError) {
        guard message.kind == .text else { return }
        if let bad = message.utf8.validate(piece) { throw .invalidUTF8(offset: message.validated + bad) }
        message.validated += piece.count
        if isLast, !message.utf8.isComplete { throw .invalidUTF8(offset: message.validated) }
    }

    /// Fails the connection for a rule that only the owner can judge, such as pings per second.
    ///
    /// The close frame is then among the replies (RFC 6455 §7.1.7).
    public mutating func fail(_ error: ProtocolError) {
        closeHandshake.fail(error)
        duePong = nil
        forgetUnfinished()
    }

    /// Lets go of what has arrived of a frame and a message that will never be whole, so that a peer
    /// cannot have it held for as long as the connection takes to end.
    private mutating func forgetUnfinished() {
        headerParser = FrameHeaderParser()
        frame = nil
        message = nil
        controlPayload = []
        _ = assembler.take()
        messageExtension?.end()
    }

    /// Nothing more will be received or sent: gives back what the extension has borrowed.
    public mutating func end() { messageExtension?.end() }

    /// Whether the peer is in the middle of a frame or message, as far as its bytes tell.
    public var isReceivingMessage: Bool { message != nil || frame != nil || headerParser.isInsideHeader }
}
