import CommandSupport
import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Standard output, without a buffer: what was written is there for the next program at once.
enum StandardOutput {
    /// - Returns: `nil` when all of it was written.
    @discardableResult
    static func write(_ text: String) -> OutputEnd? { write(Array(text.utf8)) }
    @discardableResult
    static func write(_ bytes: [UInt8]) -> OutputEnd? { writeAll(bytes, to: STDOUT_FILENO) }
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}

enum StandardError {
    static func write(line: String) { writeAll(Array("\(line)\n".utf8), to: STDERR_FILENO) }
}

/// What became of the output.
enum OutputEnd: Sendable, Hashable {
    /// The reader has gone: it has what it wanted.
    case readerGone
    case failed(String)
}

/// - Returns: `nil` when all of it was written.
@discardableResult
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> OutputEnd? {
    switch Descriptor.write(bytes, to: descriptor) {
    case 0: nil
    case EPIPE: .readerGone
    case let error: .failed(IOError(errnoCode: error, reason: "standard output").description)
    }
}

/// Standard input, read on a thread of its own: a terminal may not say anything for hours.
enum StandardInput {
    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    private static let thread: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        return pool
    }()

    /// What comes next, at most 64 KiB; nothing at the end.
    static func read() async throws -> [UInt8] {
        try await thread.runIfActive {
            try [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                repeat {
                    let result = Self.readOnce(buffer)
                    if result >= 0 {
                        count = result
                        return
                    }
                } while errno == EINTR
                throw IOError(errnoCode: errno, reason: "read of standard input")
            }
        }
    }

    private static func readOnce(_ buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        #if canImport(Darwin)
        Darwin.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
        #elseif canImport(Glibc)
        Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
        Musl.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
        #endif
    }

    /// The lines of standard input, without their line feeds. A last line without one counts too.
    struct Lines: AsyncSequence, Sendable {
        struct AsyncIterator: AsyncIteratorProtocol {
            private var buffer: [UInt8] = []
            /// Where the search for the next line feed begins.
            private var searched = 0
            private var begin = 0
            private var isAtEnd = false

            mutating func next() async throws -> [UInt8]? {
                while true {
                    if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                        defer {
                            begin = end + 1
                            searched = begin
                        }
                        return Array(buffer[begin..<end])
                    }
                    if isAtEnd {
                        defer { begin = buffer.count }
                        return begin < buffer.count ? Array(buffer[begin...]) : nil
                    }
                    buffer.removeFirst(begin)
                    begin = 0
                    searched = buffer.count
                    let bytes = try await StandardInput.read()
                    isAtEnd = bytes.isEmpty
                    buffer += bytes
                }
            }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
    }

    static var lines: Lines { Lines() }
}
