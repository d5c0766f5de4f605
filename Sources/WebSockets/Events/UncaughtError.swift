#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What becomes of an error that a listener throws and nobody else takes.
enum UncaughtError {
    /// One line on standard error.
    static func print(_ error: any Error, from type: String) {
        let line = Array("Uncaught in a listener for \"\(type)\": \(error)\n".utf8)
        // One write, so that the lines of several threads stay whole. If it fails there is nobody to tell.
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
