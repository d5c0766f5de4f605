import WebSocketProtocol

/// Options that the connections of a server have in common: one copy for each thread, not for each connection.
final class SharedOptions {
    let options: ConnectionOptions
    let limits: SharedLimits
    let deadlines: Deadlines.Policy
    /// The largest message that is copied behind others, so that one write takes them all.
    let largestGathered: Int
    /// Where the connections' traffic is counted: here, so that no connection needs a place for it.
    let traffic: LoopTraffic
    /// The same, not counted as a reference for each message: to be used as long as `traffic` is held here.
    private let unheld: Unmanaged<LoopTraffic>

    /// From which size on a copy costs more than a write of its own.
    static let sizeForReference = 64 << 10

    /// As they were given.
    private let source: ConnectionOptions

    init(_ source: ConnectionOptions, _ traffic: LoopTraffic) {
        self.source = source
        self.traffic = traffic
        unheld = .passUnretained(traffic)
        var options = source
        // Below zero there is nothing, so that whoever waited for it would wait for ever.
        options.inboundHighWaterMark = max(options.inboundHighWaterMark, 0)
        options.outboundHighWaterMark = max(options.outboundHighWaterMark, 0)
        self.options = options
        limits = SharedLimits(options.limits)
        deadlines = Deadlines.Policy(options)
        largestGathered = min(options.fragmentSize ?? .max, Self.sizeForReference - 1)
    }

    func isMade(of source: ConnectionOptions, _ traffic: LoopTraffic) -> Bool {
        self.traffic === traffic && self.source == source
    }

    /// Counts, at the least cost.
    @inline(__always)
    func count(_ body: (LoopTraffic) -> Void) { unheld._withUnsafeGuaranteedRef(body) }
}
