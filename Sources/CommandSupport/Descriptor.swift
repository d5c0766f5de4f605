#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What programs do with descriptors of the system's, and this one does the same everywhere: interrupted calls are made
/// again, and descriptors that do not wait are waited for.
package enum Descriptor {
    /// Writes all of it.
    ///
    /// - Returns: the number of the error that keeps it from being written; 0 if it was.
    @discardableResult
    package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
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

    /// Reads to the end.
    ///
    /// - Returns: what there was, and the number of the error that keeps the rest from being read; 0 if there is none.
    package static func readToEnd(_ descriptor: Int32) -> (bytes: [UInt8], error: Int32) {
        var bytes: [UInt8] = []
        while true {
            var failure: Int32 = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                let result = readSome(descriptor, UnsafeMutableRawBufferPointer(buffer))
                if result < 0 { failure = errno }
                count = max(0, result)
            }
            switch failure {
            case 0 where piece.isEmpty: return (bytes, 0)
            case 0: bytes += piece
            case EINTR: continue
            default: return (bytes, failure)
            }
        }
    }
}

private func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

private func readSome(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}
