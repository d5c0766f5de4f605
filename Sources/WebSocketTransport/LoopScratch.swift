import NIOCore
import NIOPosix
import WebSocketProtocol

/// Memory that the connections of one thread take turns with, so that an idle connection holds none.
final class LoopScratch {
    // Safe: the variable itself never changes, and each thread sees a value of its own.
    private nonisolated(unsafe) static let perThread = ThreadSpecificVariable<LoopScratch>()

    /// The calling thread's own.
    static var current: LoopScratch {
        if let scratch = perThread.currentValue { return scratch }
        let scratch = LoopScratch()
        perThread.currentValue = scratch
        return scratch
    }

    /// Compressors and decompressors of this thread's connections.
    let deflate = DeflatePool()
    /// Buffers for large messages.
    let large = BufferPool()
    /// Where the answers to one read gather: what a connection may have on its way, and one message more. `nil`
    /// while it is lent.
    @exclusivity(unchecked) private var burst: FrameBuffer? = .allocate(
        capacity: ConnectionCore.transportWindow + SharedOptions.sizeForReference + FrameHeader.maximumLength
    )
    /// Memory for the queue of whichever connection has messages that wait.
    @exclusivity(unchecked) var spareMessages: [Message?] = []
    private var isTrimScheduled = false
    /// Of this thread's event loop, where it is not one of our own. More than one only where several loops take turns
    /// on a thread, as in tests.
    private var timers: [LoopTimers] = []
    private var dice = UInt64.random(in: 0 ... .max)
    /// See ``TurnEnd``.
    @exclusivity(unchecked) var putOffWork: [() -> Void] = []
    @exclusivity(unchecked) var putOffMore = false
    /// The latest first.
    private var recentOptions: [SharedOptions] = []
    /// What is not counted for anybody: clients' connections.
    private let otherTraffic = LoopTraffic()
    /// By connection; see ``ConnectionCompanion``.
    var companions: [ObjectIdentifier: [any ConnectionCompanion]] = [:]
    /// See ``TurnEnd/takesIn(_:)``.
    var intakes: [() -> Bool] = []
    /// See ``TurnEnd/whileOrdersWait(_:)``.
    @exclusivity(unchecked) var ordersWait = false

    @exclusivity(unchecked) private var input: [UInt8] = []
    /// The buffer used last, and those beside it.
    @exclusivity(unchecked) private var output: [UInt8] = []
    @exclusivity(unchecked) private var outputs: [[UInt8]] = []
    @exclusivity(unchecked) private var keptOutput = 0

    /// What is kept between uses, in bytes; a rare large buffer is not.
    private static let keep = 256 << 10
    /// What is kept in all of buffers that many connections use at a time, as when a topic has many receivers.
    private static let keepInAll = 2 << 20

    private static let keepOptions = 4

    deinit { burst?.deallocate() }

    /// Lends the burst buffer, unless somebody has it.
    func takeBurst() -> FrameBuffer? { burst.take() }

    func giveBack(_ burst: FrameBuffer) { self.burst = burst }

    func timers(of eventLoop: any EventLoop) -> LoopTimers {
        for timers in timers where timers.isOf(eventLoop) { return timers }
        timers.removeAll { $0.isOfNobody }
        let new = LoopTimers(of: eventLoop)
        timers.append(new)
        return new
    }

    /// A random number by which a connection's clocks differ from others'. Nobody's secret depends on it, so that the
    /// system's generator is asked once for each thread only.
    func nextSpread() -> UInt16 {
        // Sebastiano Vigna's SplitMix64.
        dice &+= 0x9E37_79B9_7F4A_7C15
        var mixed = dice
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return UInt16(truncatingIfNeeded: mixed ^ (mixed >> 31))
    }

    /// The options of one connection after the other are nearly always the same; those of the few servers and clients
    /// that a thread may have are all kept.
    ///
    /// - Parameter traffic: where the connection is counted.
    func shared(_ options: ConnectionOptions, _ traffic: LoopTraffic?) -> SharedOptions {
        let traffic = traffic ?? otherTraffic
        if let known = recentOptions.first(where: { $0.isMade(of: options, traffic) }) { return known }
        let shared = SharedOptions(options, traffic)
        if recentOptions.count == Self.keepOptions { recentOptions.removeLast() }
        recentOptions.insert(shared, at: 0)
        return shared
    }

    /// Lends a mutable copy of `bytes`. A transport's buffer may be shared with its allocator, so that
    /// changing it in place would copy it into fresh memory each time; this copies into warm memory.
    func withMutableCopy(of bytes: UnsafeRawBufferPointer, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        // Taken out while lent, so that a nested call finds an empty one and not this one.
        var buffer: [UInt8] = []
        swap(&buffer, &input)
        if buffer.count < bytes.count { buffer = [UInt8](repeating: 0, count: max(bytes.count, 64 << 10)) }
        buffer.withUnsafeMutableBytes { memory in
            let part = UnsafeMutableRawBufferPointer(rebasing: memory[..<bytes.count])
            part.copyMemory(from: bytes)
            body(part)
        }
        if buffer.count <= Self.keep { input = buffer }
    }

    /// Takes a large buffer back, and lets go of it when no connection has use for it soon.
    /// See ``BufferPool/giveBack(_:isFree:)``.
    func giveBackLarge(_ buffer: [UInt8], isFree: Bool = true, on eventLoop: any EventLoop) {
        large.giveBack(buffer, isFree: isFree)
        guard large.size > 0, !isTrimScheduled else { return }
        isTrimScheduled = true
        scheduleTrim(on: eventLoop)
    }

    private func scheduleTrim(on eventLoop: any EventLoop) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        _ = eventLoop.scheduleTask(in: .seconds(1)) {
            let scratch = bound.value
            scratch.large.trim()
            scratch.isTrimScheduled = scratch.large.size > 0
            if scratch.isTrimScheduled { scratch.scheduleTrim(on: eventLoop) }
        }
    }

    /// An empty array, with room if there is some to reuse.
    func takeOutput() -> [UInt8] {
        if output.capacity > 0 {
            var buffer: [UInt8] = []
            swap(&buffer, &output)
            return buffer
        }
        guard let buffer = outputs.popLast() else { return [] }
        keptOutput -= buffer.capacity
        return buffer
    }

    /// Takes a buffer back and leaves none. In place, since to empty a buffer that somebody else holds too is to
    /// make a new one.
    func giveBackOutput(_ given: inout [UInt8]) {
        var buffer: [UInt8] = []
        swap(&buffer, &given)
        let capacity = buffer.capacity
        guard capacity > 0, capacity <= Self.keep else { return }
        buffer.removeAll(keepingCapacity: true)
        if output.capacity == 0 { return swap(&buffer, &output) }
        guard keptOutput + capacity <= Self.keepInAll else { return }
        keptOutput += capacity
        outputs.append(buffer)
    }
}
