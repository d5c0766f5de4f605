/// A reader that waits for its message.
///
/// Unchecked, since there is one for each read of a quiet connection, and a checked one allocates twice: the queue
/// below hands out each but once, when a message comes or the connection ends, whichever is first.
typealias ReadContinuation = UnsafeContinuation<Message?, any Error>

/// Messages that wait for their reader, and the reader that waits for messages; never both.
struct InboundQueue {
    private var messages = Fifo<Message>()
    private var waiter: (continuation: ReadContinuation, reader: AnyObject)?

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
    mutating func wait(_ continuation: ReadContinuation, reader: AnyObject) -> Bool {
        guard waiter == nil else { return false }
        waiter = (continuation, reader)
        return true
    }

    mutating func takeWaiter() -> ReadContinuation? {
        defer { waiter = nil }
        return waiter?.continuation
    }

    /// The waiter, if it is this reader.
    mutating func takeWaiter(ifReader reader: AnyObject) -> ReadContinuation? {
        waiter?.reader === reader ? takeWaiter() : nil
    }
}
