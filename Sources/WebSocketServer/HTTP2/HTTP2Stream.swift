import NIOCore
import NIOHTTP2
import NIOSSL
import WebSocketTransport

/// The transport over one stream of an HTTP/2 connection: bytes go in frames of `DATA`, the end of a half is
/// `END_STREAM`, and to abort is `RST_STREAM`.
///
/// A stream that is not read makes the client wait, and nobody else: its window is not opened again until what came
/// has been delivered. What came before that is held here in one piece, up to the window.
final class HTTP2Stream {
    let id: HTTP2StreamID
    private let connection: HTTP2Connection
    var input: (any ConnectionInput)?

    // What the client sends.

    /// Bytes the client may send yet, and how many that is to be; `nil` until it is known.
    private var window: (left: Int, target: Int)?
    private var held = ByteBuffer()
    /// From the beginning, until somebody wants to read.
    private var isPaused = true
    private var isDeliveryScheduled = false
    private var isIgnored = false
    /// Whether the client has ended its half.
    private(set) var hasEnded = false

    // What it is sent.

    private var isOutputClosed = false
    /// Whether there is no such stream any more.
    private(set) var isClosed = false

    init(_ id: HTTP2StreamID, of connection: HTTP2Connection) {
        self.id = id
        self.connection = connection
    }
}

// MARK: - From the connection

extension HTTP2Stream {
    func received(_ data: ByteBuffer, isLast: Bool) {
        if isLast { hasEnded = true }
        guard !isIgnored else { return }
        guard !isPaused, !isDeliveryScheduled else {
            held.writeImmutableBuffer(data)
            return
        }
        if data.readableBytes > 0 { input?.received(data) }
        if isLast { tellEnd() }
    }

    private func tellEnd() {
        guard !isPaused else { return }
        input?.inputEnded()
    }

    /// How many bytes the client may send, now that it has sent some or was given more.
    func windowIs(_ left: Int) {
        window = (left, window?.target ?? left)
        openWindow()
    }

    /// The client has taken note of the size that its windows begin with.
    func windowChanged(by delta: Int) {
        guard let window else { return }
        self.window = (window.left + delta, window.target + delta)
    }

    /// Lets the client send as much again, once half of it has been delivered.
    private func openWindow() {
        guard !isPaused, !isDeliveryScheduled, !hasEnded, !isClosed, let window else { return }
        let missing = window.target - window.left
        guard missing > 0, missing >= window.target / 2 else { return }
        connection.write(.windowUpdate(windowSizeIncrement: missing), to: id)
    }

    /// The stream is over: in the normal way where there is no error.
    func closed(_ error: HTTP2ErrorCode?) {
        isClosed = true
        // What was held yet is delivered in its time, and the end behind it.
        guard error != nil else { return }
        fail(.reset)
    }

    /// The connection is over.
    func connectionEnded(_ cause: EndCause?) {
        isClosed = true
        if let cause { return fail(cause) }
        // Nothing can be told the client any more that it had to wait for.
        let last = takeHeld()
        if last.readableBytes > 0 { input?.received(last) }
        input?.inputEnded()
        input = nil
    }

    private func fail(_ cause: EndCause) {
        isClosed = true
        _ = takeHeld()
        let input = input.take()
        input?.failed(cause)
    }

    /// Nobody wants what the client sends, or has sent and nobody has read.
    func ignoreInput() {
        isIgnored = true
        _ = takeHeld()
    }

    /// All is said on either side. Whoever has listened is held no longer.
    func letGo() {
        input = nil
        _ = takeHeld()
    }

    private func takeHeld() -> ByteBuffer {
        defer { held = ByteBuffer() }
        return held
    }
}

// MARK: - The seam

extension HTTP2Stream: AcceptedTransport {
    var eventLoop: any EventLoop { connection.loop.eventLoop }
    var peer: PeerAddress { connection.peer }
    var isSecure: Bool { connection.isSecure }
    var peerCertificate: NIOSSLCertificate? { connection.peerCertificate }

    func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool { write(bytes, more, isLast: false) }

    func writeLast(_ bytes: RawSpan) -> Bool { write(bytes, RawSpan(), isLast: true) }

    /// Frames wait until the client has room for them, so that nothing is ever taken at once.
    private func write(_ bytes: RawSpan, _ more: RawSpan, isLast: Bool) -> Bool {
        guard !isClosed, !isOutputClosed else { return false }
        isOutputClosed = isLast
        var buffer = connection.allocator.buffer(capacity: bytes.byteCount + more.byteCount)
        bytes.withUnsafeBytes { _ = buffer.writeBytes($0) }
        more.withUnsafeBytes { _ = buffer.writeBytes($0) }
        let promise = eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        promise.futureResult.whenComplete { bound.value.completed($0) }
        connection.write(.data(.init(data: .byteBuffer(buffer), endStream: isLast)), to: id, promise)
        return false
    }

    private func completed(_ result: Result<Void, any Error>) {
        switch result {
        case .success: input?.written()
        case .failure(let error): fail(error is NIOHTTP2Errors.StreamClosed ? .reset : EndCause(error))
        }
    }

    func closeOutput() {
        guard !isClosed, !isOutputClosed else { return }
        isOutputClosed = true
        connection.write(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)), to: id)
    }

    func pauseReading() { isPaused = true }

    func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        guard !isDeliveryScheduled else { return }
        isDeliveryScheduled = true
        // Not within a call of the reader's own.
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.deliverHeld() }
    }

    private func deliverHeld() {
        isDeliveryScheduled = false
        guard !isPaused, input != nil else { return }
        let bytes = takeHeld()
        if bytes.readableBytes > 0 { input?.received(bytes) }
        if hasEnded { tellEnd() } else { openWindow() }
    }

    func abort() { reset(.cancel) }

    /// What was written goes out as far as the client has room for it.
    func reset(_ code: HTTP2ErrorCode) {
        input = nil
        _ = takeHeld()
        guard !isClosed else { return }
        connection.flush()
        guard !isClosed else { return }
        isClosed = true
        connection.write(.rstStream(code), to: id)
    }
}
