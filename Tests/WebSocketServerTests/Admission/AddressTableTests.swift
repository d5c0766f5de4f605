import Testing

@testable import WebSocketServer

@Suite("Connections and handshakes by address")
struct AddressTableTests {
    private static let second: UInt64 = 1_000_000_000

    private func measure(_ perSecond: Double, _ burst: Int) throws -> RateClock.Measure {
        try RateClock.Measure(.init(perSecond: perSecond, burst: burst), of: "handshakeRate")
    }

    // MARK: The bucket

    @Test func `A bucket gives its burst at once, and then so many a second`() throws {
        let measure = try measure(10, 3)
        var clock = RateClock()
        var now = 100 * Self.second
        for _ in 0..<3 { #expect(clock.take(measure, now: now) == 0) }
        #expect(clock.take(measure, now: now) == Self.second / 10)
        #expect(!clock.isFull(now: now))
        now += Self.second / 10
        #expect(clock.take(measure, now: now) == 0)
        #expect(clock.take(measure, now: now) > 0)
        // A pause fills it, and no further than its burst.
        now += 1000 * Self.second
        #expect(clock.isFull(now: now))
        for _ in 0..<3 { #expect(clock.take(measure, now: now) == 0) }
        #expect(clock.take(measure, now: now) > 0)
    }

    @Test func `Over a long time a bucket gives what it says, whatever is asked of it`() throws {
        let measure = try measure(7, 5)
        var clock = RateClock()
        var (given, now) = (0, Self.second)
        for _ in 0..<100_000 {
            if clock.take(measure, now: now) == 0 { given += 1 }
            now += UInt64.random(in: 0..<2_000_000)
        }
        let seconds = Double(now - Self.second) / 1e9
        #expect(abs(Double(given) - (seconds * 7 + 5)) <= 5)
    }

    @Test(
        arguments: [(0, 1), (-1, 1), (.infinity, 1), (.nan, 1), (1_000_001, 1), (1, 0), (1, -1)]
            as [(Double, Int)]
    )
    func `A rate that is none is refused`(perSecond: Double, burst: Int) {
        #expect(throws: AdmissionError.self) { try measure(perSecond, burst) }
    }

    @Test func `The slowest rate and the largest burst do not overflow`() throws {
        for (perSecond, burst) in [(1e-300, 1), (1e-300, Int.max), (1e6, Int.max)] {
            let measure = try measure(perSecond, burst)
            var clock = RateClock()
            #expect(clock.take(measure, now: .max - 1) == 0)
            _ = clock.take(measure, now: .max)
            _ = clock.take(measure, now: 0)
        }
    }

    // MARK: The table

    @Test func `Comings and goings leave nothing behind`() {
        let table = AddressTable(most: 1000, rate: nil)
        var model: [IPAddress: Int] = [:]
        for _ in 0..<50_000 {
            let address = IPAddress(ipv4: UInt32.random(in: 0..<200))
            if Bool.random() {
                model[address, default: 0] += 1
                #expect(table.enter(address, now: 0) == model[address])
            } else if let count = model[address], count > 0 {
                model[address] = count - 1
                table.leave(address, now: 0)
            }
        }
        #expect(table.totals.connections == model.values.reduce(0, +))
        for (address, count) in model {
            #expect(table.connections(of: address) == count)
            for _ in 0..<count { table.leave(address, now: 0) }
        }
        #expect(table.totals == AddressTable.Totals(0, 0))
        table.leave(IPAddress(ipv4: 1), now: 0)
        #expect(table.totals == AddressTable.Totals(0, 0))
    }

    @Test func `From many threads the counts are exact`() async {
        let table = AddressTable(most: 1000, rate: nil)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<20_000 {
                        let address = IPAddress(ipv4: UInt32(number % 7))
                        _ = table.enter(address, now: 0)
                        if number % 3 != 0 { table.leave(address, now: 0) }
                    }
                }
            }
        }
        #expect(table.totals.connections == 8 * (0..<20_000).count { $0 % 3 == 0 })
    }

    @Test func `A full table forgets who has no connection, and then counts no newcomers`() throws {
        let table = AddressTable(most: 8, rate: try measure(1, 1), shards: 1)
        let address = { (number: UInt32) in IPAddress(ipv4: number) }
        for number in 0..<4 { #expect(table.enter(address(UInt32(number)), now: 0) == 1) }
        for number in 100..<104 { #expect(table.takeHandshake(of: address(UInt32(number)), now: 0) == 0) }
        #expect(table.totals == AddressTable.Totals(8, 4))
        // 100 has spent what it had, and is forgotten all the same: memory goes before.
        #expect(table.takeHandshake(of: address(100), now: 0) > 0)
        #expect(table.enter(address(4), now: 0) == 1)
        #expect(table.totals == AddressTable.Totals(5, 5))
        for number in 5..<8 { #expect(table.enter(address(UInt32(number)), now: 0) == 1) }
        #expect(table.enter(address(8), now: 0) == nil)
        #expect(table.takeHandshake(of: address(8), now: 0) == 0)
        #expect(table.totals == AddressTable.Totals(8, 8))
        // Those who are in it are counted on.
        #expect(table.enter(address(7), now: 0) == 2)
        table.leave(address(0), now: 0)
        #expect(table.enter(address(8), now: 0) == 1)
    }

    @Test func `An address is remembered until its bucket is full again`() throws {
        let table = AddressTable(most: 8, rate: try measure(1, 2))
        let address = IPAddress(ipv4: 1)
        #expect(table.enter(address, now: 0) == 1)
        #expect(table.takeHandshake(of: address, now: 0) == 0)
        table.leave(address, now: 1)
        #expect(table.totals == AddressTable.Totals(1, 0))
        #expect(table.enter(address, now: 2 * Self.second) == 1)
        table.leave(address, now: 2 * Self.second)
        #expect(table.totals == AddressTable.Totals(0, 0))
    }

    @Test func `A connection is taken back once, whatever place it had`() {
        let table = AddressTable(most: 8, rate: nil)
        var counted = CountedAddresses()
        #expect(counted.enter(IPAddress(ipv4: 1), at: 5, in: table, now: 0) == 1)
        #expect(counted.enter(IPAddress(ipv4: 1), at: 6, in: table, now: 0) == 2)
        counted.leave(at: 7, now: 0)
        counted.leave(at: 5, now: 0)
        counted.leave(at: 5, now: 0)
        #expect(table.totals == AddressTable.Totals(1, 1))
        counted.leave(at: 6, now: 0)
        #expect(table.totals == AddressTable.Totals(0, 0))
    }
}
