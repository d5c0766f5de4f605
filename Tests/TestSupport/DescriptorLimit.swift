import Foundation

/// How many files and sockets this process may have open.
package enum DescriptorLimit {
    /// Raises the limit as far as the system lets a process do it by itself, once.
    ///
    /// - Returns: what it is then.
    package static let raised: Int = {
        #if canImport(Glibc)
        let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let descriptors = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(descriptors, &limit) == 0 else { return 256 }
        #if canImport(Darwin)
        limit.rlim_cur = min(rlim_t(OPEN_MAX), limit.rlim_max)
        #else
        limit.rlim_cur = limit.rlim_max
        #endif
        _ = setrlimit(descriptors, &limit)
        guard getrlimit(descriptors, &limit) == 0 else { return 256 }
        return Int(clamping: limit.rlim_cur)
    }()
}
