/// Messages that wait for one slow subscriber, in order, and where others are missing between them. Never more than its
/// policy lets wait.
struct WaitingMessages {
    private struct Slot {
        /// `nil` where a later message of the same key waits in its place.
        var message: PublishedMessage?
        /// Messages missing right before it.
        var missed: Int
    }

    private let policy: SlowSubscriberPolicy
    private let limit: Int
    /// The first always has a message.
    private var slots: [Slot] = []
    private var head = 0
    /// By key, counted from the first slot that there ever was.
    private var places: [String: Int] = [:]
    /// Slots that have come and gone before those in `slots`.
    private var gone = 0
    /// Messages missing behind the last one.
    private var missedLast = 0

    /// Messages that wait.
    private(set) var count = 0
    private var bytes = 0

    /// For tests: what memory is held for.
    var slotCount: Int { slots.count }

    /// - Parameter limit: how many bytes may wait, each message charged.
    init(_ policy: SlowSubscriberPolicy, bytes limit: Int) {
        self.policy = policy
        self.limit = limit
    }

    /// Whether there is nothing to send and nothing to tell.
    var isEmpty: Bool { count == 0 && missedLast == 0 }

    /// Adds a message to those that wait, and drops what may not.
    ///
    /// - Returns: how many were dropped.
    mutating func append(_ message: PublishedMessage) -> Int {
        var dropped = 0
        if policy.kind == .dropNewest {
            let isFull = count >= policy.limit || (count > 0 && bytes > limit - message.cost)
            guard !isFull else {
                missedLast += 1
                return 1
            }
        }
        if policy.kind == .keepLatest, let key = message.key, let place = places.removeValue(forKey: key) {
            drop(at: place - gone)
            dropped += 1
        }
        push(message)
        while count > policy.limit || (count > 1 && bytes > limit) {
            drop(at: head)
            dropped += 1
        }
        return dropped
    }

    /// The next message, and how many are missing before it; or what is missing with nothing behind it.
    mutating func popFirst() -> (missed: Int, message: PublishedMessage?)? {
        guard head < slots.count else {
            guard missedLast > 0 else { return nil }
            defer { missedLast = 0 }
            return (missedLast, nil)
        }
        let slot = slots[head]
        slots[head].missed = 0
        if let message = slot.message { forget(message, at: head) }
        slots[head].message = nil
        closeUp()
        return (slot.missed, slot.message)
    }

    mutating func removeAll() { self = WaitingMessages(policy, bytes: limit) }

    private mutating func push(_ message: PublishedMessage) {
        if policy.kind == .keepLatest, let key = message.key { places[key] = gone + slots.count }
        slots.append(Slot(message: message, missed: missedLast))
        missedLast = 0
        count += 1
        bytes += message.cost
    }

    private mutating func drop(at index: Int) {
        guard slots.indices.contains(index), let message = slots[index].message else { return }
        forget(message, at: index)
        slots[index].message = nil
        slots[index].missed += 1
        closeUp()
    }

    /// A message waits no more.
    private mutating func forget(_ message: PublishedMessage, at index: Int) {
        count -= 1
        bytes -= message.cost
        if let key = message.key, places[key] == gone + index { places[key] = nil }
    }

    /// Has the first slot be one with a message again; what is missing goes to the next one.
    private mutating func closeUp() {
        while head < slots.count, slots[head].message == nil {
            let missed = slots[head].missed
            head += 1
            if head < slots.count { slots[head].missed += missed } else { missedLast += missed }
        }
        if head == slots.count {
            gone += slots.count
            slots = []
            head = 0
        } else if slots.count - count >= 32, slots.count >= 2 * count {
            compact()
        }
    }

    /// Takes out slots without messages, each once per doubling.
    private mutating func compact() {
        var kept: [Slot] = []
        kept.reserveCapacity(count)
        var missed = 0
        gone += slots.count
        places = [:]
        for slot in slots[head...] {
            missed += slot.missed
            guard let message = slot.message else { continue }
            if policy.kind == .keepLatest, let key = message.key { places[key] = gone + kept.count }
            kept.append(Slot(message: message, missed: missed))
            missed = 0
        }
        missedLast += missed
        (slots, head) = (kept, 0)
    }
}
