internal import MallocCounter

/// Counts allocations: calls of malloc and its kin, by whatever library.
///
/// Swift's runtime has a switch of its own for instruments, which counts objects; but with it on, Swift 6.3
/// loses registers where generic code retains, and the program ends.
enum AllocationCounter {
    /// - Returns: how often `body` allocated, or `nil` where the C library's functions cannot be replaced.
    static func count(_ body: () -> Void) -> Int? {
        guard malloc_counter_works() else { return nil }
        // A count that misses an allocation known to happen is none.
        let before = malloc_counter_value()
        let probe = [UInt8](repeating: 0, count: Int.random(in: 1...2))
        let start = malloc_counter_value()
        guard start > before, !probe.isEmpty else { return nil }
        body()
        return Int(malloc_counter_value() - start)
    }
}
