#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif
#if os(Linux)
import CLinux
#endif

/// A file or folder that is open. What is said of it was asked of the descriptor, not of a name that may mean another
/// file by now.
final class OpenFile: Sendable {
    let descriptor: Int32
    let isFolder: Bool
    let version: FileVersion

    /// Takes the descriptor.
    ///
    /// - Throws: ``FileProblem/missing`` for what is neither a regular file nor a folder: a pipe, a device.
    init(taking descriptor: Int32) throws(FileProblem) {
        var status = stat()
        let problem = fstat(descriptor, &status) == 0 ? nil : FileProblem(errno)
        let kind = status.st_mode & S_IFMT
        guard problem == nil, kind == S_IFREG || kind == S_IFDIR else {
            _ = close(descriptor)
            throw problem ?? .missing
        }
        #if canImport(Darwin)
        let modified = status.st_mtimespec
        #else
        let modified = status.st_mtim
        #endif
        self.descriptor = descriptor
        isFolder = kind == S_IFDIR
        version = FileVersion(
            size: Int(status.st_size),
            inode: UInt64(status.st_ino),
            seconds: Int(modified.tv_sec),
            nanoseconds: Int(modified.tv_nsec)
        )
    }

    deinit { _ = close(descriptor) }

    /// Reads a part of a file, all of it.
    ///
    /// - Throws: ``FileProblem/shrunk`` when the file ends before.
    func read(_ part: Range<Int>) throws(FileProblem) -> [UInt8] {
        var problem: FileProblem?
        let bytes = [UInt8](unsafeUninitializedCapacity: part.count) { buffer, count in
            while count < part.count {
                let free = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[count...]
                )
                let got = pread(descriptor, free.baseAddress, free.count, off_t(part.lowerBound + count))
                if got > 0 {
                    count += got
                } else if got == 0 || errno != EINTR {
                    problem = got == 0 ? .shrunk : FileProblem(errno)
                    return
                }
            }
        }
        if let problem { throw problem }
        return bytes
    }
}

/// Why a file cannot be served.
enum FileProblem: Error, Hashable {
    /// It is not there, or not for others to see: both are told alike.
    case missing
    /// The process or the system has no more descriptors or memory.
    case exhausted
    /// The file became shorter while it was sent.
    case shrunk
    /// Anything else, by its number.
    case failed(errno: Int32)

    init(_ number: Int32) {
        switch number {
        // Links are ELOOP where none may be, and EXDEV where they lead out; EINVAL, ENXIO, ENODEV are no files.
        case ENOENT, ENOTDIR, ELOOP, EXDEV, EACCES, EPERM, ENAMETOOLONG, EINVAL, ENXIO, ENODEV:
            self = .missing
        case EMFILE, ENFILE, ENOMEM: self = .exhausted
        default: self = .failed(errno: number)
        }
    }
}

/// A directory out of which no path leads, and no link, also while somebody else moves things about in it.
struct FileDirectory: Sendable {
    let path: String
    let links: FileOptions.SymbolicLinks

    // O_NONBLOCK: a pipe that nobody writes into would hold up the thread. On files it means nothing.
    private static let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY

    /// Opens a file or a folder. Blocks.
    ///
    /// - Parameter names: as ``FilePath`` lets them pass.
    func open(_ names: [String]) throws(FileProblem) -> OpenFile {
        // By its name each time: where the directory is replaced as a whole, the new one is served.
        let root = try Self.open { openat(AT_FDCWD, path, Self.flags | O_DIRECTORY) }
        guard !names.isEmpty else { return root }
        #if os(Linux)
        if links == .withinDirectory, Self.canFollowWithin {
            let joined = names.joined(separator: "/")
            return try Self.open { duplex_open_beneath(root.descriptor, joined, Self.flags) }
        }
        #endif
        var file = root
        for (index, name) in names.enumerated() {
            let isLast = index == names.endIndex - 1
            let directory = file
            file = try Self.open {
                openat(directory.descriptor, name, Self.flags | O_NOFOLLOW | (isLast ? 0 : O_DIRECTORY))
            }
        }
        return file
    }

    #if os(Linux)
    /// Whether the system keeps links in, and lets us ask it to: some containers refuse what they do not know.
    private static let canFollowWithin: Bool = {
        let descriptor = duplex_open_beneath(AT_FDCWD, ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        if descriptor >= 0 { _ = close(descriptor) }
        return descriptor >= 0
    }()
    #endif

    private static func open(_ call: () -> Int32) throws(FileProblem) -> OpenFile {
        // EAGAIN: names were changed while the system followed them. Rare, and no reason to go on for ever.
        for _ in 0..<16 {
            let descriptor = call()
            if descriptor >= 0 { return try OpenFile(taking: descriptor) }
            guard errno == EINTR || errno == EAGAIN else { throw FileProblem(errno) }
        }
        throw .exhausted
    }
}
