import Synchronization

/// How many connections each client has, and how fast it opens them, for all event loops of a server.
///
/// One lock of sixteen is taken when a connection comes, when it asks for a WebSocket and when it ends; none for a
/// message. Its size is bounded.
final class AddressTable: Sendable {
    private struct Entry {
        var connections = 0
        var rate = RateClock()
    }

    private struct Shard {
        var entries: [IPAddress: Entry] = [:]
        /// Looking for what can be forgotten takes long when there is nothing, so it is not done each time.
        var nextSweep: UInt64 = 0

        /// Whether there is room for another, once what can be is forgotten.
        mutating func makeRoom(_ most: Int, now: UInt64) -> Bool {
            if entries.count < most { return true }
            guard now >= nextSweep else { return false }
            entries = entries.filter { $1.connections > 0 || !$1.rate.isFull(now: now) }
            if entries.count >= most { entries = entries.filter { $1.connections > 0 } }
            if entries.count > most - most / 8 { nextSweep = now &+ AddressTable.sweepPause }
            return entries.count < most
        }
    }

    private final class LockedShard: Sendable {
        let state = Mutex(Shard())
    }

    /// A second.
    private static let sweepPause: UInt64 = 1_000_000_000
    private let shards: [LockedShard]
    private let mostPerShard: Int
    private let rate: RateClock.Measure?

    /// - Parameters:
    ///   - most: how many addresses are remembered; rounded up to a multiple of the shards.
    ///   - rate: of each address, if that is limited.
    init(most: Int, rate: RateClock.Measure?, shards count: Int = 16) {
        shards = (0..<count).map { _ in LockedShard() }
        mostPerShard = max(1, most / count + (most % count == 0 ? 0 : 1))
        self.rate = rate
    }

    private func withShard<Value>(_ address: IPAddress, _ body: (inout Shard) -> Value) -> Value {
        // Hashes have a seed of the process's own: nobody can choose addresses of one shard.
        let index = Int(UInt(bitPattern: address.hashValue) % UInt(shards.count))
        return shards[index].state.withLock { body(&$0) }
    }

    /// Counts one more connection.
    ///
    /// - Returns: how many there are now; `nil` where there is no room to count it, and nothing to be taken back.
    func enter(_ address: IPAddress, now: UInt64) -> Int? {
        withShard(address) { shard in
            if shard.entries[address] == nil, !shard.makeRoom(mostPerShard, now: now) { return nil }
            shard.entries[address, default: Entry()].connections += 1
            return shard.entries[address]?.connections
        }
    }

    /// Takes back what ``enter(_:now:)`` counted.
    func leave(_ address: IPAddress, now: UInt64) {
        withShard(address) { shard in
            guard let place = shard.entries.index(forKey: address) else { return }
            shard.entries.values[place].connections -= 1
            let entry = shard.entries.values[place]
            guard entry.connections <= 0, rate == nil || entry.rate.isFull(now: now) else { return }
            shard.entries.remove(at: place)
        }
    }

    /// Connections of a client.
    func connections(of address: IPAddress) -> Int {
        withShard(address) { $0.entries[address]?.connections ?? 0 }
    }

    /// Takes one of a client's handshakes.
    ///
    /// - Returns: how many nanoseconds it has to wait; 0 if not.
    func takeHandshake(of address: IPAddress, now: UInt64) -> UInt64 {
        guard let rate else { return 0 }
        return withShard(address) { shard in
            if shard.entries[address] == nil, !shard.makeRoom(mostPerShard, now: now) { return 0 }
            return shard.entries[address, default: Entry()].rate.take(rate, now: now)
        }
    }

    /// Addresses that are remembered, and the connections counted for them.
    struct Totals: Equatable {
        var addresses: Int
        var connections: Int

        init(_ addresses: Int, _ connections: Int) {
            (self.addresses, self.connections) = (addresses, connections)
        }
    }

    var totals: Totals {
        shards.reduce(into: Totals(0, 0)) { sum, shard in
            let entries = shard.state.withLock { $0.entries }
            sum.addresses += entries.count
            sum.connections += entries.values.reduce(0) { $0 + $1.connections }
        }
    }
}

/// Which of a loop's connections is counted for which client. Nothing while no limit goes by address.
struct CountedAddresses {
    private var table: AddressTable?
    /// By the connection's place in the loop's list.
    private var addresses: [Int: IPAddress] = [:]

    subscript(index: Int) -> IPAddress? { addresses[index] }

    /// - Returns: how many connections the client has now; `nil` where they cannot be counted.
    mutating func enter(_ address: IPAddress, at index: Int, in table: AddressTable, now: UInt64) -> Int? {
        guard let count = table.enter(address, now: now) else { return nil }
        self.table = table
        addresses[index] = address
        return count
    }

    /// The connection has ended.
    mutating func leave(at index: Int, now: @autoclosure () -> UInt64) {
        // An empty dictionary looks up nothing.
        guard !addresses.isEmpty, let address = addresses.removeValue(forKey: index) else { return }
        table?.leave(address, now: now())
        if addresses.isEmpty { addresses = [:] }
    }
}
