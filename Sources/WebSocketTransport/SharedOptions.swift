import WebSocketProtocol

/// Options that the connections of a server have in common: one copy for each thread, not for each connection.
final class SharedOptions {
    let options: ConnectionOptions
    let limits: SharedLimits
    /// As they were given.
    private let source: ConnectionOptions

    init(_ source: ConnectionOptions) {
        self.source = source
        var options = source
        // Below zero there is nothing, so that whoever waited for it would wait for ever.
        options.inboundHighWaterMark = max(options.inboundHighWaterMark, 0)
        options.outboundHighWaterMark = max(options.outboundHighWaterMark, 0)
        self.options = options
        limits = SharedLimits(options.limits)
    }

    func isMade(of source: ConnectionOptions) -> Bool { self.source == source }
}
