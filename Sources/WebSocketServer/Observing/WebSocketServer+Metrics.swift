extension WebSocketServer {
    /// Brings the figures of ``Configuration/metrics`` up to date that are otherwise told at intervals: for whoever is
    /// about to read them, as an endpoint that is scraped. At most a second.
    ///
    /// Does nothing before the server has started.
    public func sampleMetrics() async { await observer?.sample(registry) }
}
