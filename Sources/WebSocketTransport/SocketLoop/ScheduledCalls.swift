#if os(Linux)
import NIOCore

/// A call to be made at a time, on an event loop of ours.
final class ScheduledCall: @unchecked Sendable {
    // Sendable: `place` is touched on the loop only, and `call` is made there.

    /// Where the loop's heap has it.
    fileprivate(set) var place = ScheduledCalls.nowhere
    let call: @Sendable () -> Void

    init(_ call: @escaping @Sendable () -> Void) { self.call = call }
}

/// What was scheduled on a loop of ours the way SwiftNIO has it, the earliest first: a binary heap whose entries
/// know their place, so that one can be taken out or moved.
///
/// These are few, and to the point; the timers of connections are in a ``TimerWheel``.
struct ScheduledCalls {
    private struct Entry {
        var deadline: NIODeadline
        /// Calls of the same time are made in the order they were set.
        var order: UInt64
        let owner: ScheduledCall

        func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? order < other.order : deadline < other.deadline
        }
    }

    static let nowhere: Int32 = -1

    private var entries: [Entry] = []
    private var lastOrder: UInt64 = 0

    var count: Int { entries.count }
    var earliest: NIODeadline? { entries.first?.deadline }

    /// Sets the time of a call, in place of what it was set to.
    mutating func set(_ owner: ScheduledCall, at deadline: NIODeadline) {
        lastOrder += 1
        let entry = Entry(deadline: deadline, order: lastOrder, owner: owner)
        let place = Int(owner.place)
        if place < 0 {
            entries.append(entry)
            setPlace(entries.count - 1)
            moveUp(entries.count - 1)
        } else {
            entries[place] = entry
            moveUp(place)
            moveDown(Int(owner.place))
        }
    }

    mutating func remove(_ owner: ScheduledCall) {
        let place = Int(owner.place)
        guard place >= 0 else { return }
        owner.place = Self.nowhere
        let last = entries.removeLast()
        guard place < entries.count else { return }
        entries[place] = last
        setPlace(place)
        moveUp(place)
        moveDown(Int(last.owner.place))
    }

    /// Takes out the earliest call, if its time has come.
    mutating func popDue(at now: NIODeadline) -> ScheduledCall? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        remove(first.owner)
        return first.owner
    }

    private mutating func moveUp(_ start: Int) {
        guard start > 0, entries[start].isBefore(entries[(start - 1) / 2]) else { return }
        let entry = entries[start]
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard entry.isBefore(entries[parent]) else { break }
            put(entries[parent], at: place)
            place = parent
        }
        put(entry, at: place)
    }

    private mutating func moveDown(_ start: Int) {
        let entry = entries[start]
        var place = start
        while 2 * place + 1 < entries.count {
            var child = 2 * place + 1
            if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) { child += 1 }
            guard entries[child].isBefore(entry) else { break }
            put(entries[child], at: place)
            place = child
        }
        if place != start { put(entry, at: place) }
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        entries[place] = entry
        setPlace(place)
    }

    private func setPlace(_ place: Int) {
        entries[place].owner.place = Int32(truncatingIfNeeded: place)
    }
}
#endif
