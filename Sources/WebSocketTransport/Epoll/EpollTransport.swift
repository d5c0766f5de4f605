#if os(Linux)
import CLinux
package import NIOCore
import WebSocketProtocol

/// The transport over a TCP socket on a ``SocketLoop``. To be touched on the loop only.
///
/// It reads once per event, into the loop's buffer, and writes at once; what the socket does not take is kept and
/// goes out as it drains.
package final class EpollTransport: SocketSource, AcceptedTransport {
    // `@exclusivity(unchecked)`: as in `ConnectionCore`, the checks cost more than what they would find; each
    // change below is over before the connection is called.
    @exclusivity(unchecked) package var input: (any ConnectionInput)? {
        didSet {
            if let oldValue { loop.retire(oldValue) }
            core = (input as? ConnectionCore).map(Unmanaged.passUnretained)
        }
    }
    /// The input, if it is a connection. Once it has been here the loop has it to the end of the turn, so that it
    /// need not be counted for each read.
    @exclusivity(unchecked) private var core: Unmanaged<ConnectionCore>?
    package var eventLoop: any EventLoop { loop }
    package let peer: PeerAddress

    private let loop: SocketLoop
    @exclusivity(unchecked) private var socket: Socket
    /// What the socket did not take.
    @exclusivity(unchecked) private var unwritten: UnwrittenBytes?
    @exclusivity(unchecked) private var watched = duplex_epoll_in
    @exclusivity(unchecked) private var isReadingPaused = false
    @exclusivity(unchecked) private var isInputOver = false
    /// No more is to be written; so it is said to the peer once all has been.
    @exclusivity(unchecked) private var isOutputEnding = false
    /// The socket takes nothing any more. What the peer said last is still to be read, and tells why.
    @exclusivity(unchecked) private var isOutputBroken = false

    /// - Parameter socket: connected; owned by the transport from here on.
    init(_ socket: Socket, peer: PeerAddress, on loop: SocketLoop) {
        self.socket = socket
        self.peer = peer
        self.loop = loop
    }

    /// Begins to read.
    ///
    /// - Returns: whether the system has room to watch the socket; if not, it is closed.
    func start() -> Bool {
        if loop.add(self, socket.descriptor, events: watched) { return true }
        socket.close()
        return false
    }

    override func ready(_ events: UInt32) {
        if events & duplex_epoll_out != 0 { writeOn() }
        guard socket.isOpen else { return }
        let isBroken = events & duplex_epoll_broken != 0
        if isReadingPaused || isInputOver {
            // epoll tells of a broken connection whether or not anybody asked, and would do so in every turn.
            if isBroken { fail(socket.pendingError) }
        } else if isBroken || events & duplex_epoll_in != 0 {
            readOnce()
            if loop.hasTasks { loop.runTasks(wokenBy: input) }
        }
    }

    // No `deinit` closes the socket: the loop holds the transport until `abort()` does.

    private func updateWatched() {
        guard socket.isOpen else { return }
        let events =
            (isReadingPaused || isInputOver ? 0 : duplex_epoll_in)
            | (unwritten != nil && !isOutputBroken ? duplex_epoll_out : 0)
        guard events != watched else { return }
        watched = events
        loop.change(socket.descriptor, events: events)
    }
}

// MARK: - Reading

extension EpollTransport {
    private func readOnce() {
        let buffer = loop.readBuffer
        switch socket.receive(into: buffer) {
        case .bytes(let count):
            let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            guard let core else {
                input?.received(bytes)
                return
            }
            core._withUnsafeGuaranteedRef { $0.received(bytes) }
        case .end:
            isInputOver = true
            input?.inputEnded()
            // Nearly always it has been closed by now.
            updateWatched()
        case .nothing: break
        case .failure(let error): fail(error)
        }
    }

    private func fail(_ error: CInt) {
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
        updateWatched()
    }
}

// MARK: - Writing

extension EpollTransport {
    package func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool {
        var taken = 0
        if unwritten == nil, !isOutputBroken {
            let count = bytes.withUnsafeBytes { bytes in
                more.withUnsafeBytes { more in socket.send(bytes, more) }
            }
            if count == bytes.byteCount + more.byteCount { return true }
            taken = took(count)
        }
        keep(bytes, more, from: taken)
        return false
    }

    private func took(_ count: Int?) -> Int {
        if let count { return count }
        isOutputBroken = true
        // What the peer said last is still to be read and tells why; while nobody reads, nothing else will.
        if isReadingPaused { failSoon() }
        return 0
    }

    private func failSoon() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute { bound.value.fail(bound.value.socket.pendingError) }
    }

    // Apart from the usual case, which has no use for any of this.
    @inline(never)
    private func keep(_ bytes: RawSpan, _ more: RawSpan, from start: Int) {
        var unwritten =
            self.unwritten.take() ?? UnwrittenBytes(room: bytes.byteCount + more.byteCount - start)
        unwritten.append(bytes, more, from: start)
        self.unwritten = unwritten
        updateWatched()
    }

    /// The socket has room again.
    private func writeOn() {
        guard var unwritten = unwritten.take() else { return }
        let count = unwritten.withBytes { socket.send($0) }
        let answered = unwritten.took(took(count))
        if unwritten.isEmpty { unwritten.giveBack(on: loop) } else { self.unwritten = unwritten }
        for _ in 0..<answered { input?.written() }
        updateWatched()
        endOutputIfDone()
    }

    /// Holds the bytes back until the end of the stream goes with them: one segment, and not two.
    package func writeLast(_ bytes: RawSpan) -> Bool {
        isOutputEnding = true
        var taken = 0
        if unwritten == nil, !isOutputBroken {
            taken = took(bytes.withUnsafeBytes { socket.sendHeldBack($0) })
            if taken == bytes.byteCount {
                endOutputIfDone()
                return true
            }
        }
        keep(bytes, RawSpan(), from: taken)
        return false
    }

    package func closeOutput() {
        isOutputEnding = true
        endOutputIfDone()
    }

    private func endOutputIfDone() {
        guard isOutputEnding, unwritten == nil, socket.isOpen else { return }
        isOutputEnding = false
        socket.endOutput()
    }

    package func abort() { release() }

    private func release() {
        guard socket.isOpen else { return }
        loop.forget(socket.descriptor)
        socket.close()
        input = nil
        unwritten = nil
    }
}
#endif
