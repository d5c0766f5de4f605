import NIOCore
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// The clocks of an open connection by themselves: time goes in, what to do comes out.
@Suite("Deadlines")
struct DeadlinesTests {
    static let begin = NIODeadline.uptimeNanoseconds(1_000_000_000)
    static func at(_ seconds: Int64) -> NIODeadline { begin + .seconds(seconds) }
    static func at(seconds: Double) -> NIODeadline { begin + .nanoseconds(Int64(seconds * 1e9)) }

    /// One connection's clocks, from ``begin`` on.
    private struct Clocks {
        let policy: Deadlines.Policy
        var deadlines: Deadlines

        init(_ options: ConnectionOptions, spread: UInt16 = 0) {
            policy = Deadlines.Policy(options)
            deadlines = Deadlines(policy, spread: spread, now: begin)
        }

        mutating func check(_ seconds: Int64, isReading: Bool = true) -> Deadlines.Action {
            check(at: at(seconds), isReading: isReading)
        }

        mutating func check(at now: NIODeadline, isReading: Bool = true) -> Deadlines.Action {
            deadlines.check(at: now, isReading: isReading, policy)
        }

        func next(after seconds: Int64, isReading: Bool = true) -> NIODeadline? {
            deadlines.nextCheck(after: at(seconds), isReading: isReading, policy)
        }

        /// Looks when told to, until something but pings is to be done.
        mutating func run(
            until end: NIODeadline,
            isReading: Bool = true,
            each: (inout Deadlines, NIODeadline) -> Void = { _, _ in }
        ) -> (at: NIODeadline, action: Deadlines.Action)? {
            var now = begin
            while let next = deadlines.nextCheck(after: now, isReading: isReading, policy), next <= end {
                now = next
                each(&deadlines, now)
                switch check(at: now, isReading: isReading) {
                case .wait, .sendHeartbeat: break
                case .sendPing: deadlines.heard()
                case let action: return (now, action)
                }
            }
            return nil
        }
    }

    private var clocks = Clocks(.init(pingInterval: .seconds(20), pongTimeout: .seconds(15)))

    // MARK: Pings

    @Test("By default both ends ping at least every 25 seconds")
    func defaults() throws {
        let interval = try #require(ConnectionOptions().pingInterval)
        #expect(interval <= .seconds(25))
        #expect(interval > .zero)
    }

    @Test("A ping is due after the interval, not before")
    mutating func firstPing() {
        #expect(clocks.next(after: 0) == Self.at(20))
        #expect(clocks.check(19) == .wait)
        #expect(clocks.check(20) == .sendPing)
    }

    @Test("One ping waits at a time; without a sign of life this end gives up")
    mutating func givesUp() {
        #expect(clocks.check(20) == .sendPing)
        #expect(clocks.next(after: 20) == Self.at(35))
        #expect(clocks.check(34) == .wait)
        #expect(clocks.check(35) == .giveUp)
    }

    @Test("Anything received is a sign of life")
    mutating func signOfLife() {
        #expect(clocks.check(20) == .sendPing)
        clocks.deadlines.heard()
        #expect(clocks.check(36) == .wait)
        #expect(clocks.next(after: 36) == Self.at(40))
        #expect(clocks.check(40) == .sendPing)
    }

    @Test("What came before a ping is no answer to it")
    mutating func heardBefore() {
        clocks.deadlines.heard()
        #expect(clocks.check(20) == .sendPing)
        #expect(clocks.check(35) == .giveUp)
    }

    @Test("A timeout longer than the interval is waited for with one ping only")
    func longTimeout() {
        var clocks = Clocks(.init(pingInterval: .seconds(10), pongTimeout: .seconds(35)))
        #expect(clocks.check(10) == .sendPing)
        for seconds in [20, 30, 40] as [Int64] { #expect(clocks.check(seconds) == .wait) }
        #expect(clocks.next(after: 40) == Self.at(45))
        #expect(clocks.check(45) == .giveUp)
    }

    @Test("While this end does not read, the peer's silence says nothing and the peer is told that we live")
    mutating func notReading() {
        #expect(clocks.check(20) == .sendPing)
        // Twice in the time that a peer with the same options waits for a pong.
        #expect(clocks.next(after: 21, isReading: false) == Self.at(seconds: 27.5))
        #expect(clocks.check(27, isReading: false) == .wait)
        #expect(clocks.check(at: Self.at(seconds: 27.5), isReading: false) == .sendHeartbeat)
        #expect(clocks.next(after: 28, isReading: false) == Self.at(35))
        #expect(clocks.check(60, isReading: false) == .sendHeartbeat)
        // Reading again: the ping of long ago has its time anew.
        #expect(clocks.check(74) == .wait)
        #expect(clocks.check(75) == .giveUp)
    }

    @Test("Without any clock there is nothing to wait for")
    func nothing() {
        var clocks = Clocks(.init(pingInterval: nil))
        #expect(clocks.next(after: 0) == nil)
        #expect(clocks.check(at: .distantFuture) == .wait)
    }

    // MARK: Idle

    @Test("Idle is who had no message for the time; pings and pongs make no difference")
    func idle() {
        var clocks = Clocks(.init(pingInterval: .seconds(20), idleTimeout: .seconds(60)))
        let over = clocks.run(until: Self.at(100))
        #expect(over?.at == Self.at(60))
        #expect(over?.action == .close(.idle, .idle))
    }

    @Test(
        "The time begins anew with each message, and is up an eighth late at most",
        arguments: 1..<60 as Range<Int64>
    )
    func idleAnew(_ second: Int64) throws {
        var clocks = Clocks(.init(pingInterval: nil, idleTimeout: .seconds(60)))
        var hasPassed = false
        let over = try #require(
            clocks.run(until: Self.at(200)) { deadlines, now in
                // The message came some time before this look.
                if now >= Self.at(second), !hasPassed {
                    hasPassed = true
                    deadlines.messagePassed()
                }
            }
        )
        #expect(over.action == .close(.idle, .idle))
        #expect(over.at >= Self.at(second + 60))
        #expect(over.at <= Self.at(second + 60) + .milliseconds(7500))
    }

    @Test("Who does not read, for its own reader is slow, is not idle")
    func pausedIsNotIdle() {
        var clocks = Clocks(.init(pingInterval: nil, idleTimeout: .seconds(60)))
        for seconds in [30, 60, 100, 300] as [Int64] {
            #expect(clocks.check(seconds, isReading: false) == .wait)
        }
        #expect(clocks.check(359) == .wait)
        #expect(clocks.check(360) == .close(.idle, .idle))
    }

    // MARK: The end of its time

    @Test("At its maximum age a connection closes, however busy it is")
    func maximumAge() {
        var clocks = Clocks(
            .init(pingInterval: .seconds(20), idleTimeout: .seconds(60), maximumAge: .seconds(3600))
        )
        let over = clocks.run(until: Self.at(4000)) { deadlines, _ in deadlines.messagePassed() }
        #expect(over?.at == Self.at(3600))
        #expect(over?.action == .close(.tooOld, .tooOld))
    }

    @Test("Its expiry can be set, moved either way, and taken back")
    mutating func expiry() throws {
        let payload = try ClosePayload(sending: .policyViolation, reason: "the token has ended")
        clocks.deadlines.expire(at: Self.at(10), payload)
        #expect(clocks.next(after: 0) == Self.at(10))
        clocks.deadlines.expire(at: Self.at(15), payload)
        #expect(clocks.check(14) == .wait)
        #expect(clocks.next(after: 14) == Self.at(15))
        clocks.deadlines.expire(at: nil, payload)
        #expect(clocks.check(16) == .wait)
        #expect(clocks.next(after: 16) == Self.at(20))
        clocks.deadlines.expire(at: Self.at(3), payload)
        #expect(clocks.next(after: 16) == Self.at(16))
        #expect(clocks.check(16) == .close(.expired, payload))
    }

    @Test("What comes first closes: the expiry or the maximum age", arguments: [50, 100, 150] as [Int64])
    func firstCloses(_ expiry: Int64) {
        var clocks = Clocks(.init(pingInterval: nil, maximumAge: .seconds(100)))
        clocks.deadlines.expire(at: Self.at(expiry), .empty)
        let over = clocks.run(until: Self.at(1000))
        #expect(over?.at == Self.at(min(expiry, 100)))
        #expect(over?.action == (expiry < 100 ? .close(.expired, .empty) : .close(.tooOld, .tooOld)))
    }

    @Test("A dead peer is not asked to close")
    func deadFirst() {
        var clocks = Clocks(
            .init(pingInterval: .seconds(20), pongTimeout: .seconds(20), maximumAge: .seconds(40))
        )
        #expect(clocks.check(20) == .sendPing)
        #expect(clocks.check(40) == .giveUp)
    }

    // MARK: Jitter

    @Test(
        "Each clock ends up to the jitter earlier, and never later",
        arguments: [(0.1, 0, 1.0), (0.1, 65535, 0.9), (0.1, 32768, 0.95), (0.5, 65535, 0.5), (0, 65535, 1.0)]
            as [(Double, UInt16, Double)]
    )
    func jitter(_ jitter: Double, _ spread: UInt16, _ part: Double) throws {
        func near(_ time: NIODeadline?, _ seconds: Double) -> Bool {
            guard let time else { return false }
            let late = (time - Self.at(seconds: seconds)).nanoseconds
            return abs(late) < 2_000_000 && time <= Self.at(seconds: seconds / part)
        }
        let ping = Clocks(.init(pingInterval: .seconds(20), jitter: jitter), spread: spread)
        #expect(near(ping.next(after: 0), 20 * part))
        let age = Clocks(.init(pingInterval: nil, jitter: jitter, maximumAge: .seconds(90)), spread: spread)
        #expect(near(age.next(after: 0), 90 * part))
        var idle = Clocks(.init(pingInterval: nil, jitter: jitter, idleTimeout: .seconds(60)), spread: spread)
        let idleEnd = idle.run(until: Self.at(100))?.at
        #expect(near(idleEnd, 60 * part))
    }

    @Test(
        "A jitter that makes no sense is the nearest that does",
        arguments: [-1, .nan, -.infinity, 2, .infinity] as [Double]
    )
    func strangeJitter(_ jitter: Double) {
        let clocks = Clocks(.init(pingInterval: .seconds(20), jitter: jitter), spread: .max)
        #expect(clocks.next(after: 0) == Self.at(jitter > 1 ? 10 : 20))
    }

    @Test("Sockets opened together ping at times of their own, spread over the whole jitter")
    func spread() {
        let scratch = LoopScratch()
        let policy = Deadlines.Policy(.init(pingInterval: .seconds(20)))
        let times = (0..<2000).map { _ in
            Deadlines(policy, spread: scratch.nextSpread(), now: Self.begin).nextCheck(
                after: Self.begin,
                isReading: true,
                policy
            )
                ?? .distantPast
        }
        // In each of twenty parts of the two seconds there are some: by chance one has none once in 10^43 runs.
        for part in 0..<20 {
            let from = Self.at(18) + .milliseconds(Int64(part) * 100)
            #expect(times.contains { $0 >= from && $0 <= from + .milliseconds(100) })
        }
        #expect(times.allSatisfy { $0 >= Self.at(18) && $0 <= Self.at(20) })
    }

    // MARK: Any time

    @Test("The next check is never in the past", arguments: [0, 20, 35, 500] as [Int64])
    func nextCheck(_ now: Int64) throws {
        var clocks = Clocks(
            .init(pingInterval: .seconds(20), idleTimeout: .seconds(7), maximumAge: .seconds(30))
        )
        #expect(try #require(clocks.next(after: now)) >= Self.at(now))
        _ = clocks.check(20)
        #expect(try #require(clocks.next(after: now)) >= Self.at(now))
    }

    @Test("Durations beyond any clock, or of nothing, do not trap and do not hold up the loop")
    func extremes() throws {
        let durations: [Duration] = [
            .zero, .seconds(-5), .nanoseconds(1), .nanoseconds(Int64.max), .seconds(Int64.max),
        ]
        for one in durations {
            for other in durations {
                var clocks = Clocks(
                    .init(pingInterval: one, pongTimeout: other, idleTimeout: one, maximumAge: other),
                    spread: 12_345
                )
                #expect(try #require(clocks.next(after: 0)) > Self.begin)
                _ = clocks.check(1)
                #expect(try #require(clocks.next(after: 1)) >= Self.at(1))
            }
        }
    }
}
