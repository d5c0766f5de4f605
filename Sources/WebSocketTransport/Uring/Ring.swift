#if os(Linux)
import CLinux
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// An io_uring, in place of epoll, of one ``SocketLoop``: what connections ask for in a turn is handed over by the
/// one system call that waits for the next.
///
/// All but making it is for the loop's thread.
final class Ring {
    /// What is answered. Below it in a request's tag lie 24 bits that tell one owner of a descriptor from the
    /// next, 8 of the turn that it was made in, where that matters, and the descriptor.
    enum Operation: UInt64 {
        case receive
        case send
        /// Until a descriptor is ready to be read, or only until it is broken.
        case pollIn
        case pollBroken
        case pollOut
        case pollSource
        case cancel
    }

    private let state: UnsafeMutablePointer<duplex_ring>
    /// Descriptors below it may be in the ring's table.
    private let tableSize: CInt
    @exclusivity(unchecked) private var transports: [RingTransport?] = []
    private(set) var count = 0
    private var generation: UInt64 = 0
    /// Sources that are polled, each with its generation.
    private var polled: [CInt: UInt64] = [:]

    /// What is to be sent. It lies in one half of the memory in this turn and in the other in the next, so that
    /// what a socket did not take is still there when that is told.
    private struct Sending {
        var tag: UInt64
        var range: Range<Int>
    }

    /// What was sent, and from which of it on answers are still to come: they come in order, if not for each.
    private struct Sent {
        var sends: [Sending] = []
        private var next = 0

        mutating func take(_ tag: UInt64) -> Range<Int>? {
            guard let place = sends[next...].firstIndex(where: { $0.tag == tag }) else { return nil }
            next = place + 1
            return sends[place].range
        }

        mutating func removeAll() {
            sends.removeAll(keepingCapacity: true)
            next = 0
        }
    }

    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * Ring.half, alignment: 4096)
    @exclusivity(unchecked) private var sending = Sent()
    @exclusivity(unchecked) private var sent = Sent()
    @exclusivity(unchecked) private var used = 0
    /// Counts how often all that was asked for has been handed over.
    @exclusivity(unchecked) private(set) var turn = 0
    /// Connections that have something to do as soon as it is known what became of what they sent.
    @exclusivity(unchecked) private var waiting: [RingTransport] = []

    /// Room for a topic with a thousand subscribers and what it gathers in a turn. Used up to what has ever come.
    private static let half = 2 << 20
    private static let requests: UInt32 = 2048
    private static let answers: UInt32 = 16_384
    /// What is sent by the ring is copied; more is written by a call, from where it lies.
    private static let largestSend = 4096
    /// The ring's table has room for as many descriptors, if the process may have them.
    private static let mostInTable: UInt32 = 65_536

    /// Few and filled one behind the other: small messages take up little of the processor's cache, and hardly
    /// one is cut in two by a buffer's end.
    private static let buffers: (count: UInt32, size: UInt32) = (4, 128 << 10)

    /// - Throws: `IOError` when the system has no io_uring, or an old one, or refuses it.
    init() throws(IOError) {
        state = .allocate(capacity: 1)
        var result = duplex_ring_open(state, Self.requests, Self.answers)
        if result == 0 { result = duplex_ring_add_buffers(state, Self.buffers.count, Self.buffers.size) }
        tableSize = result == 0 ? max(duplex_ring_add_table(state, Self.mostInTable), 0) : 0
        guard result == 0 else { throw IOError(errnoCode: -result, reason: "io_uring") }
    }

    deinit {
        duplex_ring_close(state)
        state.deallocate()
        memory.deallocate()
    }

    /// Makes the calling thread the one that uses the ring.
    ///
    /// - Returns: whether it can.
    @discardableResult
    func enable() -> Bool { duplex_ring_enable(state) == 0 }

    /// The system gives no larger ones unless it was told to.
    static let largestDescriptor: CInt = 0xff_ffff

    private static func tag(
        _ operation: Operation,
        _ descriptor: CInt,
        _ generation: UInt64,
        turn: Int = 0
    ) -> UInt64 {
        operation.rawValue << 56 | generation << 32 | UInt64(turn & 0xff) << 24
            | UInt64(descriptor & 0xff_ffff)
    }

    private func nextGeneration() -> UInt64 {
        generation = (generation + 1) & 0xff_ffff
        return generation
    }
}

// MARK: - Turns

extension Ring {
    struct Answer {
        fileprivate let answer: duplex_answer

        var operation: Operation? { Operation(rawValue: answer.tag >> 56) }
        var descriptor: CInt { CInt(truncatingIfNeeded: answer.tag & 0xff_ffff) }
        /// As of a system call, but with the error below 0.
        var result: CInt { answer.result }
        /// Whether the request goes on.
        var goesOn: Bool { answer.flags & duplex_ring_goes_on != 0 }
        var generation: UInt64 { answer.tag >> 32 & 0xff_ffff }
    }

    /// Hands over what was asked for and waits for an answer.
    ///
    /// - Parameter milliseconds: how long at most; below 0 for ever.
    func enter(waitingFor milliseconds: CInt) {
        // A send that succeeds is not answered, so nothing may come of waiting for it.
        let waits = milliseconds != 0 && waiting.isEmpty
        duplex_ring_enter(state, waits ? 1 : 0, milliseconds < 0 ? -1 : Int64(milliseconds) * 1_000_000)
        // Otherwise, for want of memory, what is to be sent must stay where it is.
        guard duplex_ring_unsubmitted(state) == 0 else { return }
        swap(&sending, &sent)
        sending.removeAll()
        used = 0
        turn &+= 1
    }

    /// Hands over what was asked for, now.
    func submit() { duplex_ring_enter(state, 0, 0) }

    /// - Parameter source: what is done with an answer for ``poll(_:again:)``.
    func takeAnswers(source: (Answer) -> Void) {
        let count = duplex_ring_answers(state)
        // Before a connection that has just received can send anything: the rest of what it sent before comes first.
        for place in 0..<count {
            let answer = Answer(answer: duplex_ring_peek(state, place))
            if answer.operation == .send { sentShort(answer) }
        }
        for _ in 0..<count {
            let answer = Answer(answer: duplex_ring_next_answer(state))
            switch answer.operation {
            case .receive:
                received(answer)
            case .pollIn, .pollBroken:
                transport(of: answer)?.polled(answer)
            case .pollOut:
                transport(of: answer)?.roomCame(answer)
            case .pollSource:
                if isPolled(answer.descriptor, answer.generation) { source(answer) }
            case .cancel: transport(of: answer)?.nothingWasCancelled()
            case .send, nil: break
            }
        }
        guard !waiting.isEmpty else { return }
        var transports: [RingTransport] = []
        swap(&transports, &waiting)
        for transport in transports { transport.sendsAreKnown() }
    }

    private func received(_ answer: Answer) {
        let transport = transport(of: answer)
        guard answer.answer.flags & duplex_ring_has_buffer != 0, answer.result > 0 else {
            transport?.receivingEnded(answer)
            return
        }
        let start = duplex_ring_bytes(state, answer.answer)
        let bytes = UnsafeMutableRawBufferPointer(start: start, count: Int(answer.result))
        transport?.received(bytes, goesOn: answer.goesOn)
        duplex_ring_bytes_done(state, answer.answer)
    }
}

// MARK: - Sources

extension Ring {
    /// Has ``takeAnswers(source:)`` told when there is something to read: once, or again and again, each time
    /// that more comes.
    func poll(_ descriptor: CInt, again: Bool = false) {
        let generation = nextGeneration()
        polled[descriptor] = generation
        let tag = Self.tag(.pollSource, descriptor, generation)
        duplex_ring_ask_poll(state, descriptor, duplex_epoll_in, again ? 1 : 0, tag)
    }

    func isPolled(_ descriptor: CInt, _ generation: UInt64) -> Bool { polled[descriptor] == generation }

    func endPoll(_ descriptor: CInt) {
        guard let generation = polled.removeValue(forKey: descriptor) else { return }
        cancel(.pollSource, descriptor, generation)
        handOver(descriptor)
    }

    /// Hands over what was asked for about a descriptor while the number is still its owner's, or else takes it back.
    private func handOver(_ descriptor: CInt) {
        submit()
        if duplex_ring_unsubmitted(state) > 0 { duplex_ring_withdraw(state, descriptor) }
    }
}

// MARK: - Connections

extension Ring {
    /// - Returns: what tells it from others with the same descriptor.
    func add(_ transport: RingTransport, _ descriptor: CInt) -> UInt64 {
        let index = Int(descriptor)
        if index >= transports.count {
            let size = max(index + 1, 2 * transports.count)
            transports.append(contentsOf: repeatElement(nil, count: size - transports.count))
        }
        transports[index] = transport
        count += 1
        return nextGeneration()
    }

    /// Puts a connection into the ring's table, which spares each of its sends a little.
    ///
    /// - Returns: whether there is room for it.
    func addToTable(_ descriptor: CInt) -> Bool {
        descriptor < tableSize && duplex_ring_set_file(state, descriptor, descriptor) == 0
    }

    /// Forgets a connection whose descriptor is closed right after this.
    ///
    /// - Parameter hasAsked: whether there is something of it that has yet to be handed over.
    func remove(_ transport: RingTransport, _ descriptor: CInt, hasAsked: Bool) {
        transports[Int(descriptor)] = nil
        count -= 1
        if hasAsked { handOver(descriptor) }
        if transport.isInTable { _ = duplex_ring_set_file(state, descriptor, -1) }
    }

    private func transport(of answer: Answer) -> RingTransport? {
        let index = Int(answer.descriptor)
        guard index >= 0, index < transports.count, let transport = transports[index],
            transport.generation == answer.generation
        else { return nil }
        return transport
    }

    func receive(_ transport: RingTransport, _ descriptor: CInt) {
        let tag = Self.tag(.receive, descriptor, transport.generation)
        duplex_ring_ask_receive(state, descriptor, tag)
    }

    /// - Parameter again: whether it goes on, each time that something changes. The system then also tells, once, of
    ///   what it tells unasked, such as that the peer has ended its half.
    func poll(
        _ operation: Operation,
        _ events: UInt32,
        _ descriptor: CInt,
        _ generation: UInt64,
        again: Bool = false
    ) {
        let tag = Self.tag(operation, descriptor, generation)
        duplex_ring_ask_poll(state, descriptor, events, again ? 1 : 0, tag)
    }

    func cancel(_ operation: Operation, _ descriptor: CInt, _ generation: UInt64) {
        let tag = Self.tag(.cancel, descriptor, generation)
        duplex_ring_ask_cancel(state, Self.tag(operation, descriptor, generation), tag)
    }

    /// Sends when the ring is entered next, if there is room for it: once in a turn for each connection.
    func send(_ bytes: RawSpan, _ more: RawSpan, by transport: RingTransport, _ descriptor: CInt) -> Bool {
        let size = bytes.byteCount + more.byteCount
        guard size <= Self.largestSend else { return false }
        guard used + size <= Self.half else {
            // What is to be sent before goes out before: whoever is served first should not be last.
            if duplex_ring_unsubmitted(state) > 0 { submit() }
            return false
        }
        let start = (turn & 1) * Self.half + used
        let place = UnsafeMutableRawBufferPointer(rebasing: memory[start..<(start + size)])
        bytes.withUnsafeBytes { place.copyMemory(from: $0) }
        if more.byteCount > 0 {
            more.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: place[bytes.byteCount...]).copyMemory(from: $0)
            }
        }
        // Each in lines of the cache of its own.
        used = min((used + size + 63) & ~63, Self.half)
        let tag = Self.tag(.send, descriptor, transport.generation, turn: turn)
        duplex_ring_ask_send(state, descriptor, transport.isInTable ? 1 : 0, place.baseAddress, size, tag)
        sending.sends.append(Sending(tag: tag, range: start..<(start + size)))
        return true
    }

    /// A socket did not take all.
    private func sentShort(_ answer: Answer) {
        guard let transport = transport(of: answer) else { return }
        let tag = answer.answer.tag
        guard let range = sent.take(tag) ?? sending.take(tag) else {
            // Told too late, since the system had no room for answers: the bytes are gone.
            return transport.fail(ENOBUFS)
        }
        let rest = memory[range.dropFirst(max(Int(answer.result), 0))]
        transport.sentShort(UnsafeRawBufferPointer(rebasing: rest), error: max(-answer.result, 0))
    }

    /// Calls ``RingTransport/sendsAreKnown()`` once it is known what became of this turn's sends.
    func tellWhenSent(_ transport: RingTransport) { waiting.append(transport) }
}
#endif
