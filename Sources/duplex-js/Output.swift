import CommandSupport
import WebSocketScript

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Standard output and standard error, written through at once and in order, so that the two are in order in a terminal
/// as well.
@MainActor
final class Output {
    private var isGone = false

    init() {
        // Of a reader that has gone, the write tells.
        signal(SIGPIPE, SIG_IGN)
    }

    func write(_ level: ConsoleLevel, _ text: String) {
        guard !isGone else { return }
        let descriptor = level >= .warning ? STDERR_FILENO : STDOUT_FILENO
        let failure = Descriptor.write(Array("\(text)\n".utf8), to: descriptor)
        guard failure != 0 else { return }
        isGone = true
        // The reader has what it wanted, as `head` has: there is nothing left to do, and nothing to say.
        guard failure != EPIPE else { exit(0) }
        let name = descriptor == STDOUT_FILENO ? "output" : "error"
        let line = "duplex-js: standard \(name): \(String(cString: strerror(failure)))\n"
        Descriptor.write(Array(line.utf8), to: STDERR_FILENO)
        exit(1)
    }
}

/// The text of a script.
enum ScriptFile {
    /// - Parameter path: `-` for standard input.
    static func read(_ path: String) throws(FileError) -> String {
        var bytes = try FileContents.read(path)
        // A script may begin with the line that says which program runs it; its lines keep their numbers.
        if bytes.starts(with: "#!".utf8) { bytes.insert(contentsOf: "//".utf8, at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
