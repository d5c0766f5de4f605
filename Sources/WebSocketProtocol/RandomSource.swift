#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// Where random bytes come from. The core draws none by itself: it is given a source, so that a test
/// can give one whose bytes it knows.
public struct RandomSource: Sendable {
    private let filler: @Sendable (UnsafeMutableRawBufferPointer) -> Void

    /// - Parameter fill: overwrites every byte of the buffer it is given.
    public init(fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) { filler = fill }

    /// The operating system's cryptographic generator.
    public static let system = RandomSource { buffer in
        #if canImport(Darwin)
        if let base = buffer.baseAddress { arc4random_buf(base, buffer.count) }
        #else
        var rest = buffer[...]
        while !rest.isEmpty {
            // getentropy gives at most 256 bytes a call.
            let piece = UnsafeMutableRawBufferPointer(rebasing: rest.prefix(256))
            if let base = piece.baseAddress, getentropy(base, piece.count) != 0 {
                // Only a kernel without the call ends here; the standard library's generator is
                // backed by the system's as well, eight bytes at a time.
                var generator = SystemRandomNumberGenerator()
                for index in piece.indices { piece[index] = generator.next() }
            }
            rest = rest.dropFirst(piece.count)
        }
        #endif
    }

    public func fill(_ buffer: UnsafeMutableRawBufferPointer) { filler(buffer) }

    public func bytes(_ count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        result.withUnsafeMutableBytes { filler($0) }
        return result
    }
}
