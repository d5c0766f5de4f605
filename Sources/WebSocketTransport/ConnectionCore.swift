import NIOCore
import WebSocketProtocol

/// The state of one live connection. Everything here is touched on the connection's event loop only;
/// ``WebSocketConnection`` is the face the rest of the world sees.
///
/// It drives the sans-I/O endpoint: bytes from the transport become messages for the reader, messages
/// become bytes for the transport, and whatever happens, exactly one ``ConnectionEnd`` comes out.
final class ConnectionCore: ConnectionInput {
    let eventLoop: any EventLoop
    let options: ConnectionOptions
    private(set) var endpoint: WebSocketEndpoint
    /// The public face; held while the connection lives, so that a connection with callbacks stays though
    /// nobody else keeps it.
    var connection: WebSocketConnection?
    private var transport: (any ByteTransport)?

    // Read side.
    private var inbound = InboundQueue()
    private var callbacks: ConnectionCallbacks?
    private var isReadingPaused = false
    private var isInReadBurst = false
    private var pingsThisSecond = 0
    private var pingSecondBegan: NIODeadline

    // Write side.
    private var outbound = OutboundQueue()
    /// Frames not yet handed to the transport.
    private var outbox: [UInt8] = []
    private var outboxPayload = 0
    /// Writes handed to the transport and not yet taken by the operating system, oldest first.
    private var inFlight = CircularBuffer<(wire: Int, payload: Int)>()
    private var inFlightWire = 0
    private var inFlightPayload = 0
    private var isFlushing = false
    private var drainWaiters: [(stream: OutboundQueue.StreamID?, continuation: DrainWaiter)] = []

    // Pings of our own.
    private var keepalive: Keepalive?
    private var keepaliveTimer: Scheduled<Void>?
    private var pings = PendingPings()

    // Closing.
    private var closeRequest: ClosePayload?
    private var closeTimer: Scheduled<Void>?
    private var isOutputClosed = false
    private(set) var end: ConnectionEnd?
    private var endWaiters: [CheckedContinuation<ConnectionEnd, Never>] = []

    /// Wire bytes the transport may hold at a time. What waits beyond it stays here, where control frames
    /// can still go ahead of it.
    static let transportWindow = 256 << 10

    typealias DrainWaiter = CheckedContinuation<SendError?, Never>

    init(role: Role, options: ConnectionOptions, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        var options = options
        // Below zero there is nothing, so that whoever waited for it would wait for ever.
        options.inboundHighWaterMark = max(options.inboundHighWaterMark, 0)
        options.outboundHighWaterMark = max(options.outboundHighWaterMark, 0)
        self.options = options
        endpoint = WebSocketEndpoint(role: role, limits: options.limits)
        pingSecondBegan = eventLoop.now
    }

    func start(_ transport: any ByteTransport) {
        self.transport = transport
        guard let interval = options.pingInterval else { return }
        keepalive = Keepalive(
            interval: TimeAmount(interval),
            timeout: TimeAmount(options.pongTimeout),
            now: eventLoop.now
        )
        scheduleKeepalive()
    }
}

// MARK: - From the transport

extension ConnectionCore {
    func received(_ bytes: UnsafeMutableRawBufferPointer) {
        guard end == nil else { return }
        keepalive?.received()
        isInReadBurst = true
        var offset = 0
        while end == nil, let event = endpoint.receive(bytes, at: &offset) { handle(event, in: bytes) }
        isInReadBurst = false
        flush()
    }

    func written() {
        guard let (wire, payload) = inFlight.popFirst() else { return }
        inFlightWire -= wire
        inFlightPayload -= payload
        flush()
    }

    func inputEnded() {
        finish(.endOfStream)
    }

    func failed(_ cause: EndCause) {
        finish(cause)
    }

    private func handle(_ event: Event, in input: UnsafeMutableRawBufferPointer) {
        switch event {
        case .message(let kind, let payload): deliver(kind, payload, in: input)
        case .part: break  // The endpoint is asked for whole messages.
        case .ping: answerPing()
        case .pong(let payload):
            let bytes = payload.bytes(in: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(input)))
            pings.answered(by: bytes, at: eventLoop.now)
        case .close, .failed: peerEndedConversation()
        }
    }

    /// Each ping gets its pong, as long as the transport takes them; then only the latest (see
    /// ``drainReplies()``).
    private func answerPing() {
        let now = eventLoop.now
        if now >= pingSecondBegan + .seconds(1) {
            pingSecondBegan = now
            pingsThisSecond = 0
        }
        pingsThisSecond += 1
        guard pingsThisSecond > options.maxPingsPerSecond else { return drainReplies() }
        endpoint.fail(.tooManyPings(limit: options.maxPingsPerSecond))
        peerEndedConversation()
    }

    private func deliver(_ kind: MessageKind, _ payload: Payload, in input: UnsafeMutableRawBufferPointer) {
        if let callbacks, inbound.isEmpty, mayRunCallbacks {
            switch payload {
            case .input(let range):
                let part = UnsafeRawBufferPointer(rebasing: input[range])
                callbacks.onMessage(isolated, kind, RawSpan(_unsafeBytes: part))
            case .held(let bytes):
                callbacks.onMessage(isolated, kind, bytes.span.bytes)
            }
            return
        }
        // After this end asked to close, a message that finds no room is dropped: reading must go on,
        // for the peer's close frame comes behind it.
        if closeRequest != nil, inbound.cost >= options.inboundHighWaterMark { return }
        let bytes = payload.bytes(in: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(input)))
        inbound.push(Message(kind: kind, bytes: bytes))
        if inbound.cost >= options.inboundHighWaterMark, closeRequest == nil { pauseReading() }
    }

    /// A callback that answers cannot suspend, so it is not called while its answers pile up: what arrives
    /// waits like any other unread message, and in the end the peer is slowed down.
    private var mayRunCallbacks: Bool { bufferedAmount <= options.outboundHighWaterMark }

    /// Hands messages that wait to the callbacks, if these may run again.
    ///
    /// - Returns: whether there was anything.
    private func deliverWaiting() -> Bool {
        guard let callbacks, !inbound.isEmpty, mayRunCallbacks else { return false }
        isInReadBurst = true
        while end == nil, mayRunCallbacks, let message = popMessage() {
            callbacks.onMessage(isolated, message.kind, message.bytes.span.bytes)
        }
        isInReadBurst = false
        return true
    }

    private func pauseReading() {
        guard !isReadingPaused else { return }
        isReadingPaused = true
        transport?.pauseReading()
    }

    private func resumeReading() {
        guard isReadingPaused else { return }
        isReadingPaused = false
        transport?.resumeReading()
    }

    /// The peer closed, or was failed: nothing it sends matters from here on, and nothing but the close
    /// frame is sent to it.
    private func peerEndedConversation() {
        startCloseTimer()
        resumeReading()
        flush()
    }
}

// MARK: - Reading

extension ConnectionCore {
    /// Gives messages to callbacks from here on, those that wait first.
    func setCallbacks(_ callbacks: ConnectionCallbacks) {
        self.callbacks = callbacks
        if let waiter = inbound.takeWaiter() { waiter.resume(throwing: ReceiveError.alreadyConsumed) }
        guard let end else { return flush() }
        finishCallbacks(end)
    }

    /// The last messages, then the end.
    private func finishCallbacks(_ end: ConnectionEnd) {
        guard let callbacks else { return }
        while let message = inbound.pop() {
            callbacks.onMessage(isolated, message.kind, message.bytes.span.bytes)
        }
        self.callbacks = nil
        callbacks.onEnd(isolated, end)
    }

    /// A message that waits, if there is one.
    func popMessage() -> Message? {
        guard let message = inbound.pop() else { return nil }
        if isReadingPaused, inbound.cost <= options.inboundHighWaterMark / 2 { resumeReading() }
        return message
    }

    // For tests.
    var hasWaitingReader: Bool { inbound.hasWaiter }
    var inboundCost: Int { inbound.cost }
    var pendingPingCount: Int { pings.count }

    /// - Parameter reader: distinguishes this wait from others; see ``readerCancelled(_:)``.
    func nextMessage(_ continuation: CheckedContinuation<Message?, any Error>, reader: AnyObject) {
        if callbacks != nil {
            continuation.resume(throwing: ReceiveError.alreadyConsumed)
        } else if let message = popMessage() {
            continuation.resume(returning: message)
        } else if let end {
            Self.resume(continuation, with: end)
        } else if !inbound.wait(continuation, reader: reader) {
            continuation.resume(throwing: ReceiveError.alreadyConsumed)
        }
    }

    /// The reader's task was cancelled: nobody will read on, so the peer is told goodbye.
    /// Another reader, which was refused, does not speak for the one that waits.
    func readerCancelled(_ reader: AnyObject) {
        guard let waiter = inbound.takeWaiter(ifReader: reader) else { return }
        waiter.resume(throwing: CancellationError())
        close(.goingAwayByCancellation)
    }

    static func resume(_ continuation: CheckedContinuation<Message?, any Error>, with end: ConnectionEnd) {
        if end.wasClean {
            continuation.resume(returning: nil)
        } else {
            continuation.resume(throwing: ReceiveError.ended(end))
        }
    }
}

// MARK: - Sending

extension ConnectionCore {
    /// Payload bytes accepted and not yet taken by the operating system.
    var bufferedAmount: Int { outbound.bytes + outboxPayload + inFlightPayload }

    /// Whether a message can go straight into the outbox, ahead of nothing.
    private var isWireFree: Bool {
        outbound.isEmpty && outbox.count + inFlightWire < Self.transportWindow
    }

    private func checkMaySend() throws(SendError) {
        if let end { throw .ended(end) }
        guard closeRequest == nil, endpoint.closeHandshake.maySendData else { throw .usage(.notOpen) }
    }

    private func checkRoom() throws(SendError) {
        guard bufferedAmount <= options.outboundLimit else {
            throw .bufferFull(buffered: bufferedAmount, limit: options.outboundLimit)
        }
    }

    /// Sends from the loop without suspending.
    func send(_ kind: MessageKind, _ payload: RawSpan) throws(SendError) {
        try checkMaySend()
        try checkRoom()
        guard isWireFree, payload.byteCount <= (options.fragmentSize ?? .max) else {
            try enqueue(Message(kind: kind, bytes: payload.withUnsafeBytes { [UInt8]($0) }))
            return
        }
        drainReplies()
        do throws(UsageError) {
            try endpoint.send(kind, payload, into: &outbox)
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

    func beginStream(_ kind: MessageKind) throws(SendError) -> OutboundQueue.StreamID {
        try checkMaySend()
        return outbound.beginStream(kind)
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
            prepared.message.bytes.count <= (options.fragmentSize ?? .max)
        else { return try enqueue(prepared.message) }
        drainReplies()
        outbox.append(contentsOf: prepared.serverFrame)
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

    private func resumeDrained() {
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

    private func writeWhatMayGo() {
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
    private func drainReplies() {
        guard endpoint.owesReplies, outbox.count + inFlightWire < Self.transportWindow else { return }
        endpoint.drainReplies(into: &outbox)
    }

    /// Frames what fits the transport's window, replies first.
    private func fillOutbox() {
        if outbox.isEmpty { outbox = LoopScratch.current.takeOutput() }
        drainReplies()
        while endpoint.closeHandshake.maySendData, outbox.count + inFlightWire < Self.transportWindow,
            let next = outbound.next(limit: options.fragmentSize ?? .max)
        {
            let bytes = next.piece.span.bytes.extracting(next.range)
            do throws(UsageError) {
                if next.isWhole {
                    try endpoint.send(next.kind, bytes, into: &outbox)
                } else {
                    try endpoint.sendFragment(next.kind, bytes, isLast: next.isLast, into: &outbox)
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

// MARK: - Pings

extension ConnectionCore {
    func ping(_ waiter: PendingPings.Waiter) {
        do throws(SendError) {
            try checkMaySend()
            try pings.wait(waiter, from: eventLoop.now)
            sendPing()
        } catch {
            waiter.resume(returning: .failure(error))
        }
    }

    private func sendPing() {
        withUnsafeBytes(of: pings.nextPayload()) { bytes in
            // Refused only when closing has begun, and then the ping has lost its purpose.
            try? endpoint.sendPing(RawSpan(_unsafeBytes: bytes), into: &outbox)
        }
        flush()
    }

    private func sendHeartbeat() {
        let nothing: [UInt8] = []
        // Refused only when closing has begun, and then there is no silence to break.
        try? endpoint.sendPong(nothing.span.bytes, into: &outbox)
        flush()
    }

    private func scheduleKeepalive() {
        // Once closing has begun, its own clock runs, and no ping may be sent any more.
        guard end == nil, closeTimer == nil, let keepalive else { return }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        keepaliveTimer = eventLoop.scheduleTask(deadline: keepalive.nextCheck(after: eventLoop.now)) {
            bound.value.checkKeepalive()
        }
    }

    private func checkKeepalive() {
        guard closeTimer == nil else { return }
        switch keepalive?.check(at: eventLoop.now, isReading: !isReadingPaused) {
        case .sendPing: sendPing()
        case .sendHeartbeat: sendHeartbeat()
        case .giveUp: return finish(.pingTimeout)
        case .wait, nil: break
        }
        scheduleKeepalive()
    }
}

// MARK: - Ending

extension ConnectionCore {
    /// Begins the closing handshake behind what is already accepted for sending. Does nothing when closing
    /// has begun.
    func close(_ payload: ClosePayload, timeout: Duration? = nil) {
        guard end == nil else { return }
        if closeRequest == nil {
            closeRequest = payload
            outbound.dropUnfinished()
        }
        startCloseTimer(timeout)
        resumeReading()
        flush()
    }

    func abort() { finish(.aborted) }

    func waitForEnd(_ continuation: CheckedContinuation<ConnectionEnd, Never>) {
        if let end { return continuation.resume(returning: end) }
        endWaiters.append(continuation)
    }

    /// A timeout given later replaces the one that runs.
    private func startCloseTimer(_ timeout: Duration? = nil) {
        guard closeTimer == nil || timeout != nil else { return }
        closeTimer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        closeTimer = eventLoop.scheduleTask(in: TimeAmount(timeout ?? options.closeTimeout)) {
            bound.value.finish(.closeTimeout)
        }
    }

    /// RFC 6455 §7.1.1: the server closes TCP first, so that the waiting state of TCP is its own; it ends
    /// its half and reads on until the client has ended the other. §7.1.7: whoever fails the connection
    /// does the same.
    private func closeOutputIfDone() {
        guard !isOutputClosed else { return }
        switch endpoint.closeHandshake.state {
        case .complete where endpoint.role == .server, .failed(_, _, owed: nil):
            isOutputClosed = true
            transport?.closeOutput()
        default:
            break
        }
    }

    /// The one way out. `cause` is what the caller saw; when the closing handshake was complete, or the
    /// peer had broken the protocol, that is what ended the connection, however TCP went after it.
    func finish(_ cause: EndCause) {
        guard end == nil else { return }
        let handshake = endpoint.closeHandshake
        let trueCause: EndCause =
            switch handshake.state {
            case .complete(_, _, by: .local): .closedByUs
            case .complete(_, _, by: .peer): .closedByPeer
            case .failed(let error, _, _): .protocolError(error)
            default: cause
            }
        let end = ConnectionEnd(
            code: handshake.code,
            reason: handshake.reason,
            wasClean: handshake.isComplete,
            cause: trueCause,
            sent: handshake.sent,
            unsentBytes: bufferedAmount + outbound.droppedBytes
        )
        self.end = end
        keepaliveTimer?.cancel()
        closeTimer?.cancel()
        outbound.removeAll()
        outbox = []
        transport?.abort()
        transport = nil

        connection?.ended(end)
        if let waiter = inbound.takeWaiter() { Self.resume(waiter, with: end) }
        for (_, waiter) in drainWaiters { waiter.resume(returning: .ended(end)) }
        drainWaiters = []
        pings.ended(end)
        for waiter in endWaiters { waiter.resume(returning: end) }
        endWaiters = []
        finishCallbacks(end)
        connection = nil
    }

    private var isolated: WebSocketConnection.Isolated { WebSocketConnection.Isolated(core: self) }
}

extension ClosePayload {
    static let goingAwayByCancellation = known(.goingAway, "")
    static let internalErrorInStream = known(.internalError, "a message could not be finished")

    /// For codes and reasons that are constants of this module and known to be sendable.
    private static func known(_ code: CloseCode, _ reason: String) -> ClosePayload {
        (try? ClosePayload(sending: code, reason: reason)) ?? .empty
    }
}
