import WebSocketTransport

/// What a socket's owner has yet to be told, in order.
struct NoticeQueue {
    private var notices: [ClientSocket.Notice?] = []
    private var head = 0
    /// Nothing is told before the opening: messages can be here before it is known.
    private var isBegun = false
    /// What is told last of all.
    private var end: ClientSocket.Notice?

    /// Nobody takes messages now: they wait, and what is behind them.
    private var isDeaf = false
    /// Whether listeners have changed since the last notice was taken.
    private var hasNewListeners = false
    /// Somebody listens who did not: comes before everything else.
    var isRecheckDue = false
    /// Bytes of the messages that wait, with the charge for each.
    private(set) var cost = 0

    /// Whether there is nothing to tell now.
    var isEmpty: Bool {
        guard !isRecheckDue else { return false }
        guard isBegun else { return true }
        return end == nil && (isDeaf || head == notices.count)
    }

    // For tests.
    var storedCount: Int { notices.count }

    mutating func begin(with notice: ClientSocket.Notice) {
        notices.insert(notice, at: head)
        isBegun = true
    }

    mutating func append(_ message: Message) {
        cost += message.bytes.count + ConnectionOptions.messageCharge
        notices.append(.message(message))
    }

    mutating func append(_ notice: ClientSocket.Notice) { notices.append(notice) }

    /// - Parameter isUnopened: whether no opening comes any more, before which this would have to wait.
    mutating func end(with notice: ClientSocket.Notice, isUnopened: Bool) {
        if isUnopened { isBegun = true }
        end = notice
    }

    /// No opening comes any more.
    mutating func opensNoMore() { isBegun = true }

    /// The message that was taken last could not be told: it comes first again, when somebody listens.
    mutating func putBack(_ message: Message) {
        cost += message.bytes.count + ConnectionOptions.messageCharge
        notices.insert(.message(message), at: head)
        // Somebody may listen now who did not when it was tried.
        isDeaf = !hasNewListeners
    }

    mutating func listenersChanged() {
        isDeaf = false
        hasNewListeners = true
    }

    mutating func next() -> ClientSocket.Notice? {
        hasNewListeners = false
        if isRecheckDue {
            isRecheckDue = false
            return .recheck
        }
        guard isBegun else { return nil }
        if isDeaf {
            guard end != nil else { return nil }
            // The end is not held up by messages that nobody wanted.
            removeAll()
        }
        guard head < notices.count, let notice = notices[head] else {
            defer { end = nil }
            return end
        }
        notices[head] = nil
        head += 1
        if head == notices.count {
            notices.removeAll(keepingCapacity: notices.count <= Self.mostKept)
            head = 0
        } else if head >= Self.mostKept, head * 2 >= notices.count {
            // Whoever never catches up never empties it: what is left moves to the front, each once per doubling.
            notices.removeFirst(head)
            head = 0
        }
        if case .message(let message) = notice {
            cost -= message.bytes.count + ConnectionOptions.messageCharge
        }
        return notice
    }

    /// Notices that memory is kept for between uses.
    private static let mostKept = 64

    private mutating func removeAll() {
        notices = []
        head = 0
        cost = 0
        isDeaf = false
    }
}
