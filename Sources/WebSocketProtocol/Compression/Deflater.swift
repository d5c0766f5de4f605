import CZlib

/// One raw-DEFLATE compressor (RFC 1951), as permessage-deflate uses it (RFC 7692 §7.2.1).
///
/// zlib cannot make a raw stream with a window of 256 bytes (8 bits): asked to, it would use 512, and a peer
/// that trusts the agreement could not read that. For 8 bits it is therefore told to use run lengths only,
/// which reach back one byte and fit any window.
///
/// Not `Sendable`: one owner, one call at a time.
final class Deflater {
    /// Compressors are interchangeable when these are equal.
    struct Configuration: Hashable, Sendable {
        let windowBits: Int
        let level: Int
        let memoryLevel: Int
    }

    let configuration: Configuration
    /// zlib keeps a pointer to its stream, so that this must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Returns: `nil` when there is no memory for it.
    init?(_ configuration: Configuration) {
        self.configuration = configuration
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = duplex_deflateInit2(
            stream,
            Int32(configuration.level),
            -Int32(max(configuration.windowBits, 9)),
            Int32(configuration.memoryLevel),
            configuration.windowBits < 9 ? Z_RLE : Z_DEFAULT_STRATEGY
        )
        guard result == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Forgets what it has compressed.
    func reset() { deflateReset(stream) }

    /// Compresses a piece of a message, whole: nothing of it is held back for the next.
    ///
    /// - Parameter isLast: whether the message ends here.
    func compress(_ input: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]) {
        let begin = output.count
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 16) { scratch in
            let base = scratch.baseAddress?.assumingMemoryBound(to: UInt8.self)
            var rest = input
            repeat {
                // zlib counts input in 32 bits.
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self)
                )
                stream.pointee.avail_in = UInt32(piece.count)
                repeat {
                    stream.pointee.next_out = base
                    stream.pointee.avail_out = UInt32(scratch.count)
                    // Fails only when there is nothing to do, which shows in `avail_out`.
                    _ = deflate(stream, rest.isEmpty ? Z_SYNC_FLUSH : Z_NO_FLUSH)
                    let made = scratch.count - Int(stream.pointee.avail_out)
                    output.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<made]))
                } while stream.pointee.avail_out == 0
            } while !rest.isEmpty
        }
        guard isLast else { return }
        // §7.2.1: the last four bytes are always 00 00 FF FF and are not sent; §7.2.3.6: a message of
        // nothing is one empty block. A flush behind another makes no output at all; the same block does.
        if output.count >= begin + 4 { output.removeLast(4) }
        if output.count == begin { output.append(0) }
    }
}
