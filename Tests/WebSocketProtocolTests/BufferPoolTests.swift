import Testing

@testable import WebSocketProtocol

@Suite("Pool of large buffers", .ownThread)
struct BufferPoolTests {
    private static let large = 100_000

    private static func buffer(_ count: Int = large, filledWith byte: UInt8 = 7) -> [UInt8] {
        [UInt8](repeating: byte, count: count)
    }

    private static func place(of buffer: inout [UInt8]) -> UnsafeRawPointer? {
        buffer.append(0)
        defer { buffer.removeLast() }
        return buffer.withUnsafeBytes { $0.baseAddress }
    }

    @Test("A buffer given back is taken again: empty, and the same memory")
    func reuse() {
        let pool = BufferPool()
        var buffer = Self.buffer()
        let place = Self.place(of: &buffer)
        pool.giveBack(buffer)
        buffer = []
        #expect(pool.size >= Self.large)
        var again = pool.take(Self.large)
        #expect(again.isEmpty && again.capacity >= Self.large)
        #expect(Self.place(of: &again) == place)
        #expect(pool.size == 0)
        #expect(pool.take(Self.large).capacity == 0, "there is but one")
    }

    @Test("A buffer that somebody still holds is not changed under them")
    func held() {
        let pool = BufferPool()
        let mine = Self.buffer()
        pool.giveBack(mine, isFree: false)
        var other = pool.take(Self.large)
        other.append(contentsOf: Self.buffer(filledWith: 9))
        #expect(mine == Self.buffer())
    }

    @Test("Small buffers are not kept, and no more than the limit in all")
    func limits() {
        let pool = BufferPool()
        pool.giveBack([UInt8](repeating: 1, count: 1000))
        #expect(pool.size == 0)
        for _ in 0..<100 { pool.giveBack(Self.buffer(1 << 20)) }
        #expect(pool.size <= BufferPool.limit)
        #expect(pool.size > BufferPool.limit / 2)
        #expect(pool.take(100).capacity == 0, "who needs little gets none of the large")
    }

    @Test("One that is large enough goes before one that is not; the free before the given away")
    func choice() {
        let pool = BufferPool()
        pool.giveBack(Self.buffer(400_000))
        pool.giveBack(Self.buffer(100_000))
        #expect(pool.take(300_000).capacity >= 400_000)
        #expect((100_000..<400_000).contains(pool.take(300_000).capacity), "better than nothing")

        var free = Self.buffer()
        let place = Self.place(of: &free)
        pool.giveBack(free)
        free = []
        pool.giveBack(Self.buffer(), isFree: false)
        var taken = pool.take(Self.large)
        #expect(Self.place(of: &taken) == place)
    }

    @Test("What nobody wanted between two looks is let go; what is in use is not")
    func trimming() {
        let pool = BufferPool()
        pool.giveBack(Self.buffer())
        pool.trim()
        #expect(pool.size > 0, "it was given back since the last look")
        pool.giveBack(pool.take(Self.large))
        pool.trim()
        #expect(pool.size > 0)
        pool.trim()
        #expect(pool.size == 0)
    }
}
