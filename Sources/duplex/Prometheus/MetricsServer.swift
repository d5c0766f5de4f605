import HTTPTypes
import Logging
import Metrics
import WebSocketServer

extension WebSocketServer {
    /// Answers Prometheus, and whoever asks how the server is, on a port of its own: what it tells is not for the
    /// server's clients.
    static func forMetrics(_ metrics: PrometheusMetrics, host: String, port: Int, logger: Logger)
        -> WebSocketServer
    {
        // That it comes and goes with the other is nobody's news; what goes wrong with it is told as its own.
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        logger[metadataKey: "server"] = "metrics"
        var configuration = Configuration(host: host, port: port, workers: 1, engine: .nio, logger: logger)
        // What it tells is about the other one.
        configuration.metrics.factory = NOOPMetricsHandler.instance
        let server = WebSocketServer(configuration)
        server.page("/metrics") { _ in
            HTTPAnswer(
                headers: [.contentType: PrometheusMetrics.contentType, .cacheControl: "no-store"],
                body: Array((metrics.exposition() + ProcessMetrics.exposition()).utf8)
            )
        }
        return server
    }
}
