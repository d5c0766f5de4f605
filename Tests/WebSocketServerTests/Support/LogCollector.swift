import Logging
import Synchronization
import TestSupport

/// Keeps what is logged.
final class LogCollector: Sendable {
    private struct State {
        var lines: [String] = []
        var waiters: [(isEnough: @Sendable ([String]) -> Bool, promised: Promised<[String]>)] = []
    }

    private let state = Mutex(State())
    private let level: Logger.Level

    /// - Parameter level: what is below it is not kept.
    init(level: Logger.Level = .debug) { self.level = level }

    /// `level message key=value …`, each.
    var lines: [String] { state.withLock { $0.lines } }
    func lines(of message: String) -> [String] {
        lines.filter { $0.split(separator: " ").dropFirst().joined(separator: " ").hasPrefix(message) }
    }

    var logger: Logger { logger(level) }

    func logger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "test") { _ in Handler(collector: self) }
        logger.logLevel = level
        return logger
    }

    /// Waits until the lines are enough.
    @discardableResult
    func wait(
        for what: String,
        until isEnough: @escaping @Sendable ([String]) -> Bool
    ) async throws -> [String] {
        let promised = Promised<[String]>()
        state.withLock { state in
            if isEnough(state.lines) {
                promised.fulfil(state.lines)
            } else {
                state.waiters.append((isEnough, promised))
            }
        }
        return try await within(waitingFor: what) { try await promised.value }
    }

    /// The first line with a text in it, once there is one.
    func line(containing text: String) async throws -> String {
        try await wait(for: "\(text) in the log") { $0.contains { $0.contains(text) } }
            .first { $0.contains(text) } ?? ""
    }

    private func add(_ line: String) {
        state.withLock { state in
            state.lines.append(line)
            state.waiters.removeAll { waiter in
                guard waiter.isEnough(state.lines) else { return false }
                waiter.promised.fulfil(state.lines)
                return true
            }
        }
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
            collector.add("\(event.level) \(event.message)\(fields)")
        }
    }
}
