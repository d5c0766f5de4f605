import HTTPTypes
import NIOCore
import TestSupport
import WebSocketProtocol
import WebSocketTransport

/// What a server's connection writes to a peer that takes it when the test says so. To be touched on its loop only.
final class SubscriberPipe: ByteTransport {
    /// Whether what is written is taken at once.
    var takes = true { didSet { takeHeld() } }
    private var held: [[UInt8]] = []
    private var wire: ArraySlice<UInt8> = []
    private(set) var isGone = false
    private(set) var connection: WebSocketConnection?
    private var input: (any ConnectionInput)?

    init(_ options: ConnectionOptions, on eventLoop: any EventLoop) {
        let (connection, input) = WebSocketConnection.start(
            on: self,
            role: .server,
            request: HTTPRequest(method: .get, scheme: "http", authority: "h", path: "/"),
            options: options,
            eventLoop: eventLoop
        )
        (self.connection, self.input) = (connection, input)
    }

    /// Whole frames that the peer has taken since the last look.
    func takeFrames() throws -> [Frame] { try Frame.takeAll(from: &wire) }

    /// The peer takes the oldest write that is held up.
    func takeOne() {
        guard !isGone, !held.isEmpty else { return }
        wire += held.removeFirst()
        input?.written()
    }

    private func takeHeld() { while takes, !held.isEmpty, !isGone { takeOne() } }

    /// The peer sends.
    func receive(_ frame: Frame) {
        var bytes = frame.bytes(from: .client)
        if !isGone { bytes.withUnsafeMutableBytes { input?.received($0) } }
    }

    /// Forgets the connection, which otherwise holds this and is held.
    func letGo() { (connection, input) = (nil, nil) }

    // MARK: ByteTransport

    func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool {
        let bytes = bytes.withUnsafeBytes { [UInt8]($0) } + more.withUnsafeBytes { [UInt8]($0) }
        guard takes, held.isEmpty else {
            held.append(bytes)
            return false
        }
        wire += bytes
        return true
    }

    func pauseReading() {}
    func resumeReading() {}
    func closeOutput() {}
    func abort() { isGone = true }
}

extension ConnectionOptions {
    /// Without clocks of its own.
    static func forSubscriber(outboundLimit: Int = 16 << 20) -> ConnectionOptions {
        ConnectionOptions(outboundLimit: outboundLimit, pingInterval: nil)
    }
}
