import Testing

@testable import WebSocketTransport

@Suite("Queue")
struct FifoTests {
    @Test("It does as an array does, whatever is put in and taken out", arguments: 0..<10 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = SplitMix(state: seed)
        var queue = Fifo<Int>()
        var model: [Int] = []
        for number in 0..<5000 {
            // Phases of growing and of shrinking.
            let grows = (number / 500).isMultiple(of: 2)
            if Int.random(in: 0..<10, using: &random) < (grows ? 8 : 3) {
                queue.append(number)
                model.append(number)
            } else {
                #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            }
            #expect(queue.count == model.count)
            #expect(queue.first == model.first)
            #expect(queue.isEmpty == model.isEmpty)
        }
        #expect(Array(queue) == model)
        queue.removeAll()
        #expect(queue.isEmpty && queue.popFirst() == nil)
    }

    @Test("What was taken out is let go of at once")
    func release() {
        final class Thing {}
        var queue = Fifo<Thing>()
        weak var first: Thing?
        do {
            let thing = Thing()
            first = thing
            queue.append(thing)
            queue.append(Thing())
        }
        #expect(first != nil)
        _ = queue.popFirst()
        #expect(first == nil)
        #expect(queue.count == 1)
    }
}
