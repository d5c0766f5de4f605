/// Puts a message together from what its frames bring, holding no more than has arrived.
struct MessageAssembler: Sendable {
    private(set) var bytes: [UInt8] = []

    /// The first piece is worth at least this much room, in bytes.
    private static let smallest = 512

    /// Adds a piece.
    ///
    /// - Parameter expected: the size the message will have at least, by its headers. Room grows towards
    ///   it by doubling, so that a header's word alone reserves nothing and no byte is copied more than
    ///   a constant number of times.
    mutating func append(_ piece: UnsafeRawBufferPointer, expected: Int) {
        let needed = bytes.count + piece.count
        if needed > bytes.capacity {
            let doubled = max(needed, bytes.capacity * 2, Self.smallest)
            bytes.reserveCapacity(expected >= needed ? min(doubled, expected) : doubled)
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
