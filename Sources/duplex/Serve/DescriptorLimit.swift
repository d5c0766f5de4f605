#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// How many files and sockets this process may have open: each connection is one.
enum DescriptorLimit {
    /// Raises the limit as far as the system lets a process do it by itself. The lower one that shells set is for programs
    /// that count on small numbers.
    static func raise() {
        #if canImport(Glibc)
        let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let descriptors = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(descriptors, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        #if canImport(Darwin)
        // setrlimit(2): no more than this is taken.
        limit.rlim_cur = min(rlim_t(OPEN_MAX), limit.rlim_max)
        #else
        limit.rlim_cur = limit.rlim_max
        #endif
        // Refused, it stays as it was, and the server serves whom it has room for.
        _ = setrlimit(descriptors, &limit)
    }
}
