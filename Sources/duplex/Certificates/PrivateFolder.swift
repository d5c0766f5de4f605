import CommandSupport

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A folder of this user's that nobody else may look into, and files in it that are whole or not there.
struct PrivateFolder: Sendable {
    private let folder: String

    /// Makes the folder, and those above it, where they are missing.
    init(_ path: String) throws(FileError) {
        folder = path
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            guard mkdir(made, 0o700) != 0, errno != EEXIST, errno != EISDIR else { continue }
            // Others above it may be there and not be writable.
            let error = errno
            guard access(made, F_OK) == 0 else { throw FileError(path: made, errno: error) }
        }
        var status = stat()
        guard lstat(path, &status) == 0 else { throw FileError(path: path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw FileError(path: path, reason: "is no folder of this user's")
        }
        guard status.st_mode & 0o077 == 0 || chmod(path, 0o700) == 0 else {
            throw FileError(path: path, errno: errno)
        }
    }

    func path(of name: String) -> String { "\(folder)/\(name)" }

    /// A file that nobody else could read.
    ///
    /// - Returns: `nil` if there is none.
    func read(_ name: String) throws(FileError) -> String? {
        let path = path(of: name)
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw FileError(path: path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid() else {
            throw FileError(path: path, reason: "is no file of this user's")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw FileError(path: path, reason: "others may have read it")
        }
        return String(decoding: try FileContents.read(path), as: UTF8.self)
    }

    /// Puts a file in the place of the one that is there, in one step: whoever reads it meanwhile reads the one or the
    /// other.
    ///
    /// - Parameter isPublic: whether others may read it, if the folder should ever let them.
    func write(_ text: String, to name: String, isPublic: Bool = false) throws(FileError) {
        let path = path(of: name)
        let draft = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max))"
        let descriptor = open(
            draft,
            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            isPublic ? 0o644 : 0o600
        )
        guard descriptor >= 0 else { throw FileError(path: draft, errno: errno) }
        var error = Descriptor.write(Array(text.utf8), to: descriptor)
        if error == 0, fsync(descriptor) != 0 { error = errno }
        close(descriptor)
        if error == 0, rename(draft, path) != 0 { error = errno }
        guard error == 0 else {
            unlink(draft)
            throw FileError(path: path, errno: error)
        }
    }
}
