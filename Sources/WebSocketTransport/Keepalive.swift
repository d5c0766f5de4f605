import NIOCore

/// The two clocks of liveness: when to ping, and since when the peer has been silent.
///
/// Pure: it is given the time and answers what to do. Any byte received is a sign of life; a ping makes
/// sure that there is one to be had.
struct Keepalive {
    let interval: TimeAmount
    let timeout: TimeAmount

    private var lastReceived: NIODeadline
    private var lastPing: NIODeadline
    /// When the ping that waits for a sign of life went out.
    private var waitingSince: NIODeadline?

    enum Action: Equatable {
        case sendPing
        case giveUp
        case wait
    }

    init(interval: TimeAmount, timeout: TimeAmount, now: NIODeadline) {
        self.interval = interval
        self.timeout = timeout
        lastReceived = now
        lastPing = now
    }

    mutating func received(at now: NIODeadline) {
        lastReceived = now
        waitingSince = nil
    }

    /// - Parameter isReading: false while this end does not read, so that silence says nothing.
    mutating func check(at now: NIODeadline, isReading: Bool) -> Action {
        if !isReading {
            // The answer may lie unread in the socket: begin to wait anew once reading goes on.
            if waitingSince != nil { waitingSince = now }
        } else if let waitingSince, now >= waitingSince + timeout {
            return .giveUp
        }
        guard now >= lastPing + interval else { return .wait }
        // A ping that is not answered yet is enough; more would only fill buffers.
        guard waitingSince == nil else { return .wait }
        lastPing = now
        waitingSince = now
        return .sendPing
    }

    /// When to check next: in time to give up, and never later than a ping may be due.
    func nextCheck(after now: NIODeadline) -> NIODeadline {
        guard let waitingSince else { return lastPing + interval }
        return min(waitingSince + timeout, now + interval)
    }
}
