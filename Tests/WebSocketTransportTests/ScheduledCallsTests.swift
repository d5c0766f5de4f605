#if os(Linux)
import NIOCore
import TestSupport
import Testing

@testable import WebSocketTransport

@Suite("Scheduled calls")
struct ScheduledCallsTests {
    /// What the heap should have: calls with deadline and order of setting, in a list that is searched.
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
        var heap = ScheduledCalls()
        var model = Model()
        let calls = (0..<60).map { _ in ScheduledCall {} }
        for _ in 0..<3000 {
            let number = Int.random(in: 0..<calls.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                // Few deadlines, so that many are the same.
                let deadline = UInt64.random(in: 0..<30, using: &random)
                heap.set(calls[number], at: .uptimeNanoseconds(deadline))
                model.put(number, deadline)
            case 2:
                heap.remove(calls[number])
                model.set[number] = nil
            default:
                let now = UInt64.random(in: 0..<30, using: &random)
                let due = heap.popDue(at: .uptimeNanoseconds(now))
                #expect(calls.firstIndex { $0 === due } == model.popDue(now))
            }
            #expect(heap.count == model.set.count)
            #expect(
                heap.earliest == model.set.values.map(\.deadline).min().map(NIODeadline.uptimeNanoseconds)
            )
        }
    }

    @Test("Calls of one time are made in the order they were set; one set anew goes last")
    func ties() {
        var heap = ScheduledCalls()
        let log = Log<Int>()
        let calls = (0..<5).map { number in ScheduledCall { log.add(number) } }
        for call in calls { heap.set(call, at: .uptimeNanoseconds(7)) }
        heap.set(calls[1], at: .uptimeNanoseconds(7))
        while let due = heap.popDue(at: .uptimeNanoseconds(7)) { due.call() }
        #expect(log.entries == [0, 2, 3, 4, 1])
    }

    @Test("A call that was made can be set again, and is let go of")
    func again() {
        var heap = ScheduledCalls()
        weak var gone: ScheduledCall?
        do {
            let call = ScheduledCall {}
            gone = call
            heap.set(call, at: .uptimeNanoseconds(1))
            #expect(heap.popDue(at: .uptimeNanoseconds(1)) === call)
            heap.set(call, at: .uptimeNanoseconds(2))
            #expect(heap.popDue(at: .uptimeNanoseconds(1)) == nil)
            heap.remove(call)
            heap.remove(call)
        }
        #expect(gone == nil)
        #expect(heap.earliest == nil)
    }
}
#endif
