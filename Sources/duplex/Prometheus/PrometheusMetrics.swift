import Metrics
import Synchronization

/// All metrics of the process, as Prometheus reads them: what swift-metrics is told by `MetricsSystem.bootstrap`.
///
/// - Counters end in `_total`, timers in `_seconds`; timers, and recorders that aggregate, are histograms with fixed
///   buckets; meters and other recorders are gauges. What a name may not hold becomes `_`.
/// - One metric with one set of labels is one series, however often it is made. There are at most ``limit`` series:
///   whatever would be one more is not recorded, and counted in `prometheus_series_refused_total`.
final class PrometheusMetrics: MetricsFactory {
    /// Some 200 bytes each, and 2 KiB for a histogram.
    static let defaultLimit = 2_000

    private enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    private struct Family {
        let kind: Kind
        var series: [MetricLabels: (series: any MetricSeries, users: Int)] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var count = 0
        var refused: UInt64 = 0
        /// Where a series is, by its identity: it is destroyed by whoever holds nothing else.
        var places: [ObjectIdentifier: (name: String, labels: MetricLabels)] = [:]
    }

    private let state = Mutex(State())
    let limit: Int

    init(limit: Int = PrometheusMetrics.defaultLimit) { self.limit = limit }

    /// - Returns: the series of this name and these labels; if there can be none, another that nobody reads.
    private func series<Series: MetricSeries>(
        _ name: String,
        _ dimensions: [(String, String)],
        _ kind: Kind,
        _ make: () -> Series
    ) -> Series {
        let labels = MetricLabels(dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind)
            if var known = family.series[labels], let series = known.series as? Series {
                known.users += 1
                family.series[labels] = known
                state.families[name] = family
                return series
            }
            let series = make()
            // A name stands for one kind of metric, and its labels for one series.
            guard family.kind == kind, family.series[labels] == nil, state.count < limit else {
                state.refused += 1
                return series
            }
            family.series[labels] = (series, 1)
            state.families[name] = family
            state.places[ObjectIdentifier(series)] = (name, labels)
            state.count += 1
            return series
        }
    }

    private func release(_ handler: AnyObject) {
        state.withLock { state in
            let identity = ObjectIdentifier(handler)
            guard let (name, labels) = state.places[identity],
                var known = state.families[name]?.series[labels]
            else {
                return
            }
            known.users -= 1
            guard known.users == 0 else {
                state.families[name]?.series[labels] = known
                return
            }
            state.families[name]?.series[labels] = nil
            if state.families[name]?.series.isEmpty == true { state.families[name] = nil }
            state.places[identity] = nil
            state.count -= 1
        }
    }

    /// The text exposition format, version 0.0.4.
    func exposition() -> String {
        let (families, refused) = state.withLock { ($0.families, $0.refused) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            let lines = family.series.map { labels, known in
                (order: labels.text(), lines: known.series.lines(name: name, labels: labels))
            }
            for (_, lines) in lines.sorted(by: { $0.order < $1.order }) { text += lines }
        }
        return text + """
            # HELP prometheus_series_refused_total Series that were not recorded, beyond the limit of \(limit).
            # TYPE prometheus_series_refused_total counter
            prometheus_series_refused_total \(refused)

            """
    }

    static let contentType = "text/plain; version=0.0.4; charset=utf-8"
}

// MARK: - As swift-metrics asks for them

extension PrometheusMetrics {
    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(MetricName.metric(label, endingWith: "_total"), dimensions, .counter) { CounterSeries() }
    }

    func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(MetricName.metric(label, endingWith: "_total"), dimensions, .counter) { CounterSeries() }
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(MetricName.metric(label), dimensions, .gauge) { GaugeSeries() }
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let name = MetricName.metric(label)
        guard aggregate else { return series(name, dimensions, .gauge) { GaugeSeries() } }
        return series(name, dimensions, .histogram) { HistogramSeries(bounds: HistogramSeries.sizes) }
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(MetricName.metric(label, endingWith: "_seconds"), dimensions, .histogram) {
            HistogramSeries(bounds: HistogramSeries.times)
        }
    }

    func destroyCounter(_ handler: any CounterHandler) { release(handler) }
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { release(handler) }
    func destroyMeter(_ handler: any MeterHandler) { release(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) { release(handler) }
    func destroyTimer(_ handler: any TimerHandler) { release(handler) }
}
