import NIOCore

/// The timers of one event loop: wheels of 64 slots, each turning 64 times as slowly as the one before, so that a
/// timer is set, moved or taken out in a few steps however many there are, and those of one time go off together.
///
/// Time is counted in ticks of ``resolution`` from the clock's zero. A timer goes off at the first tick that is not
/// before its deadline: never early, and up to one tick late. Those of one tick go off in the order they were set.
///
/// A timer lies in the wheel of the highest digit, to the base 64, in which its tick differs from the hand's, in the
/// slot of that digit. When the hand comes to the slot, what is in it moves to the wheels below: six times at most
/// in its life. Seven wheels hold every time that a clock can show.
///
/// Pure: it is given the time, and reads no clock.
struct TimerWheel {
    /// How late a timer may go off.
    static let resolution = TimeAmount.milliseconds(5)

    /// The place of an owner whose timer is not set.
    static let nowhere: Int32 = -1

    private struct Entry {
        /// `nil` while nobody has this place.
        var owner: (any LoopTimerOwner)?
        /// When it goes off; no later than the hand once it is due.
        var tick: UInt64
        /// The next in the list, or the next free place.
        var next: Int32
        /// The one before in the list; for the first, the list's number with all bits turned.
        var previous: Int32
    }

    /// A slot's timers, in the order they were set.
    private struct List {
        var first = TimerWheel.nowhere
        var last = TimerWheel.nowhere
    }

    private static let digitBits = 6
    private static let slots = 1 << digitBits
    /// 2^63 ns are less than 2^41 ticks, which have seven digits.
    private static let wheels = 7
    /// The list of those that are due, behind those of all slots.
    private static let due = wheels * slots
    /// Places kept for the next timers when none is set any more.
    private static let keep = 4096
    private static let tickLength = UInt64(resolution.nanoseconds)

    private var entries: [Entry] = []
    private var free = nowhere
    private var lists = [List](repeating: List(), count: due + 1)
    /// For each wheel, the slots that hold something.
    private var occupied = [UInt64](repeating: 0, count: wheels)
    /// The tick up to which all that was due has been found.
    private var hand: UInt64 = 0

    /// How many timers are set.
    private(set) var count = 0

    /// When to look for due ones: none goes off before. `nil` when none is set.
    ///
    /// It may be before the first one's time, when those far ahead have to be put in order.
    var nextLook: NIODeadline? {
        guard count > 0 else { return nil }
        guard lists[Self.due].first < 0 else { return .uptimeNanoseconds(0) }
        return firstSlot.map { .uptimeNanoseconds($0.start * Self.tickLength) }
    }

    /// Sets an owner's timer, in place of what it was set to.
    mutating func set(_ owner: any LoopTimerOwner, at deadline: NIODeadline, now: NIODeadline) {
        // Nobody is left behind by a hand that goes on while no timer is set.
        if count == 0 { hand = max(hand, Self.tick(before: now)) }
        let place: Int32
        if isSet(owner) {
            place = owner.timer.place
            unlink(place)
        } else {
            place = takePlace(for: owner)
            owner.timer.place = place
        }
        // What is late already does not wait for a tick.
        entries[Int(place)].tick = deadline > now ? Self.tick(after: deadline) : hand
        link(place)
    }

    mutating func remove(_ owner: any LoopTimerOwner) {
        guard isSet(owner) else { return }
        release(owner)
    }

    /// Takes out the first timer whose time has come.
    mutating func popDue(at now: NIODeadline) -> (any LoopTimerOwner)? {
        guard count > 0 else { return nil }
        if lists[Self.due].first < 0 { advance(to: Self.tick(before: now)) }
        let first = lists[Self.due].first
        guard first >= 0, let owner = entries[Int(first)].owner else { return nil }
        release(owner)
        return owner
    }

    // MARK: Time

    private static func tick(before time: NIODeadline) -> UInt64 { time.uptimeNanoseconds / tickLength }

    /// The first tick that is not before `time`, which is less than 2^63 ns.
    private static func tick(after time: NIODeadline) -> UInt64 {
        (time.uptimeNanoseconds + tickLength - 1) / tickLength
    }

    /// Moves the hand on, up to the first tick that makes a timer due.
    private mutating func advance(to now: UInt64) {
        while let slot = firstSlot, slot.start <= now {
            hand = slot.start
            empty(slot.list)
            if lists[Self.due].first >= 0 { return }
        }
        hand = max(hand, now)
    }

    /// The first slot that holds something, and the tick at which the hand comes to it.
    ///
    /// What lies in a wheel shares all higher digits with the hand, and has a higher one in this; so all of a wheel
    /// comes before all of the next, and in a wheel the lowest slot is the first.
    private var firstSlot: (list: Int, start: UInt64)? {
        for wheel in 0..<Self.wheels where occupied[wheel] != 0 {
            let slot = occupied[wheel].trailingZeroBitCount
            let shift = wheel * Self.digitBits
            let higher = hand & (.max << (shift + Self.digitBits))
            return (wheel * Self.slots + slot, higher | UInt64(slot) << shift)
        }
        return nil
    }

    /// Puts a slot's timers where they belong now that the hand has come to it.
    private mutating func empty(_ list: Int) {
        var place = lists[list].first
        lists[list] = List()
        occupied[list >> Self.digitBits] &= ~(1 << UInt64(list & (Self.slots - 1)))
        while place >= 0 {
            let next = entries[Int(place)].next
            link(place)
            place = next
        }
    }

    // MARK: Lists

    /// Where a timer of this tick lies.
    private func list(of tick: UInt64) -> Int {
        guard tick > hand else { return Self.due }
        let wheel = (UInt64.bitWidth - 1 - (tick ^ hand).leadingZeroBitCount) / Self.digitBits
        let slot = Int(tick >> (wheel * Self.digitBits)) & (Self.slots - 1)
        return wheel * Self.slots + slot
    }

    private mutating func link(_ place: Int32) {
        let index = Int(place)
        let list = list(of: entries[index].tick)
        let last = lists[list].last
        entries[index].next = Self.nowhere
        if last >= 0 {
            entries[index].previous = last
            entries[Int(last)].next = place
        } else {
            entries[index].previous = ~Int32(list)
            lists[list].first = place
            if list != Self.due {
                occupied[list >> Self.digitBits] |= 1 << UInt64(list & (Self.slots - 1))
            }
        }
        lists[list].last = place
    }

    private mutating func unlink(_ place: Int32) {
        let (next, previous) = (entries[Int(place)].next, entries[Int(place)].previous)
        if next >= 0 {
            entries[Int(next)].previous = previous
        } else {
            lists[list(of: entries[Int(place)].tick)].last = max(previous, Self.nowhere)
        }
        if previous >= 0 {
            entries[Int(previous)].next = next
        } else {
            let list = Int(~previous)
            lists[list].first = next
            if next < 0, list != Self.due {
                occupied[list >> Self.digitBits] &= ~(1 << UInt64(list & (Self.slots - 1)))
            }
        }
    }

    // MARK: Places

    private func isSet(_ owner: any LoopTimerOwner) -> Bool {
        let place = Int(owner.timer.place)
        return place >= 0 && place < entries.count && entries[place].owner === owner
    }

    private mutating func takePlace(for owner: any LoopTimerOwner) -> Int32 {
        count += 1
        guard free >= 0 else {
            entries.append(Entry(owner: owner, tick: 0, next: Self.nowhere, previous: Self.nowhere))
            return Int32(truncatingIfNeeded: entries.count - 1)
        }
        let place = free
        free = entries[Int(place)].next
        entries[Int(place)].owner = owner
        return place
    }

    /// Takes a timer that is set out of its list, and gives its place to others.
    private mutating func release(_ owner: any LoopTimerOwner) {
        let place = owner.timer.place
        unlink(place)
        owner.timer.place = Self.nowhere
        entries[Int(place)].owner = nil
        entries[Int(place)].next = free
        free = place
        count -= 1
        if count == 0, entries.count > Self.keep {
            entries = []
            free = Self.nowhere
        }
    }
}
