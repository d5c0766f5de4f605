public import WebSockets

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension ScriptHost {
    /// How scripts are to run.
    public struct Options {
        /// What sockets share. Where it has a base URL, scripts see that as `location`, and their URLs can be relative
        /// to it. Default `WebSocketEnvironment.shared`.
        public var environment: WebSocketEnvironment

        /// Takes what scripts write to the console. Default: to standard output, errors and warnings to standard error.
        public var console: (ConsoleLevel, String) -> Void

        /// Told of each exception that nothing caught, and of each promise whose rejection nothing handled. Default:
        /// written to standard error.
        public var onError: (ScriptError) -> Void

        /// Whether the context's `console` is replaced. JavaScriptCore's own writes to an inspector only. Default true.
        public var replacesConsole: Bool

        /// Whether scripts have a function `gc()` that collects garbage. Default false.
        public var exposesGarbageCollection: Bool

        /// What scripts see as `duplex.arguments`; `nil`: no `duplex` at all. Default `nil`.
        public var arguments: [String]?

        /// - Parameters: see the properties of the same names.
        public init(
            environment: WebSocketEnvironment = .shared,
            console: @escaping (ConsoleLevel, String) -> Void = { $0.write($1) },
            onError: @escaping (ScriptError) -> Void = { ConsoleLevel.error.write("\($0)") },
            replacesConsole: Bool = true,
            exposesGarbageCollection: Bool = false,
            arguments: [String]? = nil
        ) {
            self.environment = environment
            self.console = console
            self.onError = onError
            self.replacesConsole = replacesConsole
            self.exposesGarbageCollection = exposesGarbageCollection
            self.arguments = arguments
        }
    }
}

/// How much a line of the console matters.
public enum ConsoleLevel: Int, Sendable, Hashable, CaseIterable {
    case debug, log, info, warning, error

    /// Writes a line to the standard stream that it belongs to.
    public func write(_ text: String) {
        let descriptor = self >= .warning ? STDERR_FILENO : STDOUT_FILENO
        var line = text
        line.append("\n")
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)[...]
            while !rest.isEmpty {
                let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                if count > 0 { rest = rest.dropFirst(count) }
                if count <= 0, errno != EINTR { return }
            }
        }
    }
}

extension ConsoleLevel: Comparable {
    public static func < (one: ConsoleLevel, other: ConsoleLevel) -> Bool { one.rawValue < other.rawValue }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
