/// A queue that holds no memory while it is empty, as most queues of most connections are most of the time.
struct Fifo<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }
    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }

    /// - Parameter spare: memory to begin with, if this queue has none.
    mutating func append(_ element: Element, using spare: inout [Element?]) {
        if elements.capacity == 0 { swap(&elements, &spare) }
        elements.append(element)
    }

    /// - Parameter spare: where the memory is left once the queue is empty; not more of it than for `limit` elements.
    mutating func popFirst(leaving spare: inout [Element?], limit: Int) -> Element? {
        if count == 1, spare.capacity == 0, elements.capacity <= limit {
            let element = elements[head]
            elements.removeAll(keepingCapacity: true)
            head = 0
            swap(&elements, &spare)
            return element
        }
        return popFirst()
    }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        var element: Element?
        swap(&element, &elements[head])
        head += 1
        if head == elements.count {
            removeAll()
        } else if head >= 32, head * 2 >= elements.count {
            // Half of it is used up: what is left moves to the front, each element once per doubling.
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func removeAll() {
        elements = []
        head = 0
    }
}

extension Fifo: Sendable where Element: Sendable {}

extension Fifo: Sequence {
    func makeIterator() -> some IteratorProtocol<Element> {
        elements[head...].lazy.compactMap(\.self).makeIterator()
    }
}
