import NIOCore

/// Pings sent, and those who wait for their pongs.
///
/// Each ping carries a number of its own, by which its pong is known. Of those that only keep the connection alive
/// the latest is known, so that its pong tells how long the way there and back takes.
struct PendingPings {
    typealias Waiter = CheckedContinuation<Result<Duration, SendError>, Never>

    /// The most that may wait at a time: a peer that never answers must not fill memory.
    static let limit = 1024

    private var nextID: UInt64 = 0
    /// The keepalive ping that waits for its pong, if one does.
    private var keepaliveID = UInt64.max
    private var waiting: [(id: UInt64, sentAt: NIODeadline, waiter: Waiter)] = []

    var count: Int { waiting.count }

    /// Takes the ping that is made next for one that keeps the connection alive.
    mutating func nextIsKeepalive() { keepaliveID = nextID }

    /// No pong that comes now tells anything about the way.
    mutating func forgetKeepalive() { keepaliveID = .max }

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
    ///
    /// - Returns: the time between the very ping that carried this payload and now, where it is known.
    mutating func answered(
        by payload: [UInt8],
        at now: NIODeadline,
        keepaliveSentAt: NIODeadline
    ) -> Duration? {
        // A pong that answers none of ours is unsolicited, and means nothing here.
        guard payload.count == 8 else { return nil }
        let id = payload.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard id < nextID else { return nil }
        var sentAt: NIODeadline?
        if id >= keepaliveID {
            if id == keepaliveID { sentAt = keepaliveSentAt }
            forgetKeepalive()
        }
        let answered = waiting.prefix { $0.id <= id }
        waiting.removeFirst(answered.count)
        for ping in answered {
            if ping.id == id { sentAt = ping.sentAt }
            ping.waiter.resume(returning: .success(.nanoseconds((now - ping.sentAt).nanoseconds)))
        }
        return sentAt.map { .nanoseconds((now - $0).nanoseconds) }
    }

    mutating func ended(_ end: ConnectionEnd) {
        for ping in waiting { ping.waiter.resume(returning: .failure(.ended(end))) }
        waiting = []
    }
}
