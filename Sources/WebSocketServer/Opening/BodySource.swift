import NIOCore

/// Content that is read while it is sent.
protocol BodySource: AnyObject, Sendable {
    /// Bytes in all.
    var count: Int { get }
    /// How long a client may take nothing of it before it is given up.
    var stallTimeout: Duration { get }

    /// Reads a part: all of it, or it fails. Must not block.
    func read(_ part: Range<Int>, on eventLoop: any EventLoop) -> EventLoopFuture<[UInt8]>
}

/// Hands the pieces of a body to whatever carries them, each when the one before has been taken: so there is one piece
/// in memory, however long the body is and however slow its client. Lives on one loop.
final class BodyPump {
    enum Piece {
        case bytes([UInt8], isLast: Bool)
        /// What was promised cannot be had. The head is gone by then: only the end of the connection can tell.
        case failed(any Error)
    }

    /// Bytes that are read at a time.
    static let pieceSize = 64 << 10

    private let source: any BodySource
    private let eventLoop: any EventLoop
    /// `nil` once nobody wants more.
    private var deliver: ((Piece) -> Void)?
    private var position = 0
    private var isReading = false

    /// - Parameter source: not empty.
    init(_ source: any BodySource, on eventLoop: any EventLoop, deliver: @escaping (Piece) -> Void) {
        self.source = source
        self.eventLoop = eventLoop
        self.deliver = deliver
    }

    /// Asks for the next piece. It is delivered later, on the loop.
    func pull() {
        guard deliver != nil, !isReading, position < source.count else { return }
        let part = position..<min(source.count, position + Self.pieceSize)
        isReading = true
        source.read(part, on: eventLoop).assumeIsolated().whenComplete { self.completed($0, part) }
    }

    /// Delivers nothing any more.
    func stop() { deliver = nil }

    private func completed(_ result: Result<[UInt8], any Error>, _ part: Range<Int>) {
        isReading = false
        guard let deliver else { return }
        switch result {
        case .success(let bytes):
            position = part.upperBound
            let isLast = position == source.count
            if isLast { stop() }
            deliver(.bytes(bytes, isLast: isLast))
        case .failure(let error):
            stop()
            deliver(.failed(error))
        }
    }
}
