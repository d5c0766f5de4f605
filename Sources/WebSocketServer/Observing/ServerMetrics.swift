import CoreMetrics
import NIOCore
import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// A server's figures by the names that `docs/metrics.md` lists.
///
/// No dimension is a peer's to choose: each has a closed list of values, or those that the program's own routes have.
final class ServerMetrics: Sendable {
    let interval: Duration

    private let open: Gauge
    private let buffered: Gauge
    private let opened: Family<Opened>
    private let ended: Family<Ended>
    private let refused: Family<Refused>
    private let unsent: Counter
    private let handshake: Timer
    private let roundTrip: Timer
    private let lag: Timer
    private let traffic: Traffic
    private let topics: Topics

    private struct Opened: Hashable, Sendable {
        let route: String
        let version: HTTPVersion
    }

    private struct Ended: Hashable, Sendable {
        let code: String
        let cause: String
    }

    private struct Refused: Hashable, Sendable {
        let reason: RefusalReason
        let status: Int?
    }

    /// - Returns: `nil` where nobody takes figures.
    init?(_ options: MetricsOptions) {
        let factory = options.factory ?? MetricsSystem.factory
        guard !(factory is NOOPMetricsHandler) else { return nil }
        interval = max(options.interval, .milliseconds(100))
        open = Gauge(label: "duplex_connections_open", factory: factory)
        buffered = Gauge(label: "duplex_buffered_bytes", factory: factory)
        opened = Family("duplex_connections_total", factory) {
            [("route", $0.route), ("http", $0.version.name)]
        }
        ended = Family("duplex_connections_closed_total", factory) {
            [("code", $0.code), ("cause", $0.cause)]
        }
        refused = Family("duplex_handshakes_refused_total", factory) {
            [("reason", $0.reason.rawValue), ("status", $0.status.map(String.init) ?? "none")]
        }
        unsent = Counter(label: "duplex_unsent_bytes_total", factory: factory)
        func timer(_ label: String) -> Timer {
            Timer(label: label, preferredDisplayUnit: .seconds, factory: factory)
        }
        handshake = timer("duplex_handshake_seconds")
        roundTrip = timer("duplex_ping_round_trip_seconds")
        lag = timer("duplex_event_loop_lag_seconds")
        traffic = Traffic(factory)
        topics = Topics(factory)
    }
}

// MARK: - As it comes

extension ServerMetrics {
    func opened(route: String, _ version: HTTPVersion) {
        opened.increment(Opened(route: route, version: version))
    }

    /// An opening handshake was decided.
    func decided(after time: TimeAmount) { handshake.recordNanoseconds(time.nanoseconds) }

    /// - Parameter status: `nil` where nothing was answered.
    func refused(_ reason: RefusalReason, status: Int?) {
        refused.increment(Refused(reason: reason, status: status))
    }

    func ended(_ end: ConnectionEnd) {
        ended.increment(Ended(code: Self.group(of: end.code), cause: end.cause.name))
        if end.unsentBytes > 0 { unsent.increment(by: end.unsentBytes) }
    }

    func answeredPing(after time: Duration) { roundTrip.recordNanoseconds(TimeAmount(time).nanoseconds) }

    /// An event loop did what it was asked to.
    func loopCame(after time: TimeAmount) { lag.recordNanoseconds(time.nanoseconds) }

    /// Registered codes by themselves; of those that anybody may choose, only whose they are to choose.
    static func group(of code: CloseCode) -> String {
        switch code.rawValue {
        case 1000...1015: String(code.rawValue)
        case 3000...3999: "3xxx"
        case 4000...4999: "4xxx"
        default: "other"
        }
    }
}

// MARK: - By looking

extension ServerMetrics {
    /// - Parameter bytes: `nil` where it is not known.
    func tell(_ loops: [LoopTraffic], open count: Int, buffered bytes: Int?) {
        open.record(count)
        if let bytes { buffered.record(bytes) }
        traffic.tell(loops)
    }

    /// What has become of published messages.
    func tell(_ statistics: TopicStatistics) { topics.tell(statistics) }

    /// What topics have carried, counted up in the same way.
    private final class Topics: Sendable {
        private let counters: [Counter]
        private let told = Mutex([0, 0, 0])

        init(_ factory: any MetricsFactory) {
            counters = ["published", "delivered", "dropped"].map { outcome in
                Counter(
                    label: "duplex_topic_messages_total",
                    dimensions: [("outcome", outcome)],
                    factory: factory
                )
            }
        }

        func tell(_ statistics: TopicStatistics) {
            let now = [statistics.published, statistics.delivered, statistics.dropped]
            told.withLock { told in
                for (index, counter) in counters.enumerated() where now[index] > told[index] {
                    counter.increment(by: now[index] - told[index])
                    told[index] = now[index]
                }
            }
        }
    }

    /// What connections have carried: counted up to what is known, whoever asks and however often.
    private final class Traffic: Sendable {
        private let counters: [(figure: LoopTraffic.Figure, counter: Counter)]
        private let told = Mutex<[LoopTraffic.Figure: Int]>([:])

        init(_ factory: any MetricsFactory) {
            counters = LoopTraffic.Figure.allCases.map { figure in
                let (label, dimensions) = Self.name(of: figure)
                return (figure, Counter(label: label, dimensions: dimensions, factory: factory))
            }
        }

        private static func name(of figure: LoopTraffic.Figure) -> (String, [(String, String)]) {
            switch figure {
            case .textsReceived: ("duplex_messages_received_total", [("kind", "text")])
            case .binariesReceived: ("duplex_messages_received_total", [("kind", "binary")])
            case .textsSent: ("duplex_messages_sent_total", [("kind", "text")])
            case .binariesSent: ("duplex_messages_sent_total", [("kind", "binary")])
            case .payloadReceived: ("duplex_bytes_received_total", [])
            case .payloadSent: ("duplex_bytes_sent_total", [])
            case .pingsReceived: ("duplex_pings_received_total", [])
            case .pongsReceived: ("duplex_pongs_received_total", [])
            case .pingsSent: ("duplex_pings_sent_total", [])
            }
        }

        func tell(_ loops: [LoopTraffic]) {
            // Under the lock they only grow, whoever else looks.
            told.withLock { told in
                for (figure, counter) in counters {
                    let now = loops.reduce(0) { $0 &+ $1[figure] }
                    let more = now &- (told[figure] ?? 0)
                    guard more > 0 else { continue }
                    counter.increment(by: more)
                    told[figure] = now
                }
            }
        }
    }
}

/// Counters of one name, made as their dimensions come up.
private final class Family<Key: Hashable & Sendable>: Sendable {
    private let label: String
    private let factory: any MetricsFactory
    private let dimensions: @Sendable (Key) -> [(String, String)]
    private let counters = Mutex<[Key: Counter]>([:])

    init(
        _ label: String,
        _ factory: any MetricsFactory,
        dimensions: @escaping @Sendable (Key) -> [(String, String)]
    ) {
        self.label = label
        self.factory = factory
        self.dimensions = dimensions
    }

    func increment(_ key: Key) {
        let counter = counters.withLock { counters in
            if let counter = counters[key] { return counter }
            let counter = Counter(label: label, dimensions: dimensions(key), factory: factory)
            counters[key] = counter
            return counter
        }
        counter.increment()
    }
}
