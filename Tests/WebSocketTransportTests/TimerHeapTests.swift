import NIOCore
import Testing

@testable import WebSocketTransport

@Suite("Timer heap")
struct TimerHeapTests {
    private final class Owner: LoopTimerOwner {
        let number: Int
        var timer = LoopTimer()
        init(_ number: Int) { self.number = number }
        func timerFired() {}
    }

    /// What the heap should have: owners with deadline and order of setting, in a list that is searched.
    private struct Model {
        var set: [Int: (deadline: UInt64, order: Int)] = [:]
        var order = 0

        mutating func put(_ number: Int, _ deadline: UInt64) {
            order += 1
            set[number] = (deadline, order)
        }

        mutating func popDue(_ now: UInt64) -> Int? {
            let first = set.min { ($0.value.deadline, $0.value.order) < ($1.value.deadline, $1.value.order) }
            guard let first, first.value.deadline <= now else { return nil }
            set[first.key] = nil
            return first.key
        }
    }

    @Test(
        "Set, moved, taken out and due in any order, it does as a searched list does",
        arguments: 0..<20 as Range<UInt64>
    )
    func model(seed: UInt64) {
        var random = SplitMix(state: seed)
        var heap = TimerHeap()
        var model = Model()
        let owners = (0..<60).map { Owner($0) }
        for _ in 0..<3000 {
            let owner = owners[Int.random(in: 0..<owners.count, using: &random)]
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                // Few deadlines, so that many are the same.
                let deadline = UInt64.random(in: 0..<30, using: &random)
                heap.set(owner, at: .uptimeNanoseconds(deadline))
                model.put(owner.number, deadline)
            case 2:
                heap.remove(owner)
                model.set[owner.number] = nil
            default:
                let now = UInt64.random(in: 0..<30, using: &random)
                let due = heap.popDue(at: .uptimeNanoseconds(now)) as? Owner
                #expect(due?.number == model.popDue(now))
            }
            #expect(heap.count == model.set.count)
            #expect(
                heap.earliest == model.set.values.map(\.deadline).min().map(NIODeadline.uptimeNanoseconds)
            )
        }
    }

    @Test("Timers of one time go off in the order they were set; one set anew goes last")
    func ties() {
        var heap = TimerHeap()
        let owners = (0..<5).map { Owner($0) }
        for owner in owners { heap.set(owner, at: .uptimeNanoseconds(7)) }
        heap.set(owners[1], at: .uptimeNanoseconds(7))
        var order: [Int?] = []
        for _ in 0..<6 { order.append((heap.popDue(at: .uptimeNanoseconds(7)) as? Owner)?.number) }
        #expect(order == [0, 2, 3, 4, 1, nil])
    }

    @Test("A timer that went off can be set again, and its owner is let go of")
    func again() {
        var heap = TimerHeap()
        weak var gone: Owner?
        do {
            let owner = Owner(0)
            gone = owner
            heap.set(owner, at: .uptimeNanoseconds(1))
            #expect(heap.popDue(at: .uptimeNanoseconds(1)) === owner)
            heap.set(owner, at: .uptimeNanoseconds(2))
            #expect(heap.popDue(at: .uptimeNanoseconds(1)) == nil)
            heap.remove(owner)
            heap.remove(owner)
        }
        #expect(gone == nil)
        #expect(heap.earliest == nil)
    }
}

/// The same numbers for the same seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
