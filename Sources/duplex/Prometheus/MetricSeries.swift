import Metrics
import Synchronization

/// One series: a metric with one set of labels. Its lock is held for one addition.
protocol MetricSeries: AnyObject, Sendable {
    /// Its lines in the text format.
    func lines(name: String, labels: MetricLabels) -> String
}

/// A number that only grows.
final class CounterSeries: MetricSeries, CounterHandler, FloatingPointCounterHandler {
    private let sum = Mutex(0.0)

    func increment(by amount: Int64) { increment(by: Double(amount)) }

    /// What is less than nothing, or no number, would make it shrink, and is left out.
    func increment(by amount: Double) {
        guard amount > 0 else { return }
        sum.withLock { $0 += amount }
    }

    func reset() { sum.withLock { $0 = 0 } }

    func lines(name: String, labels: MetricLabels) -> String {
        "\(name)\(labels.text()) \(metricText(sum.withLock(\.self)))\n"
    }
}

/// A number that goes up and down.
final class GaugeSeries: MetricSeries, RecorderHandler, MeterHandler {
    private let value = Mutex(0.0)

    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }

    func lines(name: String, labels: MetricLabels) -> String {
        "\(name)\(labels.text()) \(metricText(value.withLock(\.self)))\n"
    }
}

/// How often values fell below fixed bounds.
final class HistogramSeries: MetricSeries, TimerHandler, RecorderHandler {
    /// From half a millisecond to a minute, in seconds.
    static let times = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]
    /// Sizes and counts: powers of four, to 16 Mi.
    static let sizes: [Double] = (0...12).map { Double(1 << (2 * $0)) }

    private struct State {
        /// What fell below each bound and not below the one before it; last, what fell below none.
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    func lines(name: String, labels: MetricLabels) -> String {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        var text = ""
        var count: UInt64 = 0
        for (index, inBucket) in counts.enumerated() {
            count += inBucket
            let bound = index < bounds.count ? metricText(bounds[index]) : "+Inf"
            text += "\(name)_bucket\(labels.text(bound: bound)) \(count)\n"
        }
        return text
            + "\(name)_sum\(labels.text()) \(metricText(sum))\n\(name)_count\(labels.text()) \(count)\n"
    }
}
