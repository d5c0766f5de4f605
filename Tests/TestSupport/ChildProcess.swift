import Foundation
import Synchronization

/// A program under test or beside it. It is stopped by its own pid when the last reference goes, and its
/// standard input is a pipe, whose closing ends those programs that wait for that.
///
/// One task waits for it at a time.
package final class ChildProcess: Sendable {
    package struct Exit: Hashable, Sendable {
        package let status: Int32
        /// Whether a signal ended it; `status` is the signal then.
        package let bySignal: Bool

        package init(status: Int32, bySignal: Bool = false) {
            self.status = status
            self.bySignal = bySignal
        }
    }

    private struct State {
        var output = Data()
        var errors = Data()
        /// Output and errors are streams of their own; the exit is known apart from both.
        var openStreams = 2
        var exit: Exit?
    }

    private let pid: pid_t
    private let input: FileHandle
    private let state = Mutex(State())
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    /// A call of the system that failed.
    package struct SpawnError: Error {
        let call: String
        let errno: Int32
    }

    /// - Parameter environment: in addition to this process's, from which what names proxies is left out: the tests
    ///   talk to this machine.
    package init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let (stdin, stdout, stderr) = try (Self.pipe(), Self.pipe(), Self.pipe())
        pid = try Self.spawn(
            program,
            arguments,
            environment,
            [stdin.reading, stdout.writing, stderr.writing]
        )
        input = stdin.writing
        for handle in [stdin.reading, stdout.writing, stderr.writing] { try handle.close() }
        read(stdout.reading) { $0.output += $1 }
        read(stderr.reading) { $0.errors += $1 }
        Thread.detachNewThread { [weak self, pid] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            // As <sys/wait.h> has it: the low seven bits are the signal, the next byte is the status.
            let signal = status & 0x7F
            let exit = signal == 0 ? Exit(status: status >> 8 & 0xFF) : Exit(status: signal, bySignal: true)
            self?.update { $0.exit = exit }
        }
    }

    deinit {
        if state.withLock({ $0.exit == nil }) { kill(pid, SIGKILL) }
    }

    private static func pipe() throws -> (reading: FileHandle, writing: FileHandle) {
        var ends: [Int32] = [0, 0]
        #if os(Linux)
        guard Glibc.pipe(&ends) == 0 else { throw SpawnError(call: "pipe", errno: errno) }
        #else
        guard Darwin.pipe(&ends) == 0 else { throw SpawnError(call: "pipe", errno: errno) }
        #endif
        return (
            FileHandle(fileDescriptor: ends[0], closeOnDealloc: true),
            FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
        )
    }

    /// The child gets its three streams and nothing else of what is open here: a copy of another child's
    /// pipe, or of a server's socket, would keep that open for as long as this child lives. (Foundation's
    /// Process leaves such copies.)
    private static func spawn(
        _ program: String,
        _ arguments: [String],
        _ environment: [String: String],
        _ streams: [FileHandle]
    ) throws -> pid_t {
        #if os(Linux)
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #else
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #endif
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, stream.fileDescriptor, Int32(number))
        }
        #if os(Linux)
        try addCloseFrom(3, to: &actions)
        #else
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_CLOEXEC_DEFAULT))
        #endif
        var strings: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        let variables = ProcessInfo.processInfo.environment.filter {
            !$0.key.lowercased().hasSuffix("_proxy")
        }
        .merging(environment) { $1 }
        var settings: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for setting in settings { free(setting) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, program, &actions, &attributes, &strings, &settings)
        guard result == 0 else { throw SpawnError(call: "posix_spawn of \(program)", errno: result) }
        return pid
    }

    #if os(Linux)
    /// `posix_spawn_file_actions_addclosefrom_np`, which glibc has since 2.34 but shows to C only.
    private static func addCloseFrom(_ first: Int32, to actions: inout posix_spawn_file_actions_t) throws {
        typealias AddCloseFrom =
            @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
        let name = "posix_spawn_file_actions_addclosefrom_np"
        guard let symbol = dlsym(nil, name) else { throw SpawnError(call: name, errno: ENOSYS) }
        let result = unsafeBitCast(symbol, to: AddCloseFrom.self)(&actions, first)
        guard result == 0 else { throw SpawnError(call: name, errno: result) }
    }
    #endif

    /// On a thread of its own, until the other end is closed.
    private func read(_ handle: FileHandle, _ store: @escaping @Sendable (inout State, Data) -> Void) {
        Thread.detachNewThread { [weak self] in
            while true {
                let data = handle.availableData
                self?.update { state in
                    store(&state, data)
                    if data.isEmpty { state.openStreams -= 1 }
                }
                if data.isEmpty { return }
            }
        }
    }

    private func update(_ change: (inout sending State) -> Void) {
        state.withLock { change(&$0) }
        changed.yield()
    }

    /// Waits until `condition` gives something; it is asked whenever anything changes.
    private func wait<Value: Sendable>(
        for what: String,
        _ limit: Duration,
        _ condition: @escaping @Sendable (State) -> Value?
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
                    + "standard error \(text(errors).debugDescription)"
            )
        }
    }

    /// Memory it has in use now, in bytes, where the system tells.
    package var residentBytes: Int? {
        // Size, resident, …, in pages.
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8) else {
            return nil
        }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Int(fields[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } : nil
    }

    // MARK: Talking to it

    /// How many files and sockets it has open, where the system tells.
    package var openDescriptors: Int? {
        try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
    }

    /// The names of its threads, where the system tells.
    package var threadNames: [String]? {
        let tasks = "/proc/\(pid)/task"
        return (try? FileManager.default.contentsOfDirectory(atPath: tasks))?.compactMap { task in
            try? String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8)
        }
    }

    package func write(_ bytes: [UInt8]) throws { try input.write(contentsOf: Data(bytes)) }
    package func write(_ text: String) throws { try write(Array(text.utf8)) }
    package func endInput() throws { try input.close() }
    package func signal(_ number: Int32) { kill(pid, number) }

    /// Waits until standard output has a line that begins so, and gives what follows on that line.
    package func line(beginning prefix: String, within limit: Duration = .seconds(30)) async throws -> String
    {
        try await wait(for: "a line beginning \"\(prefix)\"", limit) { rest(of: prefix, in: $0.output) }
    }

    /// Waits until standard error has a line that begins so, and gives what follows on that line.
    package func errorLine(beginning prefix: String, within limit: Duration = .seconds(30)) async throws
        -> String
    {
        try await wait(for: "an error line beginning \"\(prefix)\"", limit) {
            rest(of: prefix, in: $0.errors)
        }
    }

    /// Waits until standard output has a whole line with `part` in it, and gives that line.
    package func line(containing part: String, within limit: Duration = .seconds(30)) async throws -> String {
        try await wait(for: "a line with \"\(part)\"", limit) { state in
            text(state.output).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).dropLast()
                .first { $0.contains(part) }.map(String.init)
        }
    }

    /// Waits until standard error contains `text`, and gives all of it.
    package func errors(containing part: String, within limit: Duration = .seconds(30)) async throws -> String
    {
        try await wait(for: "\"\(part)\" on standard error", limit) { state in
            let all = text(state.errors)
            return all.contains(part) ? all : nil
        }
    }

    /// Waits until it has ended and all it wrote was read.
    package func finished(within limit: Duration = .seconds(60)) async throws -> (
        exit: Exit, output: [UInt8], errors: String
    ) {
        try await wait(for: "the end of the program", limit) { state in
            guard let exit = state.exit, state.openStreams == 0 else { return nil }
            return (exit, Array(state.output), text(state.errors))
        }
    }
}

private func text(_ data: Data) -> String { String(decoding: data, as: UTF8.self) }

/// What follows `prefix` on the first whole line that begins with it.
private func rest(of prefix: String, in data: Data) -> String? {
    // The last piece may be a line half written.
    text(data).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).dropLast()
        .first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
}
