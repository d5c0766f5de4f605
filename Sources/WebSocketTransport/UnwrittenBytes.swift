import NIOCore
import WebSocketProtocol

/// Bytes that wait for a socket to take them, and the writes that they came with. To be used on one loop only.
struct UnwrittenBytes {
    private var bytes: [UInt8]
    private var start = 0
    /// Where each write ends, counted from the first byte of the first.
    private var ends = Fifo<Int>()
    private var offset = 0

    var isEmpty: Bool { start == bytes.count }

    /// - Parameter count: room for so many bytes, from the loop's buffers if it is much.
    init(room count: Int) { bytes = LoopScratch.current.large.take(count) }

    /// Appends what was not taken of a write of `first` and `more`, from `taken` bytes on.
    mutating func append(_ first: RawSpan, _ more: RawSpan, from taken: Int) {
        first.withUnsafeBytes { bytes.append(contentsOf: $0.dropFirst(taken)) }
        more.withUnsafeBytes { bytes.append(contentsOf: $0.dropFirst(max(taken - first.byteCount, 0))) }
        ends.append(offset + bytes.count)
    }

    /// Puts bytes in front of all others: the rest of a write that has been answered already.
    mutating func putBack(_ rest: UnsafeRawBufferPointer) {
        bytes.insert(contentsOf: rest, at: start)
        offset -= rest.count
    }

    /// Lends all of it.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    /// Notes that the socket has taken so many.
    ///
    /// - Returns: how many writes are done with.
    mutating func took(_ count: Int) -> Int {
        start += count
        var done = 0
        while let end = ends.first, end <= offset + start {
            _ = ends.popFirst()
            done += 1
        }
        compact()
        return done
    }

    /// Moves what is left to the front, each byte once per doubling.
    private mutating func compact() {
        guard !isEmpty, start >= 64 << 10, start * 2 >= bytes.count else { return }
        bytes.removeFirst(start)
        offset += start
        start = 0
    }

    /// Gives memory back that is worth it, once all has been taken.
    consuming func giveBack(on eventLoop: any EventLoop) {
        guard bytes.capacity >= BufferPool.smallest else { return }
        LoopScratch.current.giveBackLarge(bytes, on: eventLoop)
    }
}
