public import WebSocketProtocol

/// A message framed once and shared by every receiver.
public struct PreparedMessage: Sendable {
    public let message: Message
    /// The frame a server sends: header and payload, without a mask.
    let serverFrame: [UInt8]

    /// - Throws: ``UsageError/textNotUTF8(offset:)`` for bytes given as text that are none.
    public init(_ message: Message) throws(UsageError) {
        self.message = message
        var endpoint = WebSocketEndpoint(role: .server)
        var frame: [UInt8] = []
        frame.reserveCapacity(message.bytes.count + FrameHeader.maximumLength)
        try endpoint.send(message.kind, message.bytes.span.bytes, into: &frame)
        serverFrame = frame
    }
}
