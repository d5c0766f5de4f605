import NIOCore
import WebSocketProtocol

// The closing handshake, its time limit, and the one way out.

extension ConnectionCore {
    /// Begins the closing handshake behind what is already accepted for sending. Does nothing when closing
    /// has begun.
    func close(_ payload: ClosePayload, timeout: Duration? = nil) {
        scratch.doWhatWasPutOff()
        guard !isOver else { return }
        if closeRequest == nil {
            refuseOrders()
            leaveBurst()
            closeRequest = payload
            outbound.dropUnfinished()
        }
        startCloseTimer(timeout)
        resumeReading()
        flush()
    }

    /// What was accepted and would go out when the loop's turn ends goes out first, as far as the socket takes it at
    /// once: a task may have sent it some turns ago, from where this is called.
    func abort() {
        if writesAtTurnEnd { flush() }
        finish(.aborted)
    }

    func waitForEnd(_ continuation: CheckedContinuation<ConnectionEnd, Never>) {
        if let end { return continuation.resume(returning: end) }
        endWaiters.append(continuation)
    }

    /// A timeout given later replaces the one that runs.
    func startCloseTimer(_ timeout: Duration? = nil) {
        guard !isClosingTimed || timeout != nil else { return }
        isClosingTimed = true
        setTimer(at: eventLoop.now + TimeAmount(timeout ?? options.closeTimeout), on: eventLoop)
    }

    /// RFC 6455 §7.1.1: the server closes TCP first, so that the waiting state of TCP is its own; it ends
    /// its half and reads on until the client has ended the other. §7.1.7: whoever fails the connection
    /// does the same.
    func closeOutputIfDone() {
        guard mustCloseOutput else { return }
        isOutputClosed = true
        transport?.closeOutput()
    }

    /// Whether the outgoing half is to be ended behind what has gathered.
    var mustCloseOutput: Bool {
        guard !isOutputClosed else { return false }
        switch endpoint.closeHandshake.state {
        case .complete: return endpoint.role == .server
        case .failed(_, _, let owed): return owed == nil
        default: return false
        }
    }

    /// The one way out. `cause` is what the caller saw; when the closing handshake was complete, or the
    /// peer had broken the protocol, that is what ended the connection, however TCP went after it.
    func finish(_ cause: EndCause) {
        guard !isOver else { return }
        let handshake = endpoint.closeHandshake
        let trueCause: EndCause =
            switch handshake.state {
            case .complete(_, _, by: .local): over?.cause ?? .closedByUs
            case .complete(_, _, by: .peer): .closedByPeer
            case .failed(let error, _, _): .protocolError(error)
            // A deadline made this end close: that is why, also when the peer does not answer.
            default: cause == .aborted ? cause : over?.cause ?? cause
            }
        // First nothing is accepted any more, then what has been is counted.
        outside?.refuse(with: .usage(.notOpen))
        let accepted = outside?.takeOrders().reduce(0) { $0 + $1.bytes.count } ?? 0
        let end = ConnectionEnd(
            code: handshake.code,
            reason: handshake.reason,
            wasClean: handshake.isComplete,
            cause: trueCause,
            sent: outbox.isEmpty && inFlight.isEmpty ? handshake.sent : nil,
            unsentBytes: bufferedAmount + outbound.droppedBytes + accepted
        )
        let box = EndBox(end)
        endBox = box
        cancelTimer(on: eventLoop)
        outbound.removeAll()
        leaveBurst()
        outbox = []
        endpoint.end()
        transport?.abort()
        transport = nil

        connection?.ended(box)
        outside?.refuse(with: .ended(end))
        outside?.endReading(end)
        if let waiter = inbound.takeWaiter() { Self.resume(waiter, with: end) }
        for (_, waiter) in drainWaiters { waiter.resume(returning: .ended(end)) }
        drainWaiters = []
        pings.ended(end)
        for waiter in endWaiters { waiter.resume(returning: end) }
        endWaiters = []
        tellCompanionsOfEnd()
        finishCallbacks(end)
        connection = nil
    }

    var isolated: WebSocketConnection.Isolated { WebSocketConnection.Isolated(core: self) }
}

extension ClosePayload {
    static let goingAwayByCancellation = known(.goingAway, "")
    static let internalErrorInStream = known(.internalError, "a message could not be finished")

    /// For codes and reasons that are constants of this module and known to be sendable.
    static func known(_ code: CloseCode, _ reason: String) -> ClosePayload {
        (try? ClosePayload(sending: code, reason: reason)) ?? .empty
    }
}
