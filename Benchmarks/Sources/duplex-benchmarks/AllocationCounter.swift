#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Counts the objects (array storage included) that Swift's runtime allocates.
///
/// The runtime keeps, for instruments, a pointer to its allocating function and a switch that makes it
/// go through that pointer. Both are found by name: a runtime that has renamed them, or is linked
/// statically, gives no count rather than a wrong one.
enum AllocationCounter {
    private typealias Allocate =
        @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?

    nonisolated(unsafe) private static var original: Allocate?
    nonisolated(unsafe) private static var allocated = 0

    /// - Returns: how many objects `body` allocated, or `nil` if the runtime does not say.
    static func count(_ body: () -> Void) -> Int? {
        guard let runtime = dlopen(nil, RTLD_NOW),
            let entry = dlsym(runtime, "_swift_allocObject"),
            let setting = dlsym(
                runtime,
                "_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly"
            )
        else { return nil }
        let pointer = entry.assumingMemoryBound(to: Allocate.self)
        let isEnabled = setting.assumingMemoryBound(to: Bool.self)
        let saved = pointer.pointee
        original = saved
        allocated = 0
        pointer.pointee = { metadata, size, alignmentMask in
            AllocationCounter.allocated += 1
            return AllocationCounter.original?(metadata, size, alignmentMask)
        }
        isEnabled.pointee = true
        // A count that misses an object known to be allocated is none.
        let probe = [UInt8](repeating: 0, count: Int.random(in: 1...2))
        let isCounting = allocated > 0 && !probe.isEmpty
        allocated = 0
        body()
        let result = allocated
        isEnabled.pointee = false
        pointer.pointee = saved
        return isCounting ? result : nil
    }
}
