import UnixSignals

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What ends the command before its scripts are done, be it in the middle of one: a script that does not come to rest
/// has the main thread for itself.
enum Interruptions {
    /// By GNU's `timeout`.
    static let timeoutStatus: Int32 = 124

    /// Listens for signals, and for the end of the time.
    static func begin(timeout: Double?) async {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        Task.detached {
            // As shells count the end by a signal.
            for await signal in signals { end(signal == .sigint ? 130 : 143) }
        }
        guard let timeout else { return }
        Task.detached {
            try await Task.sleep(for: .seconds(timeout))
            end(timeoutStatus)
        }
    }

    /// All output has been written; what else a process does at its end is not for another thread than the main one.
    private static func end(_ status: Int32) -> Never { _exit(status) }
}
