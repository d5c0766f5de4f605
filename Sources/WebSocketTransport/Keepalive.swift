import NIOCore

/// The two clocks of liveness: when to say something, and since when the peer has been silent.
///
/// Pure: it is given the time and answers what to do. Any byte received is a sign of life; a ping makes
/// sure that there is one to be had.
struct Keepalive {
    let interval: TimeAmount
    let timeout: TimeAmount

    private var lastSent: NIODeadline
    /// When the ping that waits for a sign of life went out.
    private var waitingSince: NIODeadline?

    enum Action: Equatable {
        case sendPing
        /// A pong that nobody asked for: a sign of life from this end (RFC 6455 §5.5.3).
        case sendHeartbeat
        case giveUp
        case wait
    }

    init(interval: TimeAmount, timeout: TimeAmount, now: NIODeadline) {
        // A loop that checked without pause could do nothing else.
        self.interval = max(interval, .milliseconds(1))
        self.timeout = max(timeout, .milliseconds(1))
        lastSent = now
    }

    mutating func received() { waitingSince = nil }

    /// - Parameter isReading: false while this end does not read because its reader is slow.
    mutating func check(at now: NIODeadline, isReading: Bool) -> Action {
        if !isReading {
            // The peer's answer may lie unread in the socket, so its silence says nothing: wait anew once
            // reading goes on. This end's pongs are held up in the same way, so the peer is told that
            // somebody lives here.
            if waitingSince != nil { waitingSince = now }
            guard now >= lastSent + interval else { return .wait }
            lastSent = now
            return .sendHeartbeat
        }
        if let waitingSince {
            // A ping that is not answered yet is enough; more would only fill buffers.
            return now >= waitingSince + timeout ? .giveUp : .wait
        }
        guard now >= lastSent + interval else { return .wait }
        lastSent = now
        waitingSince = now
        return .sendPing
    }

    /// When to check next: in time to give up, and never later than something may be due.
    func nextCheck(after now: NIODeadline) -> NIODeadline {
        guard let waitingSince else { return max(lastSent + interval, now) }
        return max(min(waitingSince + timeout, now + interval), now)
    }
}
