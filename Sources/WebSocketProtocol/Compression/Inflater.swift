import CZlib

/// One raw-DEFLATE decompressor (RFC 1951), as permessage-deflate uses it (RFC 7692 §7.2.2).
///
/// Not `Sendable`: one owner, one call at a time.
final class Inflater {
    enum Failure: Error {
        /// Not DEFLATE, as zlib puts it.
        case malformed(String)
        /// More output than the limit given.
        case tooBig
    }

    let windowBits: Int
    /// zlib keeps a pointer to its stream, so that this must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Returns: `nil` when there is no memory for it.
    init?(windowBits: Int) {
        self.windowBits = windowBits
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // A peer whose zlib was asked for 8 bits may have used 9, so that much is always understood.
        guard duplex_inflateInit2(stream, -Int32(max(windowBits, 9))) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Forgets what it has decompressed.
    func reset() { inflateReset(stream) }

    /// What §7.2.1 takes off the end of a message.
    private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

    /// Decompresses a piece of a message.
    ///
    /// - Parameters:
    ///   - isLast: whether the message ends here.
    ///   - limit: the most bytes to append; one more is a failure, noticed before it is stored.
    func decompress(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        limit: Int,
        into output: inout [UInt8]
    ) throws(Failure) {
        var room = limit
        try run(input, room: &room, into: &output)
        if isLast {
            let result = Self.tail.withUnsafeBytes { tail in
                Result { () throws(Failure) in try run(tail, room: &room, into: &output) }
            }
            try result.get()
        }
    }

    private func run(
        _ input: UnsafeRawBufferPointer,
        room: inout Int,
        into output: inout [UInt8]
    ) throws(Failure) {
        // A closure cannot pass a typed error on and stay simple.
        var left = room
        let result = withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 16) { scratch in
            Result { () throws(Failure) in
                var rest = input
                while !rest.isEmpty {
                    let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
                    let used = try step(piece, scratch, room: &left, into: &output)
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(used))
                }
            }
        }
        room = left
        try result.get()
    }

    /// - Returns: how much of the input was used; all of it, or up to the end of a last block.
    private func step(
        _ input: UnsafeRawBufferPointer,
        _ scratch: UnsafeMutableRawBufferPointer,
        room: inout Int,
        into output: inout [UInt8]
    ) throws(Failure) -> Int {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        )
        stream.pointee.avail_in = UInt32(input.count)
        while true {
            stream.pointee.next_out = scratch.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(scratch.count)
            let result = inflate(stream, Z_SYNC_FLUSH)
            let made = scratch.count - Int(stream.pointee.avail_out)
            guard made <= room else { throw .tooBig }
            room -= made
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<made]))
            switch result {
            case Z_STREAM_END:
                // §7.2.3.4: a sender may mark a block as the last of its stream. What follows begins a new
                // stream that still may look back, so the window has to be kept.
                restartKeepingWindow()
                return input.count - Int(stream.pointee.avail_in)
            case Z_OK, Z_BUF_ERROR:
                // Output that was not filled up means that there is no more for this input.
                if stream.pointee.avail_out > 0 { return input.count - Int(stream.pointee.avail_in) }
            default:
                throw .malformed(stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(result)")
            }
        }
    }

    private func restartKeepingWindow() {
        withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 1) { window in
            let base = window.baseAddress?.assumingMemoryBound(to: UInt8.self)
            var count: UInt32 = 0
            inflateGetDictionary(stream, base, &count)
            // Resetting loses how far the input was read.
            let (next, available) = (stream.pointee.next_in, stream.pointee.avail_in)
            inflateReset(stream)
            inflateSetDictionary(stream, base, count)
            (stream.pointee.next_in, stream.pointee.avail_in) = (next, available)
        }
    }
}
