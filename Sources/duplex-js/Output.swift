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
        let failure = Self.writeAll(text + "\n", to: descriptor)
        guard failure != 0 else { return }
        isGone = true
        // The reader has what it wanted, as `head` has: there is nothing left to do, and nothing to say.
        guard failure != EPIPE else { exit(0) }
        let name = descriptor == STDOUT_FILENO ? "output" : "error"
        _ = Self.writeAll(
            "duplex-js: standard \(name): \(String(cString: strerror(failure)))\n",
            to: STDERR_FILENO
        )
        exit(1)
    }

    /// - Returns: the number of the error that keeps it from being written; 0 if it was.
    private static func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)[...]
            while !rest.isEmpty {
                let count = writeSome(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                if count > 0 {
                    rest = rest.dropFirst(count)
                    continue
                }
                switch errno {
                case EINTR: continue
                case EAGAIN:
                    // Somebody has made it one that does not wait, so it is waited for here.
                    var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&room, 1, -1)
                default: return errno
                }
            }
            return 0
        }
    }
}

private func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

/// The text of a script.
enum ScriptFile {
    struct Unreadable: Error, CustomStringConvertible {
        let path: String
        let reason: String
        var description: String { "\(path): \(reason)" }
    }

    /// - Parameter path: `-` for standard input.
    static func read(_ path: String) throws(Unreadable) -> String {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Unreadable(path: path, reason: String(cString: strerror(errno))) }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var failure: Int32 = 0
        while true {
            let piece = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                let result = readSome(descriptor, UnsafeMutableRawBufferPointer(buffer))
                if result < 0 { failure = errno }
                count = max(0, result)
            }
            guard failure == 0 || failure == EINTR else {
                throw Unreadable(path: path, reason: String(cString: strerror(failure)))
            }
            if failure == 0, piece.isEmpty { break }
            failure = 0
            bytes += piece
        }
        // A script may begin with the line that says which program runs it; its lines keep their numbers.
        if bytes.starts(with: "#!".utf8) { bytes.insert(contentsOf: "//".utf8, at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

private func readSome(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}
