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

    @Test("Queues that take turns with memory do as an array does, each", arguments: 0..<10 as Range<UInt64>)
    func sharedMemory(seed: UInt64) {
        var random = SplitMix(state: seed)
        var spare: [Int?] = []
        var queues = [Fifo<Int>(), Fifo<Int>()]
        var models: [[Int]] = [[], []]
        for number in 0..<5000 {
            let index = Int.random(in: 0...1, using: &random)
            if Bool.random(using: &random) {
                queues[index].append(number, using: &spare)
                models[index].append(number)
            } else {
                let popped = queues[index].popFirst(leaving: &spare, limit: 64)
                #expect(popped == (models[index].isEmpty ? nil : models[index].removeFirst()))
            }
            #expect(queues[index].count == models[index].count)
            #expect(spare.isEmpty && spare.capacity <= 64, "memory and nothing in it")
        }
        for (queue, model) in zip(queues, models) { #expect(Array(queue) == model) }
    }

    @Test("The memory of a queue that is empty again serves the next, unless it is too much")
    func spareMemory() {
        var spare: [Int?] = []
        var one = Fifo<Int>()
        for number in 0..<10 { one.append(number, using: &spare) }
        while one.popFirst(leaving: &spare, limit: 1000) != nil {}
        let capacity = spare.capacity
        #expect(capacity >= 10)
        var two = Fifo<Int>()
        two.append(1, using: &spare)
        #expect(spare.capacity == 0)
        #expect(two.popFirst(leaving: &spare, limit: 5) == 1)
        #expect(spare.capacity == 0)
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
