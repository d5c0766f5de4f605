#if os(Linux)
import CLinux
#endif

/// Gives the system back what the heap has free, where the C library does not do so by itself.
///
/// glibc keeps what was freed below anything that is still in use, so that a process stays as large as the largest of
/// its moments, and creeps up as larger ones come by chance. Elsewhere this does nothing.
package enum HeapTrim {
    /// Whether there is something to be done here at all.
    package static var isAvailable: Bool {
        #if os(Linux)
        duplex_has_heap_trim() != 0
        #else
        false
        #endif
    }

    /// Bytes that have been allocated and not freed, as far as the C library tells.
    package static var bytesInUse: Int? {
        #if os(Linux)
        let bytes = Int(clamping: duplex_heap_in_use())
        return bytes > 0 ? bytes : nil
        #else
        return nil
        #endif
    }

    /// Trims once. Whoever allocates in the meantime may wait for some milliseconds.
    package static func now() {
        #if os(Linux)
        duplex_trim_heap()
        #endif
    }

    /// Trims every five seconds until the task is cancelled; where it takes long, since there is much to look through, as
    /// much more seldom as keeps it to half a percent of the time, but every minute.
    package static func runForever() async {
        guard isAvailable else { return }
        let clock = ContinuousClock()
        var pause = Duration.seconds(5)
        while true {
            do { try await clock.sleep(for: pause) } catch { return }
            pause = min(max(.seconds(5), clock.measure { now() } * 200), .seconds(60))
        }
    }
}
