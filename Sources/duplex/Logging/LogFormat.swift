import Logging

/// How log lines look.
enum LogFormat: String, CaseIterable {
    case text
    /// One JSON object a line.
    case json

    func logger(level: Logger.Level) -> Logger {
        var logger =
            switch self {
            case .text: Logger(label: "duplex") { StreamLogHandler.standardError(label: $0) }
            case .json: Logger(label: "duplex") { JSONLogHandler(label: $0) }
            }
        logger.logLevel = level
        return logger
    }
}
