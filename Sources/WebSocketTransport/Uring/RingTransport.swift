#if os(Linux)
import CLinux
package import NIOCore
import WebSocketProtocol

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// The transport over a TCP socket on a ``SocketLoop`` that has a ``Ring``. To be touched on the loop only.
///
/// Small messages are received and sent by the ring; much at once is read and written by calls, as on epoll. What
/// the socket does not take is kept and goes out as it drains.
package final class RingTransport: AcceptedTransport {
    // `@exclusivity(unchecked)`: as in `ConnectionCore`, the checks cost more than what they would find; each
    // change below is over before the connection is called.
    @exclusivity(unchecked) package var input: (any ConnectionInput)?
    package var eventLoop: any EventLoop { loop }
    package let peer: PeerAddress

    private let loop: SocketLoop
    private let ring: Ring
    @exclusivity(unchecked) private var socket: Socket
    /// Tells it from others with the same descriptor.
    @exclusivity(unchecked) private(set) var generation: UInt64 = 0
    @exclusivity(unchecked) private(set) var isInTable = false
    /// Sends by the ring, up to the one from which on the table is worth its two system calls.
    @exclusivity(unchecked) private var sends = 0
    private static let sendsBeforeTable = 32

    /// What the ring has been asked to tell of what comes. It is one thing at a time: that was cancelled, and has
    /// said so, before the next is asked for.
    @exclusivity(unchecked) private var watching = Watching.nothing
    @exclusivity(unchecked) private var isCancelling = false
    @exclusivity(unchecked) private var reading = Reading.byRing
    @exclusivity(unchecked) private var isReadingPaused = false
    /// What the ring had already received when reading was paused: at most its buffers full.
    @exclusivity(unchecked) private var held: Held?
    @exclusivity(unchecked) private var isInputOver = false

    private enum Watching {
        case nothing
        case receive
        case readable
        case broken
    }

    private enum Reading {
        case byRing
        /// Much comes at once, so it is read by calls: they take more at a time, into the loop's one buffer, which
        /// stays in the processor's cache. How many have brought little since is counted.
        case byCalls(little: Int)
    }

    private struct Held {
        var bytes: [UInt8] = []
        /// How it ended: 0, or an error below 0.
        var end: CInt?
    }

    /// From how many bytes on is much.
    private static let much = 8192
    private static let littleBeforeRing = 16

    /// The turn of the ring that something was sent in.
    @exclusivity(unchecked) private var sentIn = -1
    /// What the socket did not take.
    @exclusivity(unchecked) private var unwritten: UnwrittenBytes?
    @exclusivity(unchecked) private var isPollingOut = false
    @exclusivity(unchecked) private var isCancellingOut = false
    /// No more is to be written; so it is said to the peer once all has been.
    @exclusivity(unchecked) private var isOutputEnding = false
    /// The socket takes nothing any more. What the peer said last is still to be read, and tells why.
    @exclusivity(unchecked) private var isOutputBroken = false

    /// - Parameter socket: connected; owned by the transport from here on.
    init(_ socket: Socket, peer: PeerAddress, on loop: SocketLoop, _ ring: Ring) {
        self.socket = socket
        self.peer = peer
        self.loop = loop
        self.ring = ring
    }

    /// Begins to read.
    func start() {
        generation = ring.add(self, socket.descriptor)
        updateWatched()
    }

    // No `deinit` closes the socket: the ring holds the transport until `abort()` does.

    private func updateWatched() {
        guard socket.isOpen else { return }
        let wanted = wanted
        guard wanted != watching else { return }
        if watching == .nothing {
            watch(wanted)
        } else if !isCancelling {
            isCancelling = true
            cancelWatched()
        }
    }

    private var wanted: Watching {
        // As epoll does unasked: whoever does not read is told of a broken connection all the same.
        if isReadingPaused || isInputOver { return .broken }
        // Until it has been delivered, nothing may overtake it.
        if held != nil { return .nothing }
        if case .byCalls = reading { return .readable }
        return .receive
    }

    private func watch(_ wanted: Watching) {
        watching = wanted
        switch wanted {
        case .nothing: break
        case .receive: ring.receive(self, socket.descriptor)
        case .readable: ring.poll(.pollIn, duplex_epoll_in, socket.descriptor, generation)
        case .broken: ring.poll(.pollBroken, 0, socket.descriptor, generation, again: true)
        }
    }

    private func cancelWatched() {
        switch watching {
        case .nothing: break
        case .receive: ring.cancel(.receive, socket.descriptor, generation)
        case .readable: ring.cancel(.pollIn, socket.descriptor, generation)
        case .broken: ring.cancel(.pollBroken, socket.descriptor, generation)
        }
    }

    private func watchedEnded() {
        watching = .nothing
        isCancelling = false
    }

    /// What was to be cancelled was on its way to be told, or goes on.
    func nothingWasCancelled() {
        isCancelling = false
        isCancellingOut = false
        updateWatched()
        pollOut()
    }
}

// MARK: - Reading

extension RingTransport {
    func received(_ bytes: UnsafeMutableRawBufferPointer, goesOn: Bool) {
        if !goesOn { watchedEnded() }
        if isReadingPaused || held != nil {
            held = held ?? Held()
            held?.bytes.append(contentsOf: bytes)
        } else {
            if bytes.count >= Self.much { reading = .byCalls(little: 0) }
            input?.received(bytes)
            if loop.hasTasks { loop.runTasks(wokenBy: input) }
        }
        updateWatched()
    }

    func receivingEnded(_ answer: Ring.Answer) {
        watchedEnded()
        switch answer.result {
        // Cancelled, or other connections had all the buffers, which by now are free again.
        case -ECANCELED, -ENOBUFS, -EINTR, -EAGAIN: break
        case let end where isReadingPaused || held != nil:
            held = held ?? Held()
            held?.end = end
        case let end: ended(end)
        }
        updateWatched()
    }

    func polled(_ answer: Ring.Answer) {
        let wasForReading = watching == .readable
        if !answer.goesOn { watchedEnded() }
        if answer.result >= 0 {
            // Where somebody reads again by now, reading tells what there is, and how it ended. A peer that has ended
            // its half is told of too, and breaks nothing: what it sent before is still to be read.
            if isReadingPaused || isInputOver {
                if UInt32(answer.result) & duplex_epoll_broken != 0 { fail(brokenBy) }
            } else if wasForReading {
                readOnce()
            }
        } else if answer.result != -ECANCELED {
            fail(-answer.result)
        }
        updateWatched()
    }

    /// The error of a broken connection, unless a receive has had it already.
    private var brokenBy: CInt {
        if let end = held?.end, end < 0 { return -end }
        return socket.pendingError
    }

    private func readOnce() {
        let buffer = loop.readBuffer
        switch socket.receive(into: buffer) {
        case .bytes(let count):
            if count >= Self.much {
                reading = .byCalls(little: 0)
            } else if case .byCalls(let little) = reading {
                reading = little < Self.littleBeforeRing ? .byCalls(little: little + 1) : .byRing
            }
            input?.received(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            if loop.hasTasks { loop.runTasks(wokenBy: input) }
        case .end: ended(0)
        case .nothing: break
        case .failure(let error): fail(error)
        }
    }

    /// - Parameter result: 0 for the peer's end, or an error below 0.
    private func ended(_ result: CInt) {
        guard result == 0 else { return fail(-result) }
        isInputOver = true
        input?.inputEnded()
    }

    private func deliverHeld() {
        guard socket.isOpen, !isReadingPaused, var held else { return }
        if !held.bytes.isEmpty {
            // Empty but there, so that what comes meanwhile does not overtake what is left of it.
            self.held = Held(end: held.end)
            held.bytes.withUnsafeMutableBytes { input?.received(UnsafeMutableRawBufferPointer($0)) }
        }
        guard socket.isOpen, !isReadingPaused, let rest = self.held else { return }
        guard rest.bytes.isEmpty else { return deliverHeldSoon() }
        self.held = nil
        if let end = rest.end { ended(end) }
        updateWatched()
    }

    private func deliverHeldSoon() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute { bound.value.deliverHeld() }
    }

    func fail(_ error: CInt) {
        guard socket.isOpen else { return }
        let cause: EndCause =
            error == 0 ? .endOfStream : EndCause(IOError(errnoCode: error, reason: "the connection"))
        let input = input
        release()
        input?.failed(cause)
    }

    package func pauseReading() {
        isReadingPaused = true
        updateWatched()
    }

    package func resumeReading() {
        isReadingPaused = false
        // Later, for the connection may be in the middle of something.
        if held != nil { deliverHeldSoon() }
        updateWatched()
    }
}

// MARK: - Writing

extension RingTransport {
    package func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool {
        guard unwritten == nil, !isOutputBroken, socket.isOpen else {
            keep(bytes, more, from: 0)
            return false
        }
        // Behind what is sent by the ring in this turn, whose fate is not known yet, nothing else may be sent.
        guard sentIn != ring.turn else {
            keep(bytes, more, from: 0)
            ring.tellWhenSent(self)
            return false
        }
        if ring.send(bytes, more, by: self, socket.descriptor) {
            sentIn = ring.turn
            if sends <= Self.sendsBeforeTable { countSend() }
            return true
        }
        let taken = took(
            bytes.withUnsafeBytes { bytes in more.withUnsafeBytes { more in socket.send(bytes, more) } }
        )
        if taken == bytes.byteCount + more.byteCount { return true }
        keep(bytes, more, from: taken)
        pollOut()
        return false
    }

    /// What was sent by the ring has gone, or is in `unwritten`.
    func sendsAreKnown() {
        // Asked for in this very turn: not yet.
        guard sentIn != ring.turn else { return ring.tellWhenSent(self) }
        writeOn()
        endOutputIfDone()
    }

    private func countSend() {
        sends += 1
        if sends == Self.sendsBeforeTable { isInTable = ring.addToTable(socket.descriptor) }
    }

    private func took(_ count: Int?) -> Int {
        if let count { return count }
        isOutputBroken = true
        // What the peer said last is still to be read and tells why; while nobody reads, nothing else will.
        if isReadingPaused {
            let bound = NIOLoopBound(self, eventLoop: loop)
            loop.execute { bound.value.fail(bound.value.socket.pendingError) }
        }
        return 0
    }

    private func keep(_ bytes: RawSpan, _ more: RawSpan, from start: Int) {
        var unwritten =
            self.unwritten.take() ?? UnwrittenBytes(room: bytes.byteCount + more.byteCount - start)
        unwritten.append(bytes, more, from: start)
        self.unwritten = unwritten
    }

    /// Asks for room, or not any more. Room is told of when there is some once there was none: so it is asked for only
    /// when the socket has just refused something.
    private func pollOut() {
        guard socket.isOpen else { return }
        let isWanted = unwritten != nil && !isOutputBroken
        guard isWanted != isPollingOut else { return }
        if isWanted {
            isPollingOut = true
            ring.poll(.pollOut, duplex_epoll_out, socket.descriptor, generation, again: true)
        } else if !isCancellingOut {
            isCancellingOut = true
            ring.cancel(.pollOut, socket.descriptor, generation)
        }
    }

    func roomCame(_ answer: Ring.Answer) {
        if !answer.goesOn { (isPollingOut, isCancellingOut) = (false, false) }
        if answer.result >= 0 { writeOn() } else { pollOut() }
    }

    /// What was sent by the ring did not go out whole; `rest` is left.
    func sentShort(_ rest: UnsafeRawBufferPointer, error: CInt) {
        switch error {
        case 0, EAGAIN, EINTR, ENOBUFS, ENOMEM: break
        default:
            _ = took(nil)
            return
        }
        var unwritten = unwritten.take() ?? UnwrittenBytes(room: rest.count)
        // Before what was written since. Its own write has been answered already.
        unwritten.putBack(rest)
        self.unwritten = unwritten
        // Short of memory, not of room: once more, when all that was sent is known.
        if error == 0 || error == EAGAIN { pollOut() } else { ring.tellWhenSent(self) }
    }

    /// The socket has room again.
    private func writeOn() {
        guard var unwritten = unwritten.take() else { return }
        let count = unwritten.withBytes { socket.send($0) }
        let answered = unwritten.took(took(count))
        if unwritten.isEmpty { unwritten.giveBack(on: loop) } else { self.unwritten = unwritten }
        for _ in 0..<answered { input?.written() }
        pollOut()
        endOutputIfDone()
    }

    package func closeOutput() {
        isOutputEnding = true
        endOutputIfDone()
    }

    func endOutputIfDone() {
        guard isOutputEnding, unwritten == nil, socket.isOpen else { return }
        guard sentIn != ring.turn else { return ring.tellWhenSent(self) }
        isOutputEnding = false
        socket.endOutput()
    }

    package func abort() { release() }

    private func release() {
        guard socket.isOpen else { return }
        let hasAsked = watching != .nothing || isPollingOut || sentIn == ring.turn
        cancelWatched()
        if isPollingOut { ring.cancel(.pollOut, socket.descriptor, generation) }
        ring.remove(self, socket.descriptor, hasAsked: hasAsked)
        socket.close()
        input = nil
        unwritten = nil
        held = nil
    }
}
#endif
