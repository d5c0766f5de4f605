import HTTPTypes
import Logging
import NIOCore
import WebSocketServer

extension WebSocketServer {
    /// Answers Prometheus, and whoever asks how the server is, on a port of its own: what it tells is not for the
    /// server's clients.
    static func forMetrics(_ metrics: PrometheusMetrics, host: String, port: Int, logger: Logger)
        -> WebSocketServer
    {
        let server = WebSocketServer(.init(host: host, port: port, workers: 1, engine: .nio, logger: logger))
        server.page("/metrics") { _ in
            HTTPAnswer(
                headers: [.contentType: PrometheusMetrics.contentType, .cacheControl: "no-store"],
                body: Array((metrics.exposition() + ProcessMetrics.exposition()).utf8)
            )
        }
        return server
    }
}
