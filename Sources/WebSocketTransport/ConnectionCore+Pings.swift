import NIOCore
import WebSocketProtocol

// What is done in time: pings that were asked for, those that keep the connection alive, and the end of its time.

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

    func sendPing() {
        shared.traffic.pingsSent.add(1)
        withUnsafeBytes(of: pings.nextPayload()) { bytes in
            // Refused only when closing has begun, and then the ping has lost its purpose.
            try? endpoint.sendPing(RawSpan(_unsafeBytes: bytes), into: &outbox)
        }
        flush()
    }

    func sendHeartbeat() {
        let nothing: [UInt8] = []
        // Refused only when closing has begun, and then there is no silence to break.
        try? endpoint.sendPong(nothing.span.bytes, into: &outbox)
        flush()
    }

    /// Has the loop look at the deadlines when there may be something to do.
    func scheduleDeadlines() {
        // Once closing has begun, its own clock runs, and no ping may be sent any more.
        guard !isOver, !isClosingTimed else { return }
        if let next = deadlines.nextCheck(
            after: eventLoop.now,
            isReading: !isReadingPaused,
            shared.deadlines
        ) {
            setTimer(at: next, on: eventLoop)
        } else {
            cancelTimer(on: eventLoop)
        }
    }

    func timerFired() {
        if isClosingTimed { finish(.closeTimeout) } else { checkDeadlines() }
    }

    private func checkDeadlines() {
        switch deadlines.check(at: eventLoop.now, isReading: !isReadingPaused, shared.deadlines) {
        case .sendPing:
            pings.nextIsKeepalive()
            sendPing()
        case .sendHeartbeat:
            // The pong may lie unread for as long as this end does not read.
            pings.forgetKeepalive()
            sendHeartbeat()
        case .giveUp: return finish(.pingTimeout)
        case .close(let over, let payload):
            self.over = over
            return close(payload)
        case .wait: break
        }
        scheduleDeadlines()
    }

    /// See ``WebSocketConnection/closeAt(_:code:reason:)``.
    func expire(at deadline: NIODeadline?, _ payload: ClosePayload) {
        deadlines.expire(at: deadline, payload)
        scheduleDeadlines()
    }

    /// A pong came for the very ping that was sent so long ago, the keepalive's or the application's.
    func roundTripMeasured(_ duration: Duration) {
        observer?.onRoundTrip?(duration)
        shared.traffic.onRoundTrip?(duration)
    }
}
