import NIOCore

/// Pings sent, and those who wait for their pongs.
///
/// Each ping carries a number of its own, by which its pong is known.
struct PendingPings {
    typealias Waiter = CheckedContinuation<Result<Duration, SendError>, Never>

    /// The most that may wait at a time: a peer that never answers must not fill memory.
    static let limit = 1024

    private var nextID: UInt64 = 0
    private var waiting: [(id: UInt64, sentAt: NIODeadline, waiter: Waiter)] = []

    var count: Int { waiting.count }

    /// The payload of the next ping.
    mutating func nextPayload() -> UInt64 {
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
    mutating func answered(by payload: [UInt8], at now: NIODeadline) {
        // A pong that answers none of ours is unsolicited, and means nothing here.
        guard payload.count == 8 else { return }
        let id = payload.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard id < nextID else { return }
        let answered = waiting.prefix { $0.id <= id }
        waiting.removeFirst(answered.count)
        for ping in answered {
            ping.waiter.resume(returning: .success(.nanoseconds((now - ping.sentAt).nanoseconds)))
        }
    }

    mutating func ended(_ end: ConnectionEnd) {
        for ping in waiting { ping.waiter.resume(returning: .failure(.ended(end))) }
        waiting = []
    }
}
