import NIOCore
import WebSocketProtocol

/// The state of one live connection. Everything here is touched on the connection's event loop only;
/// ``WebSocketConnection`` is the face the rest of the world sees.
///
/// It drives the sans-I/O endpoint: bytes from the transport become messages for the reader, messages
/// become bytes for the transport, and whatever happens, exactly one ``ConnectionEnd`` comes out.
///
/// Its subjects have files of their own (`ConnectionCore+….swift`); members are internal for those and for
/// tests, not for the rest of the module.
final class ConnectionCore: ConnectionInput, LoopTimerOwner {
    // `@exclusivity(unchecked)`, here and below: the run-time checks of overlapping access are a fifth of what
    // a small message costs. There is no overlap: nothing called in the middle of a change to one of these
    // (the protocol core, queues, the transport's `write`) calls back into the connection; callbacks run
    // between changes.
    //
    // What each message touches comes first, and lies together: with many connections it has to be fetched anew for
    // each read, line by line.

    /// How it ended, once it has.
    @exclusivity(unchecked) var endBox: EndBox?
    let shared: SharedOptions
    /// Memory that the connections of this thread take turns with.
    let scratch = LoopScratch.current
    /// The loop's burst buffer, while it is this connection's.
    @exclusivity(unchecked) var burst: FrameBuffer?
    #if os(Linux)
    /// The transport, if it is one that never calls back while it writes: held by `transport`, and not counted for
    /// each write.
    @exclusivity(unchecked) var native: Unmanaged<EpollTransport>?
    #endif
    @exclusivity(unchecked) var callbacks: ConnectionCallbacks? {
        didSet { hasNewCallbacks = true }
    }
    @exclusivity(unchecked) var observer: ConnectionObserver?
    /// Where tasks beyond the loop read and send, once one has.
    @exclusivity(unchecked) var outside: Outside?
    @exclusivity(unchecked) var outboxPayload = 0
    @exclusivity(unchecked) var inFlightWire = 0
    @exclusivity(unchecked) var inFlightPayload = 0
    /// Frames not yet handed to the transport, but for those in the burst buffer.
    @exclusivity(unchecked) var gathered: [UInt8] = []
    @exclusivity(unchecked) var isInReadBurst = false
    @exclusivity(unchecked) var isFlushing = false
    @exclusivity(unchecked) var isReadingPaused = false
    /// Whether messages go to `outside`.
    @exclusivity(unchecked) var isReadOutside = false
    @exclusivity(unchecked) var isTakingOrders = false
    /// Whether the loop will have this connection send the rest of a large message.
    @exclusivity(unchecked) var goesOnLater = false
    /// Whether the loop will have this connection write when its turn ends.
    @exclusivity(unchecked) var writesAtTurnEnd = false
    /// Whether the callbacks that a read was begun with are not the ones to call any more.
    @exclusivity(unchecked) private var hasNewCallbacks = false
    /// Whether the time limit of closing runs; from then on the timer is its own, and no ping is sent any more.
    @exclusivity(unchecked) var isClosingTimed = false
    /// Which of its deadlines made this end close, if one did.
    @exclusivity(unchecked) var over: Deadlines.Over?
    @exclusivity(unchecked) var isOutputClosed = false
    /// Small enough for the room that is left here.
    @exclusivity(unchecked) var pingsThisSecond: UInt32 = 0
    /// Whether a companion waits for something to go.
    @exclusivity(unchecked) var wantsRoom = false
    /// See ``companions``.
    @exclusivity(unchecked) var hasCompanions = false
    @exclusivity(unchecked) var drainWaiters: [(stream: OutboundQueue.StreamID?, continuation: DrainWaiter)] =
        []
    @exclusivity(unchecked) var outbound = OutboundQueue()
    @exclusivity(unchecked) var inbound = InboundQueue()
    @exclusivity(unchecked) var endpoint: WebSocketEndpoint
    /// Writes handed to the transport and not yet taken by the operating system, oldest first.
    @exclusivity(unchecked) var inFlight = Fifo<(wire: Int, payload: Int)>()
    /// The endpoint's extension, if one was agreed on.
    let deflate: PerMessageDeflate?
    @exclusivity(unchecked) var closeRequest: ClosePayload?
    @exclusivity(unchecked) var deadlines: Deadlines
    /// The text that a callback is looking at. It has been checked, so that whoever sends it back need not
    /// have it checked again.
    @exclusivity(unchecked) var textInHand: UnsafeRawBufferPointer?

    // From here on: what few messages ask for.

    let eventLoop: any EventLoop
    /// The public face; held while the connection lives, so that a connection with callbacks stays though
    /// nobody else keeps it.
    @exclusivity(unchecked) var connection: WebSocketConnection?
    @exclusivity(unchecked) var transport: (any ByteTransport)? {
        didSet {
            #if os(Linux)
            native = (transport as? EpollTransport).map(Unmanaged.passUnretained)
            #endif
        }
    }
    @exclusivity(unchecked) var timer = LoopTimer()
    var pingSecondBegan: NIODeadline
    var pings = PendingPings()
    var endWaiters: [CheckedContinuation<ConnectionEnd, Never>] = []

    var options: ConnectionOptions { shared.options }
    var end: ConnectionEnd? { endBox?.end }
    /// Whether there is an ``end``.
    var isOver: Bool { endBox != nil }

    /// Frames not yet handed to the transport. Those in the burst buffer were there first, so they come here before
    /// anything else does.
    var outbox: [UInt8] {
        get {
            if burst != nil { spillBurst() }
            return gathered
        }
        _modify {
            if burst != nil { spillBurst() }
            yield &gathered
        }
    }

    /// Wire bytes the transport may hold at a time. What waits beyond it stays here, where control frames
    /// can still go ahead of it.
    static let transportWindow = 256 << 10

    typealias DrainWaiter = CheckedContinuation<SendError?, Never>

    init(
        role: Role,
        options: ConnectionOptions,
        compression: DeflateAgreement? = nil,
        eventLoop: any EventLoop,
        traffic: LoopTraffic? = nil
    ) {
        self.eventLoop = eventLoop
        shared = scratch.shared(options, traffic)
        let pool = scratch.deflate
        deflate = compression.map {
            PerMessageDeflate(
                $0,
                options.compression ?? .init(),
                role: role,
                pool: pool
            )
        }
        endpoint = WebSocketEndpoint(
            role: role,
            limits: shared.limits,
            messageExtension: deflate,
            pool: scratch.large
        )
        let now = eventLoop.now
        deadlines = Deadlines(shared.deadlines, spread: scratch.nextSpread(), now: now)
        pingSecondBegan = now
    }

    func start(_ transport: any ByteTransport, answer: [UInt8]) {
        self.transport = transport
        if !answer.isEmpty {
            outbox = scratch.takeOutput()
            outbox.append(contentsOf: answer)
            // At once: whoever aborts the connection in this very turn has accepted it all the same.
            flush()
        }
        scheduleDeadlines()
    }
}

// MARK: - From the transport

extension ConnectionCore {
    func received(_ bytes: UnsafeMutableRawBufferPointer) {
        guard !isOver else { return }
        deadlines.heard()
        isInReadBurst = true
        var offset = 0
        if let onMessage = callbacks?.onMessage, bytes.count <= MessageTally.largestRead {
            beginBurst()
            handWholeMessages(in: bytes, at: &offset, to: onMessage)
        }
        // What is begun stays with the endpoint, so that without more bytes there is nothing more to come.
        while offset < bytes.count, !isOver {
            if let message = endpoint.receiveWhole(bytes, at: &offset) {
                deliver(message.kind, UnsafeRawBufferPointer(rebasing: bytes[message.range]))
            } else if let event = endpoint.receive(bytes, at: &offset) {
                handle(event, in: bytes)
                if !endpoint.maySendData || endpoint.owesReplies { leaveBurst() }
            } else {
                if endpoint.takeWhetherDataCame() { deadlines.messagePassed() }
                break
            }
        }
        isInReadBurst = false
        if !writeBurst() { flush() }
    }

    /// Calls back for each message that lies whole in the input, up to the first thing that is anything else: the
    /// usual case, in as few steps as it can be had.
    private func handWholeMessages(
        in bytes: UnsafeMutableRawBufferPointer,
        at offset: inout Int,
        to onMessage: ConnectionCallbacks.OnMessage
    ) {
        hasNewCallbacks = false
        guard inbound.isEmpty else { return }
        var tally = MessageTally()
        while mayRunCallbacks, !isOver, !hasNewCallbacks,
            let message = endpoint.receiveWhole(bytes, at: &offset)
        {
            tally.add(message.kind, message.range.count)
            hand(message.kind, UnsafeRawBufferPointer(rebasing: bytes[message.range]), to: onMessage)
        }
        shared.count { $0.received(tally) }
        if offset > 0 { deadlines.messagePassed() }
    }

    func written() {
        guard let (wire, payload) = inFlight.popFirst() else { return }
        // What had to wait for room has found some: the peer reads, however slowly, and its pong may be a long
        // way behind.
        deadlines.heard()
        if payload > 0 { deadlines.messagePassed() }
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

    func handle(_ event: Event, in input: UnsafeMutableRawBufferPointer) {
        switch event {
        case .message(let kind, .input(let range)):
            deliver(kind, UnsafeRawBufferPointer(rebasing: input[range]))
        case .message(let kind, .held(let bytes)):
            let wasLent = bytes.withUnsafeBytes { deliver(kind, $0, owned: bytes) }
            if bytes.capacity >= BufferPool.smallest {
                scratch.giveBackLarge(bytes, isFree: wasLent, on: eventLoop)
            }
        case .part: break  // The endpoint is asked for whole messages.
        case .ping:
            shared.traffic.pingsReceived.add(1)
            answerPing()
        case .pong(let payload):
            let bytes = payload.bytes(in: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(input)))
            shared.traffic.pongsReceived.add(1)
            let now = eventLoop.now
            if let roundTrip = pings.answered(by: bytes, at: now, keepaliveSentAt: deadlines.lastPing) {
                roundTripMeasured(roundTrip)
            }
        case .close, .failed: peerEndedConversation()
        }
    }

    /// Each ping gets its pong, as long as the transport takes them; then only the latest (see
    /// ``drainReplies()``).
    func answerPing() {
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

    /// - Parameter owned: the payload as an array, if it is one already.
    /// - Returns: whether it was only lent to a callback, so that nobody holds it any more.
    @discardableResult
    func deliver(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer, owned: [UInt8]? = nil) -> Bool {
        shared.count { $0.received(kind, payload.count) }
        deadlines.messagePassed()
        if let callbacks, inbound.isEmpty, mayRunCallbacks {
            hand(kind, payload, to: callbacks.onMessage)
            return true
        }
        // After this end asked to close, a message that finds no room is dropped: reading must go on,
        // for the peer's close frame comes behind it.
        if closeRequest != nil, inboundCost >= options.inboundHighWaterMark { return true }
        if isReadOutside, let outside {
            let isFull = outside.push(Message(checked: kind, bytes: owned ?? [UInt8](payload)))
            if isFull, closeRequest == nil { pauseReading() }
            return false
        }
        inbound.push(Message(checked: kind, bytes: owned ?? [UInt8](payload)), using: &scratch.spareMessages)
        if inbound.cost >= options.inboundHighWaterMark, closeRequest == nil { pauseReading() }
        return false
    }

    @inline(__always)
    private func hand(
        _ kind: MessageKind,
        _ bytes: UnsafeRawBufferPointer,
        to onMessage: ConnectionCallbacks.OnMessage
    ) {
        guard kind == .text else { return onMessage(isolated, kind, RawSpan(_unsafeBytes: bytes)) }
        textInHand = bytes
        onMessage(isolated, kind, RawSpan(_unsafeBytes: bytes))
        textInHand = nil
    }

    /// A callback that answers cannot suspend, so it is not called while its answers pile up: what arrives
    /// waits like any other unread message, and in the end the peer is slowed down.
    ///
    /// A face of its own, which has an observer, answers elsewhere and counts for itself. It must hear what came
    /// however much it has to send: two ends that read only once they have written would wait for each other.
    @inline(__always)
    var mayRunCallbacks: Bool { bufferedCost <= shared.options.outboundHighWaterMark || observer != nil }

    /// Hands messages that wait to the callbacks, if these may run again.
    ///
    /// - Returns: whether there was anything.
    func deliverWaiting() -> Bool {
        guard let callbacks, !inbound.isEmpty, mayRunCallbacks else { return false }
        isInReadBurst = true
        while !isOver, mayRunCallbacks, let message = popMessage() {
            message.bytes.withUnsafeBytes { hand(message.kind, $0, to: callbacks.onMessage) }
        }
        isInReadBurst = false
        return true
    }

    func pauseReading() {
        guard !isReadingPaused else { return }
        isReadingPaused = true
        transport?.pauseReading()
        // The peer is told that somebody lives here, sooner than the next ping is due.
        if shared.deadlines.pingInterval != nil { scheduleDeadlines() }
    }

    func resumeReading() {
        guard isReadingPaused else { return }
        isReadingPaused = false
        transport?.resumeReading()
    }

    /// The peer closed, or was failed: nothing it sends matters from here on, and nothing but the close
    /// frame is sent to it.
    func peerEndedConversation() {
        observer?.onPeerClosing()
        refuseOrders()
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
        observer = callbacks.observer
        if let waiter = inbound.takeWaiter() { waiter.resume(throwing: ReceiveError.alreadyConsumed) }
        if isReadOutside, let outside {
            isReadOutside = false
            for message in outside.takeReading() { inbound.push(message, using: &scratch.spareMessages) }
        }
        guard let end else { return flush() }
        finishCallbacks(end)
    }

    /// The last messages, then the end.
    func finishCallbacks(_ end: ConnectionEnd) {
        guard let callbacks else { return }
        while let message = inbound.pop(leaving: &scratch.spareMessages) {
            callbacks.onMessage(isolated, message.kind, message.bytes.span.bytes)
        }
        self.callbacks = nil
        observer = nil
        callbacks.onEnd(isolated, end)
    }

    /// A message that waits, if there is one.
    func popMessage() -> Message? {
        guard let message = inbound.pop(leaving: &scratch.spareMessages) else { return nil }
        if isReadingPaused, inbound.cost <= options.inboundHighWaterMark / 2 { resumeReading() }
        return message
    }

    /// Bytes of messages that wait for a reader, with the charge for each.
    var inboundCost: Int { inbound.cost + (outside?.cost ?? 0) }

    // For tests.
    var hasWaitingReader: Bool { inbound.hasWaiter || outside?.hasWaiter == true }
    var pendingPingCount: Int { pings.count }

    /// - Parameter reader: distinguishes this wait from others; see ``readerCancelled(_:)``.
    func nextMessage(_ continuation: CheckedContinuation<Message?, any Error>, reader: AnyObject) {
        if callbacks != nil {
            continuation.resume(throwing: ReceiveError.alreadyConsumed)
        } else if isReadOutside {
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
