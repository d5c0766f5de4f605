import CommandSupport
import Logging

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Writes each log line as a JSON object on a line of standard error, in one write:
/// `{"time":"2026-01-31T12:00:00.000Z","level":"debug","label":"duplex","message":"opened","metadata":{"connection":"1"}}`.
struct JSONLogHandler: LogHandler {
    let label: String
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        Descriptor.write(Array("\(line(event, time: RFC3339.now()))\n".utf8), to: STDERR_FILENO)
    }

    func line(_ event: LogEvent, time: String) -> String {
        // What is said for the one line wins over what the task says, and that over what the logger says.
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        var members = [
            ("time", JSONOutput.string(time)),
            ("level", JSONOutput.string(event.level.rawValue)),
            ("label", JSONOutput.string(label)),
            ("message", JSONOutput.string(event.message.description)),
        ]
        if let error = event.error { members.append(("error", JSONOutput.string("\(error)"))) }
        if !all.isEmpty { members.append(("metadata", JSONOutput.value(.dictionary(all)))) }
        return JSONOutput.object(members)
    }
}

/// JSON as text (RFC 8259), in one line.
enum JSONOutput {
    static func object(_ members: [(String, String)]) -> String {
        "{\(members.map { "\(string($0)):\($1)" }.joined(separator: ","))}"
    }

    static func value(_ value: Logger.Metadata.Value) -> String {
        switch value {
        case .string(let text): string(text)
        case .stringConvertible(let value): string(value.description)
        case .array(let values): "[\(values.map(Self.value).joined(separator: ","))]"
        case .dictionary(let values):
            object(values.sorted { $0.key < $1.key }.map { ($0, Self.value($1)) })
        }
    }

    static func string(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            // Those that RFC 8259 wants escaped, and those that terminals and readers of lines take for commands.
            case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// Times as RFC 3339 has them, in UTC and milliseconds.
enum RFC3339 {
    static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return text(seconds: Int(time.tv_sec), milliseconds: Int(time.tv_nsec) / 1_000_000)
    }

    static func text(seconds: Int, milliseconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func padded(_ number: Int, _ width: Int = 2) -> String {
            let digits = "\(number)"
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = [
            padded(Int(parts.tm_year) + 1900, 4), padded(Int(parts.tm_mon) + 1), padded(Int(parts.tm_mday)),
        ]
        let clock = [padded(Int(parts.tm_hour)), padded(Int(parts.tm_min)), padded(Int(parts.tm_sec))]
        return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":")).\(padded(milliseconds, 3))Z"
    }
}
