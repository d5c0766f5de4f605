/// Puts a message together from what its frames bring, holding no more than has arrived.
struct MessageAssembler {
    var bytes: [UInt8] = []
    /// Where large messages get their memory.
    var pool: BufferPool?

    /// What is asked of the pool for a message that says it will be as large: what is there costs nothing.
    private static let wanted = 4 << 20

    /// The first piece is worth at least this much room, in bytes.
    private static let smallest = 512

    /// Adds a piece.
    ///
    /// - Parameter total: the size of the whole message, once its last frame's header has told it. Room
    ///   grows by doubling and not beyond that, so that a header's word alone reserves nothing, and no
    ///   byte is copied more than a constant number of times however many fragments there are.
    mutating func append(_ piece: UnsafeRawBufferPointer, total: Int?) {
        let needed = bytes.count + piece.count
        if bytes.isEmpty, let pool { bytes = pool.take(max(needed, min(total ?? 0, Self.wanted))) }
        if needed > bytes.capacity {
            let doubled = max(needed, bytes.capacity * 2, Self.smallest)
            bytes.reserveCapacity(min(doubled, max(needed, total ?? .max)))
        }
        bytes.append(contentsOf: piece)
    }

    /// Hands the message over, keeping nothing: an idle connection holds no buffer.
    mutating func take() -> [UInt8] {
        var result: [UInt8] = []
        swap(&result, &bytes)
        return result
    }
}
