import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

@Suite("Timer wheel")
struct TimerWheelTests {
    private final class Owner: LoopTimerOwner {
        let number: Int
        var timer = LoopTimer()
        init(_ number: Int) { self.number = number }
        func timerFired() {}
    }

    static let resolution = UInt64(TimerWheel.resolution.nanoseconds)

    private static func at(_ nanoseconds: UInt64) -> NIODeadline { .uptimeNanoseconds(nanoseconds) }
    private static func tick(_ number: UInt64) -> NIODeadline { at(number * resolution) }

    /// What the wheel should have, in a list that is searched: for each owner the deadline, the first tick that is not
    /// before it, and when it was set.
    private struct Model {
        struct Timer {
            var deadline: UInt64
            var tick: UInt64
            var order: Int
        }
        var set: [Int: Timer] = [:]
        private var order = 0

        mutating func put(_ number: Int, at deadline: UInt64) {
            order += 1
            let tick = (deadline + resolution - 1) / resolution
            set[number] = Timer(deadline: deadline, tick: tick, order: order)
        }

        /// Those whose tick has come, by tick and then in the order they were set.
        mutating func takeDue(at now: UInt64) -> [Int] {
            let due = set.filter { $0.value.tick * resolution <= now }
                .sorted { ($0.value.tick, $0.value.order) < ($1.value.tick, $1.value.order) }.map(\.key)
            for number in due { set[number] = nil }
            return due
        }
    }

    /// Spans from less than a tick to years, so that each of the lower wheels is used, and the higher ones are crossed.
    private static func span(using random: inout SplitMix) -> UInt64 {
        let digits = Int.random(in: 1...6, using: &random)
        var span = resolution / 7
        for _ in 0..<digits { span *= 64 }
        return UInt64.random(in: 1..<span, using: &random)
    }

    @Test(
        "Set, moved, taken out and due in any order and at any distance, it does as a searched list does",
        arguments: 0..<30 as Range<UInt64>
    )
    func model(seed: UInt64) {
        var random = SplitMix(state: seed)
        var wheel = TimerWheel()
        var model = Model()
        var now = UInt64.random(in: 0..<10_000_000_000, using: &random)
        let owners = (0..<80).map { Owner($0) }
        for _ in 0..<4000 {
            let owner = owners[Int.random(in: 0..<owners.count, using: &random)]
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1, 2:
                // Often a round number, so that many share a tick.
                var deadline = now + Self.span(using: &random)
                if Bool.random(using: &random) { deadline += 1_000_000_000 - deadline % 1_000_000_000 }
                wheel.set(owner, at: Self.at(deadline), now: Self.at(now))
                model.put(owner.number, at: deadline)
            case 3:
                wheel.remove(owner)
                model.set[owner.number] = nil
            default:
                if Bool.random(using: &random), let next = wheel.nextLook?.uptimeNanoseconds {
                    now = max(now, next)
                } else {
                    now += Self.span(using: &random)
                }
                var due: [Int] = []
                while let owner = wheel.popDue(at: Self.at(now)) as? Owner {
                    due.append(owner.number)
                    #expect(owner.timer.place == TimerWheel.nowhere)
                }
                #expect(due == model.takeDue(at: now))
            }
            #expect(wheel.count == model.set.count)
            // A look is never too late, and while anything is set there is one.
            let first = model.set.values.map(\.tick).min()
            if let first, let next = wheel.nextLook {
                #expect(next <= Self.tick(first))
            } else {
                #expect(first == nil && wheel.nextLook == nil)
            }
        }
    }

    @Test(
        "Never early, and at most one tick late, when whoever waits looks when he is told",
        arguments: [1, 4_999_999, 5_000_000, 5_000_001, 320_000_000, 20_480_000_001, 86_400_000_000_000]
    )
    func precision(_ delay: UInt64) {
        var wheel = TimerWheel()
        let begin: UInt64 = 1_234_567_891
        let owner = Owner(0)
        wheel.set(owner, at: Self.at(begin + delay), now: Self.at(begin))
        var looks = 0
        while let next = wheel.nextLook {
            looks += 1
            guard wheel.popDue(at: next) != nil else { continue }
            #expect(next >= Self.at(begin + delay))
            #expect(next < Self.at(begin + delay + Self.resolution))
        }
        #expect(looks <= 7, "once for each wheel")
        #expect(owner.timer.place == TimerWheel.nowhere)
    }

    @Test("The clock's last moment is a deadline like others")
    func farthest() {
        var wheel = TimerWheel()
        let (never, soon) = (Owner(0), Owner(1))
        wheel.set(never, at: .distantFuture, now: Self.at(1))
        wheel.set(soon, at: Self.tick(3), now: Self.at(1))
        #expect(wheel.popDue(at: Self.tick(3)) === soon)
        #expect(wheel.popDue(at: Self.at(1 << 62)) == nil)
        #expect(wheel.count == 1)
        wheel.remove(never)
        #expect(wheel.nextLook == nil)
    }

    @Test("What is late when it is set is due at once, behind what was due before")
    func late() {
        var wheel = TimerWheel()
        let owners = (0..<4).map { Owner($0) }
        let now = Self.at(7 * Self.resolution + 1)
        wheel.set(owners[0], at: Self.tick(7), now: now)
        wheel.set(owners[1], at: .distantPast, now: now)
        wheel.set(owners[2], at: now, now: now)
        wheel.set(owners[3], at: now + .nanoseconds(1), now: now)
        #expect(wheel.nextLook == .distantPast)
        var order: [Int?] = []
        for _ in 0..<4 { order.append((wheel.popDue(at: now) as? Owner)?.number) }
        #expect(order == [0, 1, 2, nil])
        #expect(wheel.popDue(at: Self.tick(8)) === owners[3])
    }

    @Test(
        "Timers of one tick go off in the order they were set, whatever way they came; one set anew goes last"
    )
    func ties() {
        var wheel = TimerWheel()
        let owners = (0..<6).map { Owner($0) }
        // From afar, from nearer, and from nearby.
        for owner in owners[..<2] { wheel.set(owner, at: Self.tick(300_000), now: Self.tick(1)) }
        #expect(wheel.popDue(at: Self.tick(299_000)) == nil)
        for owner in owners[2..<4] { wheel.set(owner, at: Self.tick(300_000), now: Self.tick(299_000)) }
        #expect(wheel.popDue(at: Self.tick(299_990)) == nil)
        for owner in owners[4...] { wheel.set(owner, at: Self.tick(300_000), now: Self.tick(299_990)) }
        wheel.set(owners[1], at: Self.tick(300_000), now: Self.tick(299_990))
        var order: [Int?] = []
        for _ in 0..<7 { order.append((wheel.popDue(at: Self.tick(300_000)) as? Owner)?.number) }
        #expect(order == [0, 2, 3, 4, 5, 1, nil])
    }

    @Test(
        "A timer that went off can be set again, others may be taken out while some are due, owners are let go of"
    )
    func again() {
        var wheel = TimerWheel()
        weak var gone: Owner?
        do {
            let (owner, other) = (Owner(0), Owner(1))
            gone = owner
            wheel.set(owner, at: Self.tick(1), now: Self.at(0))
            wheel.set(other, at: Self.tick(1), now: Self.at(0))
            #expect(wheel.popDue(at: Self.tick(1)) === owner)
            wheel.remove(other)
            #expect(wheel.popDue(at: Self.tick(1)) == nil)
            wheel.set(owner, at: Self.tick(2), now: Self.tick(1))
            #expect(wheel.popDue(at: Self.tick(1)) == nil)
            wheel.remove(owner)
            wheel.remove(owner)
        }
        #expect(gone == nil)
        #expect(wheel.nextLook == nil)
    }

    @Test("Memory for many is given back when none is left")
    func many() {
        var wheel = TimerWheel()
        var owners = (0..<10_000).map { Owner($0) }
        for round in 0..<3 as Range<UInt64> {
            for owner in owners {
                let deadline = Self.tick(round * 100_000 + 1 + UInt64(owner.number))
                wheel.set(owner, at: deadline, now: Self.tick(round * 100_000))
            }
            owners.shuffle()
            for owner in owners { wheel.remove(owner) }
            #expect(wheel.count == 0)
        }
    }
}

/// The wheel on a loop of SwiftNIO's, which a test turns.
@Suite("Timers of a loop of SwiftNIO's")
struct LoopTimersTests {
    private final class Owner: LoopTimerOwner {
        var timer = LoopTimer()
        var fired: [NIODeadline] = []
        let loop: EmbeddedEventLoop
        var onFire: () -> Void = {}
        init(_ loop: EmbeddedEventLoop) { self.loop = loop }
        func timerFired() {
            fired.append(loop.now)
            onFire()
        }
    }

    @Test("Ten thousand sockets have one scheduled task between them, and none when they are gone")
    func oneTask() throws {
        let loop = EmbeddedEventLoop()
        let options = ConnectionOptions(pingInterval: .seconds(20), idleTimeout: .seconds(60))
        let sockets = try (0..<10_000).map { _ in try EmbeddedConnection(.server, options, loop: loop) }
        let timers = LoopScratch.current.timers(of: loop)
        #expect(timers.count == 10_000)
        #expect(timers.scheduledTasks == 1)
        loop.advanceTime(by: .seconds(19))
        #expect(timers.count == 10_000)
        #expect(timers.scheduledTasks == 1)
        for socket in sockets { socket.core.abort() }
        #expect(timers.count == 0)
        #expect(timers.scheduledTasks == 0)
    }

    @Test("An owner has one timer; it goes off in time, and can be moved either way, and taken back")
    func owner() {
        let loop = EmbeddedEventLoop()
        let (owner, other) = (Owner(loop), Owner(loop))
        owner.setTimer(at: loop.now + .seconds(10), on: loop)
        other.setTimer(at: loop.now + .seconds(30), on: loop)
        owner.setTimer(at: loop.now + .milliseconds(12), on: loop)
        loop.advanceTime(by: .seconds(9))
        #expect(owner.fired == [.uptimeNanoseconds(15_000_000)])
        owner.setTimer(at: loop.now + .seconds(1), on: loop)
        owner.setTimer(at: loop.now + .seconds(2), on: loop)
        loop.advanceTime(by: .seconds(20))
        #expect(owner.fired.count == 2)
        other.cancelTimer(on: loop)
        other.cancelTimer(on: loop)
        loop.advanceTime(by: .hours(1))
        #expect(other.fired.isEmpty)
        #expect(LoopScratch.current.timers(of: loop).scheduledTasks == 0)
    }

    @Test("A timer that sets itself and another while it goes off leaves one task behind")
    func reentrant() {
        let loop = EmbeddedEventLoop()
        let (owner, other) = (Owner(loop), Owner(loop))
        owner.onFire = { [unowned owner] in
            guard owner.fired.count < 5 else { return other.cancelTimer(on: loop) }
            owner.setTimer(at: loop.now + .milliseconds(100), on: loop)
            other.setTimer(at: loop.now + .milliseconds(500), on: loop)
        }
        owner.setTimer(at: loop.now, on: loop)
        loop.advanceTime(by: .milliseconds(50))
        #expect(owner.fired == [.uptimeNanoseconds(0)])
        #expect(LoopScratch.current.timers(of: loop).scheduledTasks == 1)
        loop.advanceTime(by: .seconds(10))
        #expect(owner.fired.count == 5)
        #expect(other.fired.isEmpty)
        #expect(LoopScratch.current.timers(of: loop).scheduledTasks == 0)
    }

    @Test(
        "Loops that take turns on a thread have timers of their own; those of a loop that has gone are forgotten"
    )
    func severalLoops() {
        let (one, two) = (EmbeddedEventLoop(), EmbeddedEventLoop())
        let owners = [Owner(one), Owner(two)]
        owners[0].setTimer(at: .uptimeNanoseconds(1), on: one)
        owners[1].setTimer(at: .uptimeNanoseconds(1), on: two)
        one.advanceTime(by: .seconds(1))
        #expect(owners.map(\.fired.count) == [1, 0])
        two.advanceTime(by: .seconds(1))
        #expect(owners.map(\.fired.count) == [1, 1])
        weak var gone: LoopTimers?
        do {
            let three = EmbeddedEventLoop()
            gone = LoopScratch.current.timers(of: three)
            #expect(gone != nil)
        }
        let four = EmbeddedEventLoop()
        #expect(LoopScratch.current.timers(of: four).count == 0)
        #expect(gone == nil)
    }
}
