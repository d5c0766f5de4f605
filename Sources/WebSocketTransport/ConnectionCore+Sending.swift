import NIOCore
import WebSocketProtocol

// The write side: what is accepted, in which order it goes, and when.

extension ConnectionCore {
    /// Payload bytes accepted and not yet taken by the operating system.
    var bufferedAmount: Int { outbound.bytes + outboxPayload + inFlightPayload }

    /// Whether a message can go straight into the outbox, ahead of nothing.
    var isWireFree: Bool {
        outbound.isEmpty && outbox.count + inFlightWire < Self.transportWindow
    }

    func checkMaySend() throws(SendError) {
        if let end { throw .ended(end) }
        guard closeRequest == nil, endpoint.closeHandshake.maySendData else { throw .usage(.notOpen) }
    }

    func checkRoom() throws(SendError) {
        guard bufferedAmount <= options.outboundLimit else {
            throw .bufferFull(buffered: bufferedAmount, limit: options.outboundLimit)
        }
    }

    /// Sends from the loop without suspending.
    func send(_ kind: MessageKind, _ payload: RawSpan, compress: Bool = true) throws(SendError) {
        try checkMaySend()
        try checkRoom()
        guard isWireFree, payload.byteCount <= (options.fragmentSize ?? .max) else {
            var message = Message(kind: kind, bytes: payload.withUnsafeBytes { [UInt8]($0) })
            message.allowsCompression = compress
            try enqueue(message)
            return
        }
        drainReplies()
        do throws(UsageError) {
            try endpoint.send(kind, payload, usesExtensions: compress, into: &outbox)
        } catch {
            throw .usage(error)
        }
        outboxPayload += payload.byteCount
        flush()
    }

    /// Accepts a message, however much waits: the caller suspends afterwards.
    func enqueue(_ message: Message) throws(SendError) {
        try checkMaySend()
        if message.kind == .text {
            var utf8 = UTF8Validator()
            if let bad = utf8.validate(message.bytes.span.bytes) { throw .usage(.textNotUTF8(offset: bad)) }
            guard utf8.isComplete else { throw .usage(.textNotUTF8(offset: message.bytes.count)) }
        }
        outbound.append(message)
        flush()
    }

    func beginStream(_ kind: MessageKind, compress: Bool = true) throws(SendError) -> OutboundQueue.StreamID {
        try checkMaySend()
        return outbound.beginStream(kind, allowsCompression: compress)
    }

    func append(_ piece: [UInt8], toStream id: OutboundQueue.StreamID, isLast: Bool) throws(SendError) {
        try checkMaySend()
        do throws(UsageError) {
            try outbound.append(piece, toStream: id, isLast: isLast)
        } catch {
            throw .usage(error)
        }
        flush()
    }

    /// A frame made once for many receivers. Goes out as it is, so only a server may send it.
    func send(_ prepared: PreparedMessage) throws(SendError) {
        try checkMaySend()
        try checkRoom()
        guard endpoint.role == .server, isWireFree,
            prepared.message.bytes.count <= (options.fragmentSize ?? .max),
            let frame = prepared.frame(for: deflate)
        else { return try enqueue(prepared.message) }
        drainReplies()
        outbox.append(contentsOf: frame)
        outboxPayload += prepared.message.bytes.count
        flush()
    }

    /// Whether what is buffered is above the mark.
    ///
    /// - Parameter stream: the message in pieces that a writer asks for. Once it is at the head, what waits
    ///   behind it waits for its pieces, so that a writer that waited for that in turn would wait for ever.
    func mustWaitToSend(_ stream: OutboundQueue.StreamID? = nil) -> Bool {
        guard end == nil else { return false }
        if let stream, let head = outbound.headStream, head.id == stream {
            return head.bytes + outboxPayload + inFlightPayload > options.outboundHighWaterMark
        }
        return bufferedAmount > options.outboundHighWaterMark
    }

    func waitToSend(_ continuation: DrainWaiter, stream: OutboundQueue.StreamID?) {
        if let end { return continuation.resume(returning: .ended(end)) }
        guard mustWaitToSend(stream) else { return continuation.resume(returning: nil) }
        drainWaiters.append((stream, continuation))
    }

    func resumeDrained() {
        guard !drainWaiters.isEmpty else { return }
        let drained: [DrainWaiter]
        if !mustWaitToSend() {
            drained = drainWaiters.map(\.continuation)
            drainWaiters = []
        } else if let head = outbound.headStream?.id, !mustWaitToSend(head) {
            drained = drainWaiters.filter { $0.stream == head }.map(\.continuation)
            drainWaiters.removeAll { $0.stream == head }
        } else {
            return
        }
        for waiter in drained { waiter.resume(returning: nil) }
    }

    /// Moves what may go now to the transport: one write for all that has gathered. During a read burst it
    /// waits for the burst's end.
    func flush() {
        guard !isInReadBurst, !isFlushing, end == nil else { return }
        isFlushing = true
        repeat { writeWhatMayGo() } while deliverWaiting()
        isFlushing = false
        guard end == nil else { return }
        closeOutputIfDone()
        resumeDrained()
    }

    func writeWhatMayGo() {
        while end == nil, let transport {
            fillOutbox()
            guard !outbox.isEmpty else {
                // Nothing to say: the buffer goes back, so that an idle connection holds none.
                let spare = outbox
                outbox = []
                LoopScratch.current.giveBackOutput(consume spare)
                break
            }
            let bytes = outbox
            outbox = []
            inFlight.append((bytes.count, outboxPayload))
            inFlightWire += bytes.count
            inFlightPayload += outboxPayload
            outboxPayload = 0
            transport.write(bytes)
            LoopScratch.current.giveBackOutput(bytes)
        }
    }

    /// A ping is answered before the data that came behind it. While the transport holds a full window, a
    /// pong waits here, where a newer one replaces it.
    func drainReplies() {
        guard endpoint.owesReplies, outbox.count + inFlightWire < Self.transportWindow else { return }
        endpoint.drainReplies(into: &outbox)
    }

    /// Frames what fits the transport's window, replies first.
    func fillOutbox() {
        if outbox.isEmpty { outbox = LoopScratch.current.takeOutput() }
        drainReplies()
        while endpoint.closeHandshake.maySendData, outbox.count + inFlightWire < Self.transportWindow,
            let next = outbound.next(limit: options.fragmentSize ?? .max)
        {
            let bytes = next.piece.span.bytes.extracting(next.range)
            do throws(UsageError) {
                if next.isWhole {
                    try endpoint.send(
                        next.kind,
                        bytes,
                        usesExtensions: next.allowsCompression,
                        into: &outbox
                    )
                } else {
                    try endpoint.sendFragment(
                        next.kind,
                        bytes,
                        isLast: next.isLast,
                        usesExtensions: next.allowsCompression,
                        into: &outbox
                    )
                }
                outboxPayload += next.range.count
            } catch {
                // Everything was checked when it was accepted. What cannot be sent all the same must not be
                // lost in silence.
                return finish(.aborted)
            }
        }
        if let closeRequest, !outbound.hasNext, endpoint.closeHandshake.maySendData {
            endpoint.close(closeRequest, into: &outbox)
        }
    }
}
