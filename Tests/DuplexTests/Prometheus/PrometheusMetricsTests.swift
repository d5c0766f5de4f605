import Metrics
import Testing

@testable import duplex

@Suite("Prometheus metrics")
struct PrometheusMetricsTests {
    private let metrics = PrometheusMetrics()

    private func lines(_ prefix: String) -> [String] {
        metrics.exposition().split(separator: "\n").map(String.init).filter {
            $0.hasPrefix(prefix) || $0.hasPrefix("# TYPE \(prefix)")
        }
    }

    @Test func `A counter grows, and never shrinks`() {
        let counter = Counter(label: "messages", dimensions: [("kind", "text")], factory: metrics)
        counter.increment()
        counter.increment(by: 41)
        counter.increment(by: -5)
        #expect(lines("messages") == ["# TYPE messages_total counter", "messages_total{kind=\"text\"} 42"])
        let time = FloatingPointCounter(label: "busy_total", factory: metrics)
        time.increment(by: 0.25)
        time.increment(by: -Double.infinity)
        time.increment(by: Double.nan)
        #expect(lines("busy") == ["# TYPE busy_total counter", "busy_total 0.25"])
    }

    @Test func `Recorders that do not aggregate, and meters, are gauges`() {
        Recorder(label: "loop.connections", dimensions: [("loop", "0")], aggregate: false, factory: metrics)
            .record(7)
        let meter = Meter(label: "temperature", factory: metrics)
        meter.set(20.5)
        meter.increment(by: 2)
        meter.decrement(by: 23)
        #expect(lines("loop") == ["# TYPE loop_connections gauge", "loop_connections{loop=\"0\"} 7"])
        #expect(lines("temperature") == ["# TYPE temperature gauge", "temperature -0.5"])
    }

    @Test func `Timers are histograms in seconds`() {
        let timer = Timer(label: "handshake", factory: metrics)
        timer.recordMilliseconds(1)
        timer.recordMilliseconds(30)
        timer.recordSeconds(3600)
        let found = lines("handshake_seconds")
        #expect(found.first == "# TYPE handshake_seconds histogram")
        #expect(found.contains("handshake_seconds_bucket{le=\"0.0005\"} 0"))
        #expect(found.contains("handshake_seconds_bucket{le=\"0.001\"} 1"))
        #expect(found.contains("handshake_seconds_bucket{le=\"0.05\"} 2"))
        #expect(found.contains("handshake_seconds_bucket{le=\"60\"} 2"))
        #expect(found.contains("handshake_seconds_bucket{le=\"+Inf\"} 3"))
        #expect(found.contains("handshake_seconds_sum 3600.031"))
        #expect(found.contains("handshake_seconds_count 3"))
    }

    @Test func `Recorders that aggregate are histograms of sizes`() {
        let recorder = Recorder(label: "size", dimensions: [("route", "/a")], factory: metrics)
        for size in [1, 5, 16, 1 << 30] { recorder.record(size) }
        let found = lines("size")
        #expect(found.contains("size_bucket{route=\"/a\",le=\"1\"} 1"))
        #expect(found.contains("size_bucket{route=\"/a\",le=\"16\"} 3"))
        #expect(found.contains("size_bucket{route=\"/a\",le=\"16777216\"} 3"))
        #expect(found.contains("size_bucket{route=\"/a\",le=\"+Inf\"} 4"))
        #expect(found.contains("size_count{route=\"/a\"} 4"))
    }

    @Test func `One name with the same labels is one series, in whatever order they stand`() {
        Counter(label: "n", dimensions: [("a", "1"), ("b", "2")], factory: metrics).increment()
        Counter(label: "n", dimensions: [("b", "2"), ("a", "1")], factory: metrics).increment()
        #expect(lines("n") == ["# TYPE n_total counter", "n_total{a=\"1\",b=\"2\"} 2"])
    }

    @Test func `A series stays until the last who made it has destroyed it`() {
        let first = Counter(label: "n", factory: metrics)
        let second = Counter(label: "n", factory: metrics)
        first.increment()
        first.destroy()
        #expect(lines("n").last == "n_total 1")
        second.destroy()
        #expect(lines("n").isEmpty)
        let third = Counter(label: "n", factory: metrics)
        third.increment(by: 3)
        #expect(lines("n").last == "n_total 3")
    }

    @Test func `Beyond the limit of series nothing is recorded, and it is counted`() {
        let small = PrometheusMetrics(limit: 3)
        let counters = (0..<5).map { Counter(label: "n", dimensions: [("i", "\($0)")], factory: small) }
        for counter in counters { counter.increment() }
        let text = small.exposition()
        #expect(text.contains("n_total{i=\"2\"} 1\n"))
        #expect(!text.contains("i=\"3\""))
        #expect(text.contains("\nprometheus_series_refused_total 2\n"))
        // One that goes makes room.
        counters[0].destroy()
        Counter(label: "n", dimensions: [("i", "5")], factory: small).increment()
        #expect(small.exposition().contains("n_total{i=\"5\"} 1\n"))
        // Who was refused has nothing to give back.
        counters[4].destroy()
        #expect(small.exposition().contains("n_total{i=\"1\"} 1\n"))
    }

    @Test func `A name stands for one kind of metric`() {
        Meter(label: "n_total", factory: metrics).set(1)
        Counter(label: "n", factory: metrics).increment()
        #expect(lines("n") == ["# TYPE n_total gauge", "n_total 1"])
        #expect(lines("prometheus_series_refused_total").last == "prometheus_series_refused_total 1")
    }

    @Test(
        arguments: [
            ("a.b-c/d", "a_b_c_d"), ("9lives", "_9lives"), ("", "_"), ("größe", "gr__e"), ("a:b", "a:b"),
            ("x\ny", "x_y"),
        ])
    func `What a name may not hold becomes an underscore`(text: String, name: String) {
        #expect(MetricName.metric(text) == name)
    }

    @Test func `Labels are escaped, sorted and named as they may be`() {
        let labels = MetricLabels([("z", "1"), ("a:b", "x\"y\\z\n"), ("le", "2"), ("z", "3")])
        #expect(labels.text() == #"{a_b="x\"y\\z\n",exported_le="2",z="3"}"#)
        #expect(MetricLabels([]).text() == "")
        #expect(MetricLabels([]).text(bound: "1") == "{le=\"1\"}")
    }

    @Test(
        arguments: [
            (0, "0"), (-0.5, "-0.5"), (1e300, "1e+300"), (9_007_199_254_740_991, "9007199254740991"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
        ] as [(Double, String)]
    )
    func `Numbers are written as the format has them`(number: Double, text: String) {
        #expect(metricText(number) == text)
    }
}
