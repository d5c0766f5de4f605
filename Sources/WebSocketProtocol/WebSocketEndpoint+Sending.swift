// The write side: messages go in, frames come out.

/// The fragmented message being sent.
struct OutgoingMessage: Sendable {
    let kind: MessageKind
    /// Of its first frame: whether an extension changes it.
    var reservedBits: UInt8 = 0
    var validated = 0
    var utf8 = UTF8Validator()
}

extension WebSocketEndpoint {
    /// Appends a whole message, as one frame.
    ///
    /// - Parameter usesExtensions: whether the message extension may change it; `false` sends a message
    ///   uncompressed, as one should that holds a secret beside what others may choose.
    /// - Throws: ``UsageError/notOpen`` once closing has begun, ``UsageError/messageUnderWay`` inside a
    ///   fragmented message, ``UsageError/textNotUTF8(offset:)``. Nothing is appended then.
    public mutating func send(
        _ kind: MessageKind,
        _ payload: RawSpan,
        usesExtensions: Bool = true,
        into output: inout [UInt8]
    ) throws(UsageError) {
        _ = try send(
            kind,
            payload,
            usesExtensions: usesExtensions,
            isChecked: false,
            leavingOut: .max,
            into: &output
        )
    }

    /// Appends a whole message, without its payload where that is large and needs no change.
    ///
    /// - Parameters:
    ///   - isChecked: whether text is known to be UTF-8.
    ///   - size: from how many bytes on an unchanged payload is left out.
    /// - Returns: whether the payload was left out, so that it must follow `output` as it is.
    /// - Throws: as ``send(_:_:usesExtensions:into:)``.
    package mutating func send(
        _ kind: MessageKind,
        _ payload: RawSpan,
        usesExtensions: Bool,
        isChecked: Bool,
        leavingOut size: Int,
        into output: inout [UInt8]
    ) throws(UsageError) -> Bool {
        try checkWholeMessageMayBeSent()
        if kind == .text, !isChecked {
            var utf8 = UTF8Validator()
            if let bad = utf8.validate(payload) { throw .textNotUTF8(offset: bad) }
            guard utf8.isComplete else { throw .textNotUTF8(offset: payload.byteCount) }
        }
        let isChanged = role == .client || (usesExtensions && messageExtension != nil)
        guard payload.byteCount >= size, !isChanged else {
            appendMessage(kind, payload, usesExtensions: usesExtensions, into: &output)
            return false
        }
        FrameHeader(isFinal: true, opcode: kind.opcode, payloadLength: UInt64(payload.byteCount))
            .append(to: &output)
        return true
    }

    private mutating func appendMessage(
        _ kind: MessageKind,
        _ payload: RawSpan,
        usesExtensions: Bool,
        into output: inout [UInt8]
    ) {
        if usesExtensions, let messageExtension {
            var changed: [UInt8] = []
            let bits = payload.withUnsafeBytes { messageExtension.send(kind, whole: $0, into: &changed) }
            if bits != 0 {
                return appendFrame(
                    opcode: kind.opcode,
                    isFinal: true,
                    reservedBits: bits,
                    changed.span.bytes,
                    into: &output
                )
            }
        }
        appendFrame(opcode: kind.opcode, isFinal: true, payload, into: &output)
    }

    /// Appends a text message, as one frame.
    ///
    /// - Throws: ``UsageError/notOpen``, ``UsageError/messageUnderWay``. Nothing is appended then.
    public mutating func send(
        _ text: String,
        usesExtensions: Bool = true,
        into output: inout [UInt8]
    ) throws(UsageError) {
        try checkWholeMessageMayBeSent()
        var text = text
        text.withUTF8 { utf8 in
            // A String is valid UTF-8 by construction.
            appendMessage(
                .text,
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(utf8)),
                usesExtensions: usesExtensions,
                into: &output
            )
        }
    }

    private func checkWholeMessageMayBeSent() throws(UsageError) {
        guard maySendData else { throw .notOpen }
        guard outgoing == nil else { throw .messageUnderWay }
    }

    /// Appends one fragment of a message (RFC 6455 §5.4). Pings, pongs and the closing handshake may go
    /// between fragments; other messages may not.
    ///
    /// - Parameters:
    ///   - kind: the same for each fragment of a message.
    ///   - isLast: ends the message.
    ///   - usesExtensions: see ``send(_:_:usesExtensions:into:)``; the first fragment's word counts.
    /// - Throws: ``UsageError/notOpen``, ``UsageError/messageUnderWay`` when `kind` differs from the first
    ///   fragment's, ``UsageError/textNotUTF8(offset:)`` (text may be cut inside a character, but not end
    ///   there). Nothing is appended then.
    public mutating func sendFragment(
        _ kind: MessageKind,
        _ payload: RawSpan,
        isLast: Bool,
        usesExtensions: Bool = true,
        into output: inout [UInt8]
    ) throws(UsageError) {
        guard maySendData else { throw .notOpen }
        var current = outgoing ?? OutgoingMessage(kind: kind)
        guard current.kind == kind else { throw .messageUnderWay }
        if kind == .text {
            if let bad = current.utf8.validate(payload) {
                throw .textNotUTF8(offset: current.validated + bad)
            }
            current.validated += payload.byteCount
            if isLast, !current.utf8.isComplete { throw .textNotUTF8(offset: current.validated) }
        }
        let isFirst = outgoing == nil
        if isFirst, usesExtensions { current.reservedBits = messageExtension?.beginSending(kind) ?? 0 }
        outgoing = isLast ? nil : current
        let opcode = isFirst ? kind.opcode : .continuation
        guard let messageExtension, current.reservedBits != 0 else {
            return appendFrame(opcode: opcode, isFinal: isLast, payload, into: &output)
        }
        var changed: [UInt8] = []
        payload.withUnsafeBytes { messageExtension.send(fragment: $0, isLast: isLast, into: &changed) }
        let bits = isFirst ? current.reservedBits : 0
        appendFrame(
            opcode: opcode,
            isFinal: isLast,
            reservedBits: bits,
            changed.span.bytes,
            into: &output
        )
    }

    /// Whether a fragmented message has been begun and not ended.
    public var isSendingMessage: Bool { outgoing != nil }

    /// Appends a ping (RFC 6455 §5.5.2).
    ///
    /// - Throws: ``UsageError/notOpen``, ``UsageError/controlPayloadTooLong(bytes:)``.
    public mutating func sendPing(_ payload: RawSpan, into output: inout [UInt8]) throws(UsageError) {
        try sendControl(.ping, payload, into: &output)
    }

    /// Appends an unasked pong, which serves as a one-way heartbeat (RFC 6455 §5.5.3).
    ///
    /// - Throws: ``UsageError/notOpen``, ``UsageError/controlPayloadTooLong(bytes:)``.
    public mutating func sendPong(_ payload: RawSpan, into output: inout [UInt8]) throws(UsageError) {
        try sendControl(.pong, payload, into: &output)
    }

    private mutating func sendControl(
        _ opcode: Opcode,
        _ payload: RawSpan,
        into output: inout [UInt8]
    ) throws(UsageError) {
        guard maySendData else { throw .notOpen }
        guard payload.byteCount <= FrameHeader.maximumControlPayload else {
            throw .controlPayloadTooLong(bytes: payload.byteCount)
        }
        appendFrame(opcode: opcode, isFinal: true, payload, into: &output)
    }

    /// Begins the closing handshake (RFC 6455 §7.1.2). Does nothing when it has begun already, from
    /// either end. A message under way stays unfinished.
    ///
    /// - Returns: whether this call began it.
    @discardableResult
    public mutating func close(_ payload: ClosePayload, into output: inout [UInt8]) -> Bool {
        guard let frame = closeHandshake.close(payload) else { return false }
        // RFC 6455 §5.5.1: nothing follows our close frame, so a pong that is due goes out before it.
        appendDuePong(into: &output)
        appendFrame(opcode: .close, isFinal: true, frame.bytes.span.bytes, into: &output)
        return true
    }

    /// Whether the peer is owed a pong or a close frame.
    public var owesReplies: Bool { duePong != nil || closeHandshake.owesFrame }

    /// Appends the pong and the close frame that are due, if any.
    ///
    /// They may go ahead of messages that wait, and between the fragments of one. While they are not
    /// taken, later pings replace the pong that is due.
    public mutating func drainReplies(into output: inout [UInt8]) {
        appendDuePong(into: &output)
        if let frame = closeHandshake.takeOwedFrame() {
            appendFrame(opcode: .close, isFinal: true, frame.bytes.span.bytes, into: &output)
        }
    }

    private mutating func appendDuePong(into output: inout [UInt8]) {
        guard let payload = duePong else { return }
        duePong = nil
        appendFrame(opcode: .pong, isFinal: true, payload.span.bytes, into: &output)
    }

    private mutating func appendFrame(
        opcode: Opcode,
        isFinal: Bool,
        reservedBits: UInt8 = 0,
        _ payload: RawSpan,
        into output: inout [UInt8]
    ) {
        if role == .server, payload.byteCount <= FrameHeader.maximumControlPayload {
            return Self.appendSmallFrame(
                0x80 * (isFinal ? 1 : 0) | reservedBits << 4 | opcode.rawValue,
                payload,
                into: &output
            )
        }
        let key = role == .client ? maskingKeys.next() : nil
        FrameHeader(
            isFinal: isFinal,
            reservedBits: reservedBits,
            opcode: opcode,
            maskingKey: key,
            payloadLength: UInt64(payload.byteCount)
        ).append(to: &output)
        let start = output.count
        payload.withUnsafeBytes { output.append(contentsOf: $0) }
        guard let key else { return }
        output.withUnsafeMutableBytes {
            key.apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
        }
    }

    /// A server's frame whose length fits its second byte: put together beside the output, so that this grows
    /// once.
    private static func appendSmallFrame(_ first: UInt8, _ payload: RawSpan, into output: inout [UInt8]) {
        let count = payload.byteCount
        withUnsafeTemporaryAllocation(byteCount: 2 + FrameHeader.maximumControlPayload, alignment: 1) {
            frame in
            frame[0] = first
            frame[1] = UInt8(truncatingIfNeeded: count)
            payload.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: frame[2...]).copyMemory(from: $0)
            }
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: frame[..<(2 + count)]))
        }
    }
}
