import Foundation

/// A value under a lock that the thread sanitizer knows: it cannot see into `Mutex` of `Synchronization` on Linux,
/// and would report what is locked by it as races.
package final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    package init(_ value: Value) { self.value = value }

    package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
