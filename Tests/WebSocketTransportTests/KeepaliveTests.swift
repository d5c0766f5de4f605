import NIOCore
import Testing

@testable import WebSocketTransport

/// The clocks of liveness by themselves: time goes in, what to do comes out.
@Suite("Keepalive")
struct KeepaliveTests {
    static let begin = NIODeadline.uptimeNanoseconds(1_000_000_000)
    static func at(_ seconds: Int64) -> NIODeadline { begin + .seconds(seconds) }

    private var keepalive = Keepalive(interval: .seconds(20), timeout: .seconds(15), now: begin)

    @Test("By default both ends ping at least every 25 seconds")
    func defaults() throws {
        let interval = try #require(ConnectionOptions().pingInterval)
        #expect(interval <= .seconds(25))
        #expect(interval > .zero)
    }

    @Test("A ping is due after the interval, not before")
    mutating func firstPing() {
        #expect(keepalive.nextCheck(after: Self.begin) == Self.at(20))
        #expect(keepalive.check(at: Self.at(19), isReading: true) == .wait)
        #expect(keepalive.check(at: Self.at(20), isReading: true) == .sendPing)
    }

    @Test("One ping waits at a time; without a sign of life this end gives up")
    mutating func givesUp() {
        #expect(keepalive.check(at: Self.at(20), isReading: true) == .sendPing)
        #expect(keepalive.nextCheck(after: Self.at(20)) == Self.at(35))
        #expect(keepalive.check(at: Self.at(34), isReading: true) == .wait)
        #expect(keepalive.check(at: Self.at(35), isReading: true) == .giveUp)
    }

    @Test("Anything received is a sign of life")
    mutating func signOfLife() {
        #expect(keepalive.check(at: Self.at(20), isReading: true) == .sendPing)
        keepalive.received()
        #expect(keepalive.check(at: Self.at(36), isReading: true) == .wait)
        #expect(keepalive.nextCheck(after: Self.at(36)) == Self.at(40))
        #expect(keepalive.check(at: Self.at(40), isReading: true) == .sendPing)
    }

    @Test("A timeout longer than the interval is waited for with one ping only")
    func longTimeout() {
        var keepalive = Keepalive(interval: .seconds(10), timeout: .seconds(35), now: Self.begin)
        #expect(keepalive.check(at: Self.at(10), isReading: true) == .sendPing)
        #expect(keepalive.check(at: Self.at(20), isReading: true) == .wait)
        #expect(keepalive.check(at: Self.at(30), isReading: true) == .wait)
        #expect(keepalive.check(at: Self.at(40), isReading: true) == .wait)
        #expect(keepalive.nextCheck(after: Self.at(40)) == Self.at(45))
        #expect(keepalive.check(at: Self.at(45), isReading: true) == .giveUp)
    }

    @Test("While this end does not read, the peer's silence says nothing and the peer is told that we live")
    mutating func notReading() {
        #expect(keepalive.check(at: Self.at(20), isReading: true) == .sendPing)
        #expect(keepalive.check(at: Self.at(35), isReading: false) == .wait)
        #expect(keepalive.check(at: Self.at(40), isReading: false) == .sendHeartbeat)
        #expect(keepalive.check(at: Self.at(59), isReading: false) == .wait)
        #expect(keepalive.check(at: Self.at(60), isReading: false) == .sendHeartbeat)
        // Reading again: the ping of long ago has its time anew.
        #expect(keepalive.check(at: Self.at(74), isReading: true) == .wait)
        #expect(keepalive.check(at: Self.at(75), isReading: true) == .giveUp)
    }

    @Test("The next check is never in the past", arguments: [0, 20, 35, 500])
    mutating func nextCheck(_ now: Int64) {
        #expect(keepalive.nextCheck(after: Self.at(now)) >= Self.at(now))
        _ = keepalive.check(at: Self.at(20), isReading: true)
        #expect(keepalive.nextCheck(after: Self.at(now)) >= Self.at(now))
    }

    @Test("Durations beyond any clock do not trap")
    func extremes() {
        for (interval, timeout) in [(Int64.max, Int64.max), (1, .max), (.max, 1)] {
            var keepalive = Keepalive(
                interval: .nanoseconds(interval),
                timeout: .nanoseconds(timeout),
                now: Self.begin
            )
            _ = keepalive.check(at: Self.at(1), isReading: true)
            #expect(keepalive.nextCheck(after: Self.at(1)) >= Self.at(1))
        }
    }
}
