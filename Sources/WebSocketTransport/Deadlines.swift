import NIOCore
import WebSocketProtocol

/// Everything that an open connection waits for: when to ping, since when the peer has been silent, since when no
/// message has passed, and when its time is over.
///
/// Pure: it is given the time, and one random number, and answers what to do now and when to look next. What passes
/// between two looks only raises a flag, so that no message reads the clock. Once closing has begun, the closing
/// handshake's own time limit takes its place.
struct Deadlines {
    /// What the options say, for all connections that share them.
    struct Policy: Equatable {
        let pingInterval: TimeAmount?
        let pongTimeout: TimeAmount
        let idleTimeout: TimeAmount?
        let maximumAge: TimeAmount?
        /// The most by which a time may be shorter, in 65,536ths.
        let jitter: Int64

        init(_ options: ConnectionOptions) {
            pingInterval = options.pingInterval.map(Self.positive)
            pongTimeout = Self.positive(options.pongTimeout)
            idleTimeout = options.idleTimeout.map(Self.positive)
            maximumAge = options.maximumAge.map(Self.positive)
            // Also of what is no number.
            jitter =
                options.jitter > 0 ? Int64(min(options.jitter, ConnectionOptions.mostJitter) * 65_536) : 0
        }

        /// A loop that looked without pause could do nothing else.
        private static func positive(_ duration: Duration) -> TimeAmount {
            max(TimeAmount(duration), .milliseconds(1))
        }
    }

    /// Why a connection's time is over.
    enum Over: UInt8 {
        case idle, tooOld, expired

        var cause: EndCause {
            switch self {
            case .idle: .idleTimeout
            case .tooOld: .maximumAge
            case .expired: .expired
            }
        }
    }

    enum Action: Equatable {
        case sendPing
        /// A pong that nobody asked for: a sign of life from this end (RFC 6455 §5.5.3).
        case sendHeartbeat
        /// The peer has been silent for too long after a ping.
        case giveUp
        case close(Over, ClosePayload)
        case wait
    }

    /// A time at which the connection closes, whatever happens on it.
    private struct Closing {
        let at: NIODeadline
        let over: Over
        let payload: ClosePayload
    }

    // MARK: State

    /// When the last ping or heartbeat went out, or the connection began.
    private(set) var lastPing: NIODeadline
    /// When the ping that waits for a sign of life went out, while one does.
    private var silentSince: NIODeadline
    /// The last look that found that a message had passed.
    private var idleSince: NIODeadline
    /// At most one of each kind; most connections have none.
    private var closings: [Closing] = []
    /// Where between nothing and the most a time is shortened: sockets opened together must not all act together.
    private let spread: UInt16
    private var isPingOut = false
    private var hasHeard = false
    private var hasPassed = false

    /// - Parameter spread: random, for each connection anew.
    init(_ policy: Policy, spread: UInt16, now: NIODeadline) {
        self.spread = spread
        lastPing = now
        silentSince = now
        idleSince = now
        if let age = policy.maximumAge {
            closings.append(Closing(at: now + shortened(age, policy), over: .tooOld, payload: .tooOld))
        }
    }

    /// Something came from the peer, whatever it was: it lives.
    mutating func heard() { hasHeard = true }

    /// A message, or a part of one, came or went.
    mutating func messagePassed() { hasPassed = true }

    /// Sets, moves or takes back (`nil`) the time at which the connection closes.
    mutating func expire(at deadline: NIODeadline?, _ payload: ClosePayload) {
        closings.removeAll { $0.over == .expired }
        guard let deadline else { return }
        closings.append(Closing(at: deadline, over: .expired, payload: payload))
    }

    // MARK: Looking

    /// - Parameter isReading: false while this end does not read because its reader is slow.
    mutating func check(at now: NIODeadline, isReading: Bool, _ policy: Policy) -> Action {
        if hasHeard { (hasHeard, isPingOut) = (false, false) }
        // What the peer has sent may lie unread in the socket.
        if hasPassed || !isReading { (hasPassed, idleSince) = (false, now) }

        if isReading, isPingOut, now >= silentSince + policy.pongTimeout { return .giveUp }
        if let closing = firstClosing, now >= closing.at { return .close(closing.over, closing.payload) }
        if let idle = idleEnd(policy), now >= idle { return .close(.idle, .idle) }
        return checkPing(at: now, isReading: isReading, policy)
    }

    private mutating func checkPing(at now: NIODeadline, isReading: Bool, _ policy: Policy) -> Action {
        guard let interval = pingInterval(policy) else { return .wait }
        if !isReading {
            // The peer's answer may lie unread in the socket, so its silence says nothing: wait anew once
            // reading goes on. This end's pongs are held up in the same way, so the peer is told that
            // somebody lives here.
            silentSince = now
            guard now >= lastPing + heartbeat(interval, policy) else { return .wait }
            lastPing = now
            return .sendHeartbeat
        }
        // A ping that is not answered yet is enough; more would only fill buffers.
        guard !isPingOut, now >= lastPing + interval else { return .wait }
        lastPing = now
        silentSince = now
        isPingOut = true
        return .sendPing
    }

    /// When to check next; `nil` when there is nothing to wait for.
    ///
    /// - Parameter isReading: as in ``check(at:isReading:_:)``; to be asked anew when that changes to false.
    func nextCheck(after now: NIODeadline, isReading: Bool, _ policy: Policy) -> NIODeadline? {
        var next: NIODeadline?
        func look(at time: NIODeadline) { next = min(next ?? time, time) }

        if let interval = pingInterval(policy) {
            if !isReading {
                look(at: lastPing + heartbeat(interval, policy))
            } else if isPingOut {
                look(at: silentSince + policy.pongTimeout)
                look(at: now + interval)
            } else {
                look(at: lastPing + interval)
            }
        }
        if let closing = firstClosing { look(at: closing.at) }
        if let idle = policy.idleTimeout, let end = idleEnd(policy) {
            look(at: end)
            // Only a look tells when a message passed.
            look(at: now + max(.nanoseconds(idle.nanoseconds / Self.looksWhileIdle), .milliseconds(1)))
        }
        return next.map { max($0, now) }
    }

    /// How often it is looked during an idle timeout whether messages have passed: the timeout may be noticed later
    /// by this part of it.
    private static let looksWhileIdle: Int64 = 8

    private var firstClosing: Closing? { closings.min { $0.at < $1.at } }

    private func idleEnd(_ policy: Policy) -> NIODeadline? {
        policy.idleTimeout.map { idleSince + shortened($0, policy) }
    }

    /// How often a peer that may wait for a pong is told that somebody lives here: it is taken to wait no shorter than
    /// this end does, and is told twice in that time.
    private func heartbeat(_ interval: TimeAmount, _ policy: Policy) -> TimeAmount {
        min(interval, max(.nanoseconds(policy.pongTimeout.nanoseconds / 2), .milliseconds(1)))
    }

    private func pingInterval(_ policy: Policy) -> TimeAmount? {
        policy.pingInterval.map { max(shortened($0, policy), .milliseconds(1)) }
    }

    private func shortened(_ time: TimeAmount, _ policy: Policy) -> TimeAmount {
        // At most 65,536, so that neither product can exceed the time itself.
        let part = policy.jitter * Int64(spread) / Int64(UInt16.max)
        let whole = time.nanoseconds
        return .nanoseconds(whole - whole / 65_536 * part - whole % 65_536 * part / 65_536)
    }
}

extension ClosePayload {
    // Not 1000: nobody's purpose was fulfilled. 1001 tells a client that it may come again when it has something
    // to say.
    static let idle = known(.goingAway, "idle for too long")
    static let tooOld = known(.goingAway, "open for too long")
}
