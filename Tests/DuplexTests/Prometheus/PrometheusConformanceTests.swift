import Foundation
import Metrics
import TestSupport
import Testing
import WebSocketTransport

@testable import duplex

/// Prometheus' own parser, in Python, on what we tell it.
@Suite(
    "Prometheus text format",
    .enabled(if: Tools.mayUse(Tools.python), "make test installs it"),
    .timeLimit(.minutes(2))
)
struct PrometheusConformanceTests {
    private struct Sample: Decodable {
        let family: String
        let type: String
        let name: String
        let labels: [String: String]
        let value: String

        var number: Double? { Double(value) }
    }

    private func samples(_ text: String) async throws -> [Sample] {
        let parser = try ChildProcess(
            Tools.python.orMissing("Python with prometheus_client"),
            [Tools.path("Tests/Interop/python/parse_metrics.py")]
        )
        try parser.write(text)
        try parser.endInput()
        let (exit, output, errors) = try await parser.finished()
        try #require(exit == .init(status: 0), "\(errors)")
        return try output.split(separator: UInt8(ascii: "\n")).map {
            try JSONDecoder().decode(Sample.self, from: Data($0))
        }
    }

    @Test func `All kinds of metrics and the strangest of labels are read as they were meant`() async throws {
        let metrics = PrometheusMetrics()
        let strange = "quote \" backslash \\ line\nfeed 🌍 {,}="
        Counter(label: "frames", dimensions: [("kind", strange)], factory: metrics).increment(by: 12)
        Meter(label: "open.now", factory: metrics).set(-1.5e-9)
        let timer = Metrics.Timer(label: "latency", dimensions: [("route", "/echo")], factory: metrics)
        timer.recordMilliseconds(2)
        timer.recordMilliseconds(700)
        Recorder(label: "size", factory: metrics).record(17)
        let samples = try await samples(metrics.exposition() + ProcessMetrics.exposition())

        let frames = try #require(samples.first { $0.name == "frames_total" })
        #expect(frames.type == "counter")
        #expect(frames.labels == ["kind": strange])
        #expect(frames.number == 12)
        let open = try #require(samples.first { $0.name == "open_now" })
        #expect(open.type == "gauge")
        #expect(open.number == -1.5e-9)
        let buckets = samples.filter { $0.name == "latency_seconds_bucket" }
        #expect(buckets.count == HistogramSeries.times.count + 1)
        #expect(buckets.allSatisfy { $0.type == "histogram" && $0.labels["route"] == "/echo" })
        #expect(buckets.last?.number == 2)
        #expect(samples.first { $0.name == "latency_seconds_sum" }?.number == 0.702)
        #expect(samples.first { $0.name == "size_count" }?.number == 1)
        #expect(samples.contains { $0.name == "prometheus_series_refused_total" && $0.number == 0 })
        #expect(samples.contains { $0.name == "process_cpu_seconds_total" && $0.type == "counter" })
        let start = try #require(
            samples.first { $0.name == "process_start_time_seconds" }?.number
        )
        #expect(start <= Date().timeIntervalSince1970)
        #expect(start > Date().timeIntervalSince1970 - 86_400)
        #if os(Linux)
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
            let value = samples.first { $0.name == name }?.number
            #expect(value ?? 0 > 2, "\(name)")
        }
        #endif
    }

    @Test func `duplex serve answers at a port of its own, and not at the public one`() async throws {
        let serve = try await ServeProcess.start(["--metrics-port", "0"])
        let place = try await serve.process.line(beginning: "  metrics  ")
        let port = try #require(place.firstMatch(of: /:([0-9]+)\/metrics$/).flatMap { Int($0.output.1) })
        #expect(place.hasPrefix("http://127.0.0.1:"))
        let socket = try await WebSocketConnection.connect(to: serve.url("/echo"))
        // An answer later it has been counted.
        try await socket.send("hola")
        #expect(try await socket.receive()?.text == "hola")
        let answer = try await HTTPGet.get(port: port, "/metrics")
        #expect(answer.status == 200)
        #expect(answer.head.contains("content-type: text/plain; version=0.0.4"))
        let samples = try await samples(answer.body)
        #expect(samples.contains { $0.name == "process_open_fds" } == Self.isLinux)
        let opened = samples.filter { $0.name == "duplex_connections_total" }.compactMap(\.number).reduce(
            0,
            +
        )
        #expect(opened == 1)
        #expect(try await socket.close().wasClean)
        #expect(try await HTTPGet.get(port: serve.port, "/metrics").status == 404)
        #expect(try await HTTPGet.get(port: port, "/echo").status == 404)
    }

    private static let isLinux: Bool = {
        #if os(Linux)
        true
        #else
        false
        #endif
    }()
}
