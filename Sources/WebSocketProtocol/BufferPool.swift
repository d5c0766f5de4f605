/// Large buffers that the connections of one thread take turns with, so that a large message costs no fresh
/// memory: the system would have to clear it, page by page, each time.
///
/// Not safe to share between threads.
package final class BufferPool {
    private var buffers: [[UInt8]] = []
    /// Bytes of what is kept.
    package private(set) var size = 0
    /// Whether any was taken or given back since the last ``trim()``.
    private var isInUse = false

    /// Smaller ones are not kept: the allocator does well with them.
    package static let smallest = 64 << 10
    /// The most that is kept, in bytes.
    package static let limit = 16 << 20

    package init() {}

    /// An empty buffer, with room for `capacity` bytes if there is such a one, else with less or none.
    package func take(_ capacity: Int) -> [UInt8] {
        guard capacity >= Self.smallest, !buffers.isEmpty else { return [] }
        isInUse = true
        // From the end: the last free one is the one whose memory is still at hand, and of those given away the
        // oldest is the likeliest to be free.
        let place = buffers.lastIndex { $0.capacity >= capacity } ?? buffers.endIndex - 1
        var buffer = buffers.remove(at: place)
        size -= buffer.capacity
        // A buffer that somebody still holds is made anew by this, which is what it would cost without a pool.
        buffer.removeAll(keepingCapacity: true)
        return buffer
    }

    /// Takes a buffer back.
    ///
    /// - Parameter isFree: whether nobody else holds it any more. A message given away to a reader may be handed
    ///   in too: once the reader has let go of it, its memory serves again.
    package func giveBack(_ buffer: [UInt8], isFree: Bool = true) {
        let capacity = buffer.capacity
        guard capacity >= Self.smallest, size + capacity <= Self.limit else { return }
        isInUse = true
        size += capacity
        if isFree { buffers.append(buffer) } else { buffers.insert(buffer, at: 0) }
    }

    /// To be called now and then: lets go of all that is kept if nobody wanted any of it since the last call.
    package func trim() {
        if !isInUse {
            buffers = []
            size = 0
        }
        isInUse = false
    }
}
