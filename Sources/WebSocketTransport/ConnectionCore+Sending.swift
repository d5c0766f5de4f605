import NIOCore
import WebSocketProtocol

// The write side: what is accepted, in which order it goes, and when.

extension ConnectionCore {
    /// Payload bytes accepted and not yet taken by the operating system.
    var bufferedAmount: Int { outbound.bytes + outboxPayload + inFlightPayload }

    /// What is buffered, with the charge for each message that waits: a peer that does not read must not have
    /// empty messages pile up for it.
    var bufferedCost: Int { bufferedAmount + outbound.count * ConnectionOptions.messageCharge }

    /// Whether a message can go straight into the outbox, ahead of nothing.
    var isWireFree: Bool {
        outbound.isEmpty && outbox.count + inFlightWire < Self.transportWindow
    }

    func checkMaySend() throws(SendError) {
        // What was published before goes out before.
        if !scratch.putOffWork.isEmpty { scratch.doWhatWasPutOff() }
        if let outside, outside.hasOrders, !isTakingOrders, !scratch.ordersWait { takeOrders(of: outside) }
        if let end { throw .ended(end) }
        guard closeRequest == nil, endpoint.maySendData else { throw .usage(.notOpen) }
    }

    func checkRoom() throws(SendError) {
        guard bufferedCost <= options.outboundLimit else {
            throw .bufferFull(buffered: bufferedCost, limit: options.outboundLimit)
        }
    }

    /// Sends from the loop without suspending.
    func send(_ kind: MessageKind, _ payload: RawSpan, compress: Bool = true) throws(SendError) {
        let isChecked = kind == .binary || payload.withUnsafeBytes(isTextInHand)
        if burst != nil, isChecked, payload.withUnsafeBytes({ gather(kind, $0) }) { return }
        try checkMaySend()
        try checkRoom()
        guard mayGoAtOnce(payload.byteCount) else {
            var message = Message(
                kind: kind,
                bytes: payload.withUnsafeBytes { [UInt8]($0) },
                isChecked: isChecked
            )
            message.allowsCompression = compress
            try enqueue(message)
            return
        }
        try frame(kind, payload, compress: compress, isChecked: isChecked)
        flush()
    }

    /// A text made of a `String` is UTF-8 by construction.
    func send(_ text: String) throws(SendError) {
        try checkMaySend()
        try checkRoom()
        guard mayGoAtOnce(text.utf8.count) else { return try enqueue(Message(text)) }
        var text = text
        let result = text.withUTF8 { utf8 in
            Result { () throws(SendError) in
                let payload = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(utf8))
                try frame(.text, payload, compress: true, isChecked: true)
            }
        }
        try result.get()
        flush()
    }

    private func isTextInHand(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let textInHand, !bytes.isEmpty else { return false }
        return bytes.baseAddress == textInHand.baseAddress && bytes.count == textInHand.count
    }

    func mayGoAtOnce(_ count: Int) -> Bool {
        isWireFree && count <= (options.fragmentSize ?? .max)
    }

    /// Accepts a message, however much waits: the caller suspends afterwards.
    ///
    /// It goes out when the loop's turn ends, with what else there will be by then.
    func enqueue(_ message: Message) throws(SendError) {
        if burst != nil, message.isChecked, message.bytes.withUnsafeBytes({ gather(message.kind, $0) }) {
            return
        }
        try checkMaySend()
        if mayGoAtOnce(message.bytes.count) {
            try frame(
                message.kind,
                message.bytes.span.bytes,
                compress: message.allowsCompression,
                isChecked: message.isChecked
            )
        } else {
            outbound.append(try message.checkedText())
        }
        flushSoon()
    }

    /// Puts a message on the wire, ahead of nothing that waits.
    ///
    /// - Parameter isChecked: whether text is known to be UTF-8.
    private func frame(
        _ kind: MessageKind,
        _ payload: RawSpan,
        compress: Bool,
        isChecked: Bool
    ) throws(SendError) {
        takeOutbox()
        drainReplies()
        let goesByReference: Bool
        do throws(UsageError) {
            goesByReference = try endpoint.send(
                kind,
                payload,
                usesExtensions: compress,
                isChecked: isChecked,
                leavingOut: payloadSizeForReference,
                into: &outbox
            )
        } catch {
            throw .usage(error)
        }
        deadlines.messagePassed()
        outboxPayload += payload.byteCount
        shared.count { $0.sent(kind) }
        if goesByReference { writeOutbox(payload) }
    }

    /// From which size on a payload is handed to the transport where it lies, rather than copied behind its
    /// header: so much that the copy costs more than a write of its own.
    var payloadSizeForReference: Int { inFlight.isEmpty ? SharedOptions.sizeForReference : .max }

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

    /// A frame made once for many receivers. Goes out as it is, so only a server may send it, when the loop's
    /// turn ends.
    func send(_ prepared: PreparedMessage) throws(SendError) {
        try checkMaySend()
        try checkRoom()
        guard endpoint.role == .server, mayGoAtOnce(prepared.message.bytes.count),
            let frame = prepared.frame(for: deflate)
        else { return try enqueue(prepared.message) }
        takeOutbox()
        drainReplies()
        deadlines.messagePassed()
        outboxPayload += prepared.message.bytes.count
        shared.traffic.sent(prepared.message.kind)
        if frame.count >= payloadSizeForReference {
            writeOutbox(frame.span.bytes)
        } else {
            outbox.append(contentsOf: frame)
        }
        flushSoon()
    }

    /// Whether what is buffered is above the mark.
    ///
    /// - Parameter stream: the message in pieces that a writer asks for. Once it is at the head, what waits
    ///   behind it waits for its pieces, so that a writer that waited for that in turn would wait for ever.
    func mustWaitToSend(_ stream: OutboundQueue.StreamID? = nil) -> Bool {
        guard !isOver else { return false }
        if let stream, let head = outbound.headStream, head.id == stream {
            return head.bytes + outboxPayload + inFlightPayload > options.outboundHighWaterMark
        }
        return bufferedCost > options.outboundHighWaterMark
    }

    /// Whether a message of `count` bytes might bring what is buffered above the mark, so that its sender might have
    /// to wait once it has been accepted.
    func mustWaitToSend(with count: Int) -> Bool {
        bufferedCost + ConnectionOptions.messageCharge > options.outboundHighWaterMark - count
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
        guard !isInReadBurst, !isFlushing, !isOver else { return }
        defer { tellWhatIsHeld() }
        if hasNothingButOutbox {
            if !outbox.isEmpty { writeOutbox() }
            return
        }
        isFlushing = true
        repeat { writeWhatMayGo() } while deliverWaiting()
        isFlushing = false
        guard !isOver else { return }
        closeOutputIfDone()
        resumeDrained()
        if wantsRoom { tellCompanionsOfRoom() }
    }

    @inline(__always)
    private func tellWhatIsHeld() {
        if let observer { observer.onBuffered(bufferedAmount) }
        // In the middle of taking orders, those in hand are nowhere to be seen; they stay counted as they were.
        if let outside, !isTakingOrders { outside.isHolding(bufferedCost) }
    }

    /// Whether nothing waits but frames that are made, as between most messages. What waits for a reader concerns
    /// nobody here, what waits for callbacks does.
    var hasNothingButOutbox: Bool {
        outbound.isEmpty && (inbound.isEmpty || callbacks == nil) && drainWaiters.isEmpty
            && !wantsRoom && closeRequest == nil
            && endpoint.maySendData && !endpoint.owesReplies
    }

    /// Flushes when the loop's turn ends, so that what tasks send in one turn goes out in one write.
    func flushSoon() {
        guard !isInReadBurst, !isFlushing, !writesAtTurnEnd, !isOver else { return }
        // Past the window nothing more can gather.
        guard isWireFree else { return flush() }
        writesAtTurnEnd = true
        #if os(Linux)
        if let loop = eventLoop as? SocketLoop { return loop.writeAtTurnEnd(self) }
        #endif
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.turnEnded() }
    }

    func turnEnded() {
        writesAtTurnEnd = false
        flush()
    }

    func writeWhatMayGo() {
        var budget = Self.flushBudget
        while !isOver, transport != nil {
            fillOutbox(&budget)
            guard !outbox.isEmpty else {
                // Nothing to say: the buffer goes back, so that an idle connection holds none.
                scratch.giveBackOutput(&outbox)
                break
            }
            writeOutbox()
        }
    }

    private func takeOutbox() {
        if outbox.isEmpty, outbox.capacity == 0 { outbox = scratch.takeOutput() }
    }

    /// Hands what has gathered to the transport, and `payload` right behind it.
    func writeOutbox(_ payload: RawSpan = RawSpan()) {
        guard let transport else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &outbox)
        let write = (wire: bytes.count + payload.byteCount, payload: outboxPayload)
        outboxPayload = 0
        shared.count { $0.payloadSent.add(write.payload) }
        let isTaken: Bool
        if !endpoint.maySendData, payload.isEmpty, mustCloseOutput {
            // With the close frame goes the end of the stream, in one segment.
            isOutputClosed = true
            isTaken = transport.writeLast(bytes.span.bytes)
        } else {
            isTaken = transport.write(bytes.span.bytes, payload)
        }
        if !isTaken { wrote(write) }
        scratch.giveBackOutput(&bytes)
    }

    /// The transport has a write that the operating system has not taken yet.
    func wrote(_ write: (wire: Int, payload: Int)) {
        inFlight.append(write)
        inFlightWire += write.wire
        inFlightPayload += write.payload
    }

    /// A ping is answered before the data that came behind it. While the transport holds a full window, a
    /// pong waits here, where a newer one replaces it.
    func drainReplies() {
        guard endpoint.owesReplies, outbox.count + inFlightWire < Self.transportWindow else { return }
        endpoint.drainReplies(into: &outbox)
    }

    /// Payload bytes that are compressed in one go. What is left of a large message waits until the loop has seen to its
    /// other connections, and to what this one's peer has to say: it may want to close. Uncompressed, a message soon fills
    /// the socket, and is held up by that.
    private static let flushBudget = 1 << 20

    /// Long enough for the loop to look at its sockets, which SwiftNIO's does not while tasks are due.
    private static let flushPause = TimeAmount.microseconds(200)

    private func goOnLater() {
        guard !goesOnLater else { return }
        goesOnLater = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.flushPause) {
            bound.value.goesOnLater = false
            bound.value.flush()
        }
    }

    /// Frames what fits the transport's window, replies first.
    ///
    /// - Parameter budget: payload bytes that may yet be compressed in this go.
    func fillOutbox(_ budget: inout Int) {
        takeOutbox()
        drainReplies()
        while endpoint.maySendData, outbox.count + inFlightWire < Self.transportWindow, outbound.hasNext {
            guard budget > 0 || deflate == nil else { return goOnLater() }
            guard let next = outbound.next(limit: options.fragmentSize ?? .max) else { break }
            budget -= next.range.count
            deadlines.messagePassed()
            let bytes = next.piece.span.bytes.extracting(next.range)
            do throws(UsageError) {
                if next.isWhole {
                    outboxPayload += next.range.count
                    let goesByReference = try endpoint.send(
                        next.kind,
                        bytes,
                        usesExtensions: next.allowsCompression,
                        isChecked: true,
                        leavingOut: payloadSizeForReference,
                        into: &outbox
                    )
                    if goesByReference { writeOutbox(bytes) }
                } else {
                    try endpoint.sendFragment(
                        next.kind,
                        bytes,
                        isLast: next.isLast,
                        usesExtensions: next.allowsCompression,
                        into: &outbox
                    )
                    outboxPayload += next.range.count
                }
            } catch {
                // Everything was checked when it was accepted. What cannot be sent all the same must not be
                // lost in silence.
                return finish(.aborted)
            }
            if next.isLast { shared.traffic.sent(next.kind) }
        }
        if let closeRequest, !outbound.hasNext, endpoint.maySendData {
            endpoint.close(closeRequest, into: &outbox)
        }
    }
}
