import NIOConcurrencyHelpers
import NIOCore
import Synchronization
import WebSocketProtocol

/// Where tasks that do not run on a connection's event loop meet it: messages that came, and messages to send.
///
/// Under a lock, so that such a task waits for the loop only when there is nothing to read yet, or too much to send;
/// asking the loop for each message would wake two threads for it. Connections that are only used on their loop have
/// none.
final class Outside: Sendable {
    private let inbox: NIOLockedValueBox<Inbox>
    private let outbox: NIOLockedValueBox<Outbox>
    /// Whether something may wait to be sent that the loop has not taken yet.
    private let mayHaveOrders = Atomic(false)

    init(_ options: ConnectionOptions) {
        inbox = NIOLockedValueBox(Inbox(mark: options.inboundHighWaterMark))
        outbox = NIOLockedValueBox(Outbox(mark: options.outboundHighWaterMark))
    }

    // MARK: Reading

    private struct Inbox {
        let mark: Int
        var messages = Fifo<Message>()
        var cost = 0
        var waiter: Waiter?
        var end: ConnectionEnd?
        /// Whether the loop was told to pause reading.
        var isFull = false
        /// Whether messages come here.
        var isAsked = false
        /// Whether callbacks take the messages.
        var isTaken = false

        mutating func pop() -> Message? {
            guard let message = messages.popFirst() else { return nil }
            cost -= message.bytes.count + ConnectionOptions.messageCharge
            return message
        }
    }

    private struct Waiter {
        let continuation: CheckedContinuation<Message?, any Error>
        let reader: any AnyObject & Sendable
    }

    /// What there is for a reader now.
    enum Read {
        /// - Parameter resumes: whether the loop should read on.
        case message(Message, resumes: Bool)
        case end(ConnectionEnd)
        case taken
        /// Messages do not come here yet: the loop has to be asked.
        case unasked
        case nothing
    }

    func read() -> Read { inbox.withLockedValue(Self.read) }

    private static func read(_ inbox: inout Inbox) -> Read {
        if inbox.isTaken { return .taken }
        if let message = inbox.pop() {
            let resumes = inbox.isFull && inbox.cost <= inbox.mark / 2
            if resumes { inbox.isFull = false }
            return .message(message, resumes: resumes)
        }
        // The end comes behind what waits elsewhere.
        guard inbox.isAsked else { return .unasked }
        return inbox.end.map { .end($0) } ?? .nothing
    }

    /// Waits for a message.
    ///
    /// - Returns: what there is already, in place of waiting.
    func wait(
        _ continuation: CheckedContinuation<Message?, any Error>,
        reader: any AnyObject & Sendable
    ) -> Read? {
        inbox.withLockedValue { inbox in
            let read = Self.read(&inbox)
            guard case .nothing = read, inbox.waiter == nil else {
                // Somebody waits already: as good as taken.
                if case .nothing = read { return .taken }
                return read
            }
            inbox.waiter = Waiter(continuation: continuation, reader: reader)
            return nil
        }
    }

    /// Takes the waiter, if it is this reader.
    func takeWaiter(ifReader reader: AnyObject) -> CheckedContinuation<Message?, any Error>? {
        inbox.withLockedValue { inbox in
            guard inbox.waiter?.reader === reader else { return nil }
            defer { inbox.waiter = nil }
            return inbox.waiter?.continuation
        }
    }

    // MARK: Reading, on the loop

    /// From here on messages come here.
    func ask() { inbox.withLockedValue { $0.isAsked = true } }

    var cost: Int { inbox.withLockedValue(\.cost) }
    var hasWaiter: Bool { inbox.withLockedValue { $0.waiter != nil } }

    /// - Returns: whether reading has to pause.
    func push(_ message: Message) -> Bool {
        let (waiter, isFull) = inbox.withLockedValue { inbox -> (Waiter?, Bool) in
            if let waiter = inbox.waiter {
                inbox.waiter = nil
                return (waiter, false)
            }
            inbox.messages.append(message)
            inbox.cost += message.bytes.count + ConnectionOptions.messageCharge
            if inbox.cost >= inbox.mark { inbox.isFull = true }
            return (nil, inbox.isFull)
        }
        waiter?.continuation.resume(returning: message)
        return isFull
    }

    func endReading(_ end: ConnectionEnd) {
        let waiter = inbox.withLockedValue { inbox in
            inbox.end = end
            defer { inbox.waiter = nil }
            return inbox.waiter
        }
        if let waiter { ConnectionCore.resume(waiter.continuation, with: end) }
    }

    /// Callbacks take the messages from here on.
    ///
    /// - Returns: those that wait.
    func takeReading() -> [Message] {
        let (waiter, messages) = inbox.withLockedValue { inbox -> (Waiter?, [Message]) in
            inbox.isTaken = true
            var messages: [Message] = []
            while let message = inbox.pop() { messages.append(message) }
            defer { inbox.waiter = nil }
            return (inbox.waiter, messages)
        }
        waiter?.continuation.resume(throwing: ReceiveError.alreadyConsumed)
        return messages
    }

    // MARK: Sending

    private struct Outbox {
        let mark: Int
        var messages: [Message] = []
        var cost = 0
        /// What the connection itself holds, by its last word.
        var held = 0
        var refusal: SendError?
        var isOrdered = false
        /// Whether the loop knows of this, so that it can refuse.
        var isKnown = false
    }

    /// What becomes of a message that is to be sent.
    enum Sent {
        case accepted(tellsLoop: Bool, mustWait: Bool)
        /// The loop does not know of this yet: it has to be asked whether it takes messages.
        case unasked
    }

    /// Accepts a message, or refuses it.
    func send(_ message: Message) throws(SendError) -> Sent {
        let message = try message.checkedText()
        let answer = outbox.withLockedValue { outbox -> Result<Sent, SendError> in
            if let refusal = outbox.refusal { return .failure(refusal) }
            guard outbox.isKnown else { return .success(.unasked) }
            outbox.messages.append(message)
            outbox.cost += message.bytes.count + ConnectionOptions.messageCharge
            defer { outbox.isOrdered = true }
            return .success(
                .accepted(tellsLoop: !outbox.isOrdered, mustWait: outbox.cost + outbox.held > outbox.mark)
            )
        }
        mayHaveOrders.store(true, ordering: .relaxed)
        return try answer.get()
    }

    // MARK: Sending, on the loop

    /// From here on messages are accepted.
    func acceptOrders() { outbox.withLockedValue { $0.isKnown = true } }

    var hasOrders: Bool { mayHaveOrders.load(ordering: .relaxed) }

    /// What was accepted since the last time.
    func takeOrders() -> [Message] {
        mayHaveOrders.store(false, ordering: .relaxed)
        return outbox.withLockedValue { outbox in
            if outbox.messages.isEmpty { outbox.isOrdered = false }
            outbox.held += outbox.cost
            outbox.cost = 0
            defer { outbox.messages = [] }
            return outbox.messages
        }
    }

    func isHolding(_ cost: Int) { outbox.withLockedValue { $0.held = cost } }

    /// Accepts nothing any more.
    func refuse(with error: SendError) { outbox.withLockedValue { $0.refusal = error } }
}
