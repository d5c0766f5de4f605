#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// Gives the system back what the heap has free, where the C library does not do so by itself.
///
/// glibc keeps what was freed below anything that is still in use, so that a process stays as large as the largest of
/// its moments, and creeps up as larger ones come by chance. Other C libraries have no such call, and this does nothing.
package enum HeapTrim {
    private typealias Trim = @convention(c) (_ pad: Int) -> Int32

    // Looked up by its name: Swift's module of glibc leaves it out, and musl has none.
    private static let trim: Trim? = {
        #if canImport(Darwin)
        nil
        #else
        // Safe: malloc_trim(3) has this signature wherever there is one.
        dlsym(nil, "malloc_trim").map { unsafeBitCast($0, to: Trim.self) }
        #endif
    }()

    /// Whether there is something to be done here at all.
    package static var isAvailable: Bool { trim != nil }

    /// Trims once. Whoever allocates in the meantime may wait for some milliseconds.
    package static func now() { _ = trim?(0) }

    /// Trims every ten seconds until the task is cancelled; where it takes long, since there is much to look through, as
    /// much more seldom as keeps it to half a percent of the time, but every minute.
    package static func runForever() async {
        guard isAvailable else { return }
        let clock = ContinuousClock()
        var pause = Duration.seconds(10)
        while true {
            do { try await clock.sleep(for: pause) } catch { return }
            pause = min(max(.seconds(10), clock.measure { now() } * 200), .seconds(60))
        }
    }
}
