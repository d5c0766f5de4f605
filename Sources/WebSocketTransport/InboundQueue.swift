import NIOCore

/// Messages that wait for their reader, and the reader that waits for messages; never both.
struct InboundQueue {
    private var messages = CircularBuffer<Message>()
    private var waiter: CheckedContinuation<Message?, any Error>?
    /// Bytes of the waiting messages, with the charge for each.
    private(set) var cost = 0

    var isEmpty: Bool { messages.isEmpty }
    var hasWaiter: Bool { waiter != nil }

    mutating func push(_ message: Message) {
        if let waiter {
            self.waiter = nil
            waiter.resume(returning: message)
            return
        }
        cost += message.bytes.count + ConnectionOptions.messageCharge
        messages.append(message)
    }

    mutating func pop() -> Message? {
        guard let message = messages.popFirst() else { return nil }
        cost -= message.bytes.count + ConnectionOptions.messageCharge
        return message
    }

    /// - Returns: false when somebody waits already.
    mutating func wait(_ continuation: CheckedContinuation<Message?, any Error>) -> Bool {
        guard waiter == nil else { return false }
        waiter = continuation
        return true
    }

    mutating func takeWaiter() -> CheckedContinuation<Message?, any Error>? {
        defer { waiter = nil }
        return waiter
    }
}
