import Foundation
import Synchronization

/// A program under test or beside it. It is stopped by its own pid when the last reference goes, and its
/// standard input is a pipe, whose closing ends those programs that wait for that.
///
/// One task waits for it at a time.
final class ChildProcess: Sendable {
    struct Exit: Hashable, Sendable {
        let status: Int32
        /// Whether a signal ended it; `status` is the signal then.
        var bySignal = false
    }

    private struct State {
        var output = Data()
        var errors = Data()
        /// Output and errors are streams of their own; the exit is known apart from both.
        var openStreams = 2
        var exit: Exit?
    }

    private let pid: Int32
    private let input = Pipe()
    private let state = Mutex(State())
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let process = Process()
        let output = Pipe()
        let errors = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        pid = process.processIdentifier
        process.terminationHandler = { [weak self] process in
            let exit = Exit(status: process.terminationStatus, bySignal: process.terminationReason == .uncaughtSignal)
            self?.update { $0.exit = exit }
        }
        // One that had ended already would not tell the handler set just now.
        if !process.isRunning {
            let exit = Exit(status: process.terminationStatus, bySignal: process.terminationReason == .uncaughtSignal)
            update { $0.exit = exit }
        }
        read(output) { $0.output += $1 }
        read(errors) { $0.errors += $1 }
    }

    deinit {
        if state.withLock({ $0.exit == nil }) { kill(pid, SIGKILL) }
    }

    private func read(_ pipe: Pipe, _ store: @escaping @Sendable (inout State, Data) -> Void) {
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            self?.update { state in
                store(&state, data)
                if data.isEmpty { state.openStreams -= 1 }
            }
        }
    }

    private func update(_ change: (inout sending State) -> Void) {
        state.withLock { change(&$0) }
        changed.yield()
    }

    /// Waits until `condition` gives something; it is asked whenever anything changes.
    private func wait<Value: Sendable>(
        for what: String, _ limit: Duration, _ condition: @escaping @Sendable (State) -> Value?
    ) async throws -> Value {
        do {
            return try await within(limit, waitingFor: what) { [self] in
                if let value = state.withLock({ condition($0) }) { return value }
                for await _ in changes {
                    if let value = state.withLock({ condition($0) }) { return value }
                }
                throw CancellationError()
            }
        } catch is TookTooLong {
            let (output, errors) = state.withLock { ($0.output, $0.errors) }
            throw TookTooLong(
                limit: limit,
                what: "\(what); standard output was \(text(output).debugDescription), "
                    + "standard error \(text(errors).debugDescription)")
        }
    }

    // MARK: Talking to it

    func write(_ bytes: [UInt8]) throws { try input.fileHandleForWriting.write(contentsOf: Data(bytes)) }
    func write(_ text: String) throws { try write(Array(text.utf8)) }
    func endInput() throws { try input.fileHandleForWriting.close() }
    func signal(_ number: Int32) { kill(pid, number) }

    /// Waits until standard output has a line that begins so, and gives what follows on that line.
    func line(beginning prefix: String, within limit: Duration = .seconds(30)) async throws -> String {
        try await wait(for: "a line beginning \"\(prefix)\"", limit) { state in
            // The last piece may be a line half written.
            text(state.output).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                .first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }
    }

    /// Waits until standard error contains `text`, and gives all of it.
    func errors(containing part: String, within limit: Duration = .seconds(30)) async throws -> String {
        try await wait(for: "\"\(part)\" on standard error", limit) { state in
            let all = text(state.errors)
            return all.contains(part) ? all : nil
        }
    }

    /// Waits until it has ended and all it wrote was read.
    func finished(within limit: Duration = .seconds(60)) async throws -> (exit: Exit, output: [UInt8], errors: String) {
        try await wait(for: "the end of the program", limit) { state in
            guard let exit = state.exit, state.openStreams == 0 else { return nil }
            return (exit, Array(state.output), text(state.errors))
        }
    }
}

private func text(_ data: Data) -> String { String(decoding: data, as: UTF8.self) }
