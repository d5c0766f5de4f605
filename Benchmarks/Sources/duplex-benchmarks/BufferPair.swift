#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Two buffers: the one that is masked, validated or copied from, and the one that is copied to.
///
/// Allocated and written once, at the largest size, so that no measurement pays for the system's first
/// touch of a page.
final class BufferPair {
    private let source: UnsafeMutableRawBufferPointer
    private let destination: UnsafeMutableRawBufferPointer

    private static let page = 4096

    init(largest: Int) {
        let room = largest + 2 * Self.page
        source = .allocate(byteCount: room, alignment: Self.page)
        destination = .allocate(byteCount: room, alignment: Self.page)
        source.initializeMemory(as: UInt8.self, repeating: 0)
        destination.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        source.deallocate()
        destination.deallocate()
    }

    /// The first buffer's bytes, beginning `misalignment` bytes after the start of a page.
    func bytes(_ count: Int, misalignment: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: source[misalignment..<(misalignment + count)])
    }

    /// Copies them to the second buffer with `memcpy`.
    ///
    /// To the middle of a page, and as misaligned as they are: many processors stall on a load that
    /// follows a store to the same place of another page, and a copy is not to be measured at its worst.
    func copy(_ count: Int, misalignment: Int) {
        guard let from = source.baseAddress, let to = destination.baseAddress else { return }
        memcpy(to + Self.page / 2 + misalignment, from + misalignment, count)
    }
}
