import NIOCore
import TestSupport
import WebSocketTransport

/// The transport seam in memory: writes everything down, hands it to another end if there is one, and does
/// what the test wants of a network: cuts the input, takes no output, fails.
///
/// To be touched on its event loop only.
final class PipeTransport: ByteTransport {
    enum Call: Equatable, Sendable {
        case write(Int)
        case pauseReading
        case resumeReading
        case closeOutput
        case abort
    }

    let eventLoop: any EventLoop
    /// What the connection asked for, in order.
    private(set) var calls: [Call] = []
    /// All bytes written, less those already looked at by ``takeWire()``.
    private var wire: [UInt8] = []
    private(set) var isReadingPaused = false
    private(set) var isOutputClosed = false
    private(set) var isAborted = false

    /// Whether the operating system takes what is written. While it does not, the other end gets nothing
    /// and `written()` is withheld, as with a peer that does not read.
    var takesWrites = true { didSet { if takesWrites { takeHeldWrites() } } }
    private var heldWrites: [[UInt8]] = []
    var heldWriteCount: Int { heldWrites.count }

    /// Input is delivered in pieces of at most this size.
    var pieceSize = Int.max

    var input: (any ConnectionInput)?
    private var other: PipeTransport?
    private var arrived: ArraySlice<UInt8> = []
    private var otherEnded = false
    private var isDelivering = false

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Joins two ends.
    static func connect(_ one: PipeTransport, _ two: PipeTransport) {
        one.other = two
        two.other = one
    }

    // MARK: What the test looks at

    func takeWire() -> [UInt8] {
        defer { wire = [] }
        return wire
    }

    func takeCalls() -> [Call] {
        defer { calls = [] }
        return calls
    }

    /// The system takes only the oldest write that it holds.
    func takeOneHeldWrite() {
        guard !heldWrites.isEmpty else { return }
        pass(heldWrites.removeFirst())
        input?.written()
        if isOutputClosed, heldWrites.isEmpty { endOther() }
    }

    private func takeHeldWrites() {
        while takesWrites, !heldWrites.isEmpty, !isAborted { takeOneHeldWrite() }
    }

    // MARK: What the test does

    /// Bytes come from the network. What finds reading paused waits, as in a socket's buffer.
    func deliver(_ bytes: [UInt8]) {
        arrived += bytes
        deliverArrived()
    }

    /// The peer ends its half. Known once everything before it has been read.
    func deliverEnd() {
        otherEnded = true
        deliverArrived()
    }

    private func deliverArrived() {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        while !isReadingPaused, !arrived.isEmpty, let input {
            var piece = Array(arrived.prefix(pieceSize))
            arrived = arrived.dropFirst(piece.count)
            piece.withUnsafeMutableBytes { input.received($0) }
        }
        if !isReadingPaused, arrived.isEmpty, otherEnded, let input { input.inputEnded() }
    }

    /// A turn of the loop later: as with a socket, nothing comes from within a call of the connection.
    private func deliverLater() {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.deliverArrived() }
    }

    // MARK: ByteTransport

    func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool {
        let bytes = bytes.withUnsafeBytes { [UInt8]($0) } + more.withUnsafeBytes { [UInt8]($0) }
        calls.append(.write(bytes.count))
        wire += bytes
        guard takesWrites, heldWrites.isEmpty else {
            heldWrites.append(bytes)
            return false
        }
        pass(bytes)
        return true
    }

    private func pass(_ bytes: [UInt8]) {
        guard let other else { return }
        other.arrived += bytes
        other.deliverLater()
    }

    func pauseReading() {
        calls.append(.pauseReading)
        isReadingPaused = true
    }

    func resumeReading() {
        calls.append(.resumeReading)
        isReadingPaused = false
        deliverLater()
    }

    func closeOutput() {
        calls.append(.closeOutput)
        isOutputClosed = true
        if heldWrites.isEmpty { endOther() }
    }

    func abort() {
        calls.append(.abort)
        isAborted = true
        input = nil
        endOther()
    }

    private func endOther() {
        guard let other else { return }
        other.otherEnded = true
        other.deliverLater()
    }
}
