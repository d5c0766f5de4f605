import Synchronization
import Tracing

/// A tracer that keeps its spans, and knows traces by the field `traceparent`.
final class TracerInMemory: Tracer {
    enum TraceKey: ServiceContextKey { typealias Value = String }
    enum SpanKey: ServiceContextKey { typealias Value = String }

    final class Span: Tracing.Span {
        struct State {
            var operationName: String
            var attributes = SpanAttributes()
            var status: SpanStatus?
            var ends = 0
        }

        let context: ServiceContext
        let kind: SpanKind
        private let state: Mutex<State>

        init(_ operationName: String, _ context: ServiceContext, _ kind: SpanKind) {
            self.kind = kind
            var context = context
            context[SpanKey.self] = operationName
            self.context = context
            state = Mutex(State(operationName: operationName))
        }

        var operationName: String {
            get { state.withLock { $0.operationName } }
            set { state.withLock { $0.operationName = newValue } }
        }
        var attributes: SpanAttributes {
            get { state.withLock { $0.attributes } }
            set { state.withLock { $0.attributes = newValue } }
        }
        var status: SpanStatus? { state.withLock { $0.status } }
        var ends: Int { state.withLock { $0.ends } }
        let isRecording = true

        func setStatus(_ status: SpanStatus) { state.withLock { $0.status = status } }
        func addEvent(_ event: SpanEvent) {}
        func recordError<Instant: TracerInstant>(
            _ error: any Error,
            attributes: SpanAttributes,
            at instant: @autoclosure () -> Instant
        ) {}
        func addLink(_ link: SpanLink) {}
        func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
            state.withLock { $0.ends += 1 }
        }

        /// `name=value`, in order.
        var texts: [String] {
            var texts: [String] = []
            attributes.forEach { name, value in
                let text =
                    switch value {
                    case .int32(let number): "\(number)"
                    case .int64(let number): "\(number)"
                    case .string(let text): text
                    default: "\(value)"
                    }
                texts.append("\(name)=\(text)")
            }
            return texts.sorted()
        }
    }

    private let state = Mutex<[Span]>([])
    var spans: [Span] { state.withLock { $0 } }

    func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> Span {
        let span = Span(operationName, context(), kind)
        state.withLock { $0.append(span) }
        return span
    }

    func activeSpan(identifiedBy context: ServiceContext) -> Span? { nil }
    func forceFlush() {}

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        context[TraceKey.self] = extractor.extract(key: "traceparent", from: carrier)
    }

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {}
}
