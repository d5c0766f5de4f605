/// Messages that wait for their reader, and the reader that waits for messages; never both.
struct InboundQueue {
    private var messages = Fifo<Message>()
    private var waiter: Waiter?

    /// In a class: a continuation has no layout that the compiler may know, so that each look at one beside the
    /// queue would ask the runtime for it.
    private final class Waiter {
        let continuation: CheckedContinuation<Message?, any Error>
        let reader: AnyObject

        init(_ continuation: CheckedContinuation<Message?, any Error>, _ reader: AnyObject) {
            (self.continuation, self.reader) = (continuation, reader)
        }
    }

    /// Bytes of the waiting messages, with the charge for each.
    private(set) var cost = 0

    var isEmpty: Bool { messages.isEmpty }
    var hasWaiter: Bool { waiter != nil }

    /// - Parameter spare: memory to use for what waits, if there is none.
    mutating func push(_ message: consuming Message, using spare: inout [Message?]) {
        if let waiter {
            self.waiter = nil
            waiter.continuation.resume(returning: message)
            return
        }
        cost += message.bytes.count + ConnectionOptions.messageCharge
        messages.append(message, using: &spare)
    }

    /// - Parameter spare: where to leave memory that is not needed any more.
    mutating func pop(leaving spare: inout [Message?]) -> Message? {
        guard let message = messages.popFirst(leaving: &spare, limit: Self.mostKept) else { return nil }
        cost -= message.bytes.count + ConnectionOptions.messageCharge
        return message
    }

    /// Messages that memory is kept for between uses.
    private static let mostKept = 1024

    /// - Parameter reader: distinguishes this wait from others.
    /// - Returns: false when somebody waits already.
    mutating func wait(_ continuation: CheckedContinuation<Message?, any Error>, reader: AnyObject) -> Bool {
        guard waiter == nil else { return false }
        waiter = Waiter(continuation, reader)
        return true
    }

    mutating func takeWaiter() -> CheckedContinuation<Message?, any Error>? {
        defer { waiter = nil }
        return waiter?.continuation
    }

    /// The waiter, if it is this reader.
    mutating func takeWaiter(ifReader reader: AnyObject) -> CheckedContinuation<Message?, any Error>? {
        waiter?.reader === reader ? takeWaiter() : nil
    }
}
