import NIOCore
import WebSocketProtocol

// Pings of this end's own: those that were asked for, and those that keep the connection alive.

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
        withUnsafeBytes(of: pings.nextPayload(at: eventLoop.now)) { bytes in
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

    func scheduleKeepalive() {
        // Once closing has begun, its own clock runs, and no ping may be sent any more.
        guard !isOver, !isClosingTimed, let keepalive else { return }
        setTimer(at: keepalive.nextCheck(after: eventLoop.now), on: eventLoop)
    }

    func timerFired() {
        if isClosingTimed { finish(.closeTimeout) } else { checkKeepalive() }
    }

    private func checkKeepalive() {
        switch keepalive?.check(at: eventLoop.now, isReading: !isReadingPaused) {
        case .sendPing: sendPing()
        case .sendHeartbeat: sendHeartbeat()
        case .giveUp: return finish(.pingTimeout)
        case .wait, nil: break
        }
        scheduleKeepalive()
    }
}
