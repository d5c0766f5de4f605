import NIOCore

/// Pings sent, and those who wait for their pongs.
///
/// Each ping carries a number of its own, by which its pong is known.
struct PendingPings {
    typealias Waiter = CheckedContinuation<Result<Duration, SendError>, Never>

    /// The most that may wait at a time: a peer that never answers must not fill memory.
    static let limit = 1024

    private var nextID: UInt64 = 0
    /// When the latest one went out; in the far future once it was answered.
    private var latestSentAt = NIODeadline.distantFuture
    private var waiting: [(id: UInt64, sentAt: NIODeadline, waiter: Waiter)] = []

    var count: Int { waiting.count }

    /// The payload of the next ping, which goes out now.
    mutating func nextPayload(at now: NIODeadline) -> UInt64 {
        latestSentAt = now
        defer { nextID += 1 }
        return nextID.bigEndian
    }

    /// Waits for the pong of the ping that is made next.
    mutating func wait(_ waiter: Waiter, from now: NIODeadline) throws(SendError) {
        guard waiting.count < Self.limit else {
            throw .bufferFull(buffered: waiting.count, limit: Self.limit)
        }
        waiting.append((nextID, now, waiter))
    }

    /// RFC 6455 §5.5.3: a peer may answer only the latest of several pings; that answers those before.
    ///
    /// - Returns: the time since the latest ping, if this is the first pong for it.
    mutating func answered(by payload: [UInt8], at now: NIODeadline) -> Duration? {
        // A pong that answers none of ours is unsolicited, and means nothing here.
        guard payload.count == 8 else { return nil }
        let id = payload.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard id < nextID else { return nil }
        let answered = waiting.prefix { $0.id <= id }
        waiting.removeFirst(answered.count)
        for ping in answered {
            ping.waiter.resume(returning: .success(.nanoseconds((now - ping.sentAt).nanoseconds)))
        }
        guard id == nextID - 1, latestSentAt != .distantFuture else { return nil }
        defer { latestSentAt = .distantFuture }
        return .nanoseconds((now - latestSentAt).nanoseconds)
    }

    mutating func ended(_ end: ConnectionEnd) {
        for ping in waiting { ping.waiter.resume(returning: .failure(.ended(end))) }
        waiting = []
    }
}
