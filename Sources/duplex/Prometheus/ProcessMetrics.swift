import CommandSupport

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What Prometheus' own clients tell of their process, as far as the system tells it.
enum ProcessMetrics {
    /// When this process began to count: as good as when it began.
    private static let start = Self.seconds(CLOCK_REALTIME)

    /// To be called when the process begins.
    static func begin() { _ = start }

    static func exposition() -> String {
        var text = metric(
            "process_start_time_seconds",
            "gauge",
            "Start of the process, in seconds since 1970.",
            start
        )
        if let time = cpuSeconds {
            text += metric("process_cpu_seconds_total", "counter", "Processor time of user and system.", time)
        }
        if let bytes = residentBytes {
            text += metric("process_resident_memory_bytes", "gauge", "Memory in use.", Double(bytes))
        }
        if let count = openDescriptors {
            text += metric("process_open_fds", "gauge", "Open file descriptors.", Double(count))
        }
        if let limit = descriptorLimit {
            text += metric("process_max_fds", "gauge", "The most file descriptors there may be.", limit)
        }
        return text
    }

    private static func metric(_ name: String, _ kind: String, _ help: String, _ value: Double) -> String {
        "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n\(name) \(metricText(value))\n"
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static var cpuSeconds: Double? {
        #if canImport(Glibc)
        let own = RUSAGE_SELF.rawValue
        #else
        let own = RUSAGE_SELF
        #endif
        var usage = rusage()
        guard getrusage(own, &usage) == 0 else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    private static var descriptorLimit: Double? {
        var limit = rlimit()
        #if canImport(Glibc)
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        #else
        guard getrlimit(RLIMIT_NOFILE, &limit) == 0 else { return nil }
        #endif
        return Double(limit.rlim_cur)
    }

    private static var residentBytes: Int? {
        // proc(5): size, resident, …, in pages.
        guard let bytes = try? FileContents.read("/proc/self/statm") else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? Int(fields[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } : nil
    }

    private static var openDescriptors: Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // "." and "..", and the one by which the folder is read.
        return count - 3
    }
}
