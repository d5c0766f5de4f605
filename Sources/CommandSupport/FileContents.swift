#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A file that cannot be read, or does not hold what it should.
package struct FileError: Error, Hashable, CustomStringConvertible {
    package let path: String
    /// In the system's words, or ours.
    package let reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package init(path: String, errno: Int32) {
        self.init(path: path, reason: String(cString: strerror(errno)))
    }

    package var description: String { "\(path): \(reason)" }
}

package enum FileContents {
    /// - Parameter path: `-` for standard input.
    package static func read(_ path: String) throws(FileError) -> [UInt8] {
        guard path != "-" else { return try read(STDIN_FILENO, path) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: path, errno: errno) }
        defer { close(descriptor) }
        return try read(descriptor, path)
    }

    private static func read(_ descriptor: Int32, _ path: String) throws(FileError) -> [UInt8] {
        let (bytes, error) = Descriptor.readToEnd(descriptor)
        guard error == 0 else { throw FileError(path: path, errno: error) }
        return bytes
    }
}
