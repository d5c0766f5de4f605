import Logging
import Synchronization

/// Keeps what is logged.
final class LogCollector: Sendable {
    private let state = Mutex<[String]>([])
    private let level: Logger.Level

    /// - Parameter level: what is below it is not kept.
    init(level: Logger.Level = .debug) { self.level = level }

    /// `level message key=value …`, each.
    var lines: [String] { state.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(collector: self) }
        logger.logLevel = level
        return logger
    }

    private struct Handler: LogHandler {
        let collector: LogCollector
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { " \($0)=\($1)" }.sorted().joined()
            collector.state.withLock { $0.append("\(event.level) \(event.message)\(fields)") }
        }
    }
}
