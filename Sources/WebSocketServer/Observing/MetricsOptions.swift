public import CoreMetrics

/// Where a server's figures go. What they are, and what they are called, stands in `docs/metrics.md`.
public struct MetricsOptions: Sendable {
    /// Who takes the figures. Default `nil`: swift-metrics' own, as it was bootstrapped when the server starts.
    ///
    /// Where that is none, or swift-metrics' `NOOPMetricsHandler`, nothing is computed or told.
    public var factory: (any MetricsFactory)?
    /// How often those figures are told that are taken by looking: traffic, open connections, buffered bytes, topics.
    /// The others are told as they come. Default 5 s, at least 100 ms. See also ``WebSocketServer/sampleMetrics()``.
    public var interval: Duration

    /// - Parameters: see the properties of the same names.
    public init(factory: (any MetricsFactory)? = nil, interval: Duration = .seconds(5)) {
        self.factory = factory
        self.interval = interval
    }
}
