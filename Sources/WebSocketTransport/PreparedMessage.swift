import NIOConcurrencyHelpers
public import WebSocketProtocol

/// A message framed once and shared by every receiver; compressed once for all those who agreed on the same.
public struct PreparedMessage: Sendable {
    public let message: Message
    /// The frame a server sends: header and payload, without a mask.
    let serverFrame: [UInt8]
    private let compressed = CompressedFrames()

    /// The frames made so far, by what compresses them; an empty one stands for the plain frame.
    private final class CompressedFrames: Sendable {
        let frames = NIOLockedValueBox<[PerMessageDeflate.SharedFrameKey: [UInt8]]>([:])
    }

    /// - Throws: ``UsageError/textNotUTF8(offset:)`` for bytes given as text that are none.
    public init(_ message: Message) throws(UsageError) {
        var endpoint = WebSocketEndpoint(role: .server)
        var frame: [UInt8] = []
        frame.reserveCapacity(message.bytes.count + FrameHeader.maximumLength)
        try endpoint.send(message.kind, message.bytes.span.bytes, into: &frame)
        serverFrame = frame
        // The framing has looked at it.
        self.message = message.asChecked
    }

    /// The frame for a connection.
    ///
    /// - Returns: `nil` when its compressor remembers what it has sent, so that no frame can be shared.
    func frame(for deflate: PerMessageDeflate?) -> [UInt8]? {
        guard let deflate, message.allowsCompression else { return serverFrame }
        guard let key = deflate.sharedFrameKey else { return nil }
        // Made under the lock: loops that come for it at the same time wait for the one that compresses.
        let frame = compressed.frames.withLockedValue { frames in
            if let frame = frames[key] { return frame }
            let frame = deflate.frame(message.kind, message.bytes) ?? []
            frames[key] = frame
            return frame
        }
        return frame.isEmpty ? serverFrame : frame
    }
}
