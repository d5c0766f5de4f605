import Logging
import NIOCore
import Synchronization
import Tracing
import WebSocketTransport

/// Who watches a server: its log, its figures and its traces. One for all event loops.
final class ServerObserver: Sendable {
    let log: ConnectionLog
    /// `nil` where nobody takes figures.
    let metrics: ServerMetrics?
    /// `nil` where nobody traces.
    let tracer: (any Tracer)?
    private let traffic = Mutex<[LoopTraffic]>([])
    /// The event loops may be gone.
    private let isOver = Atomic(false)

    /// Finds out who watches: to be made when the server starts, so that whatever a program bootstraps has been.
    private let topics: TopicHub?

    /// - Parameter topics: the server's, if it has some.
    init(_ configuration: WebSocketServer.Configuration, topics: TopicHub? = nil) {
        self.topics = topics
        log = ConnectionLog(configuration.logger)
        metrics = ServerMetrics(configuration.metrics)
        let tracer = configuration.tracer ?? InstrumentationSystem.tracer
        self.tracer = tracer is NoOpTracer ? nil : tracer
    }

    /// Where the connections of one more event loop are counted.
    func addLoop() -> LoopTraffic {
        var onRoundTrip: (@Sendable (Duration) -> Void)?
        if let metrics { onRoundTrip = { metrics.answeredPing(after: $0) } }
        let loop = LoopTraffic(onRoundTrip: onRoundTrip)
        traffic.withLock { $0.append(loop) }
        return loop
    }

    /// A request opens no WebSocket.
    ///
    /// - Parameters:
    ///   - status: `nil` where nothing was answered.
    ///   - target: of the request, as far as that is known.
    func refused(
        _ reason: RefusalReason,
        status: Int?,
        peer: PeerAddress,
        target: ArraySlice<UInt8>? = nil,
        on eventLoop: any EventLoop
    ) {
        metrics?.refused(reason, status: status)
        log.refused(reason, status: status, peer: peer, target: target, on: eventLoop)
    }

    /// A connection has ended.
    func ended(_ socket: WebSocketConnection, _ end: ConnectionEnd) {
        // In this order: whoever has read the line finds it counted.
        metrics?.ended(end)
        log.closed(socket, end)
    }
}

// MARK: - Sampling

extension ServerObserver {
    /// The longest that event loops are waited for, which a handler or callback may block.
    private static let patience = Duration.seconds(1)

    /// Looks at all that is not told as it comes, and tells it.
    func sample(_ registry: ConnectionRegistry) async {
        guard let metrics else { return }
        let buffered = isOver.load(ordering: .acquiring) ? 0 : await bufferedBytes(registry, metrics)
        metrics.tell(traffic.withLock { $0 }, open: registry.count, buffered: buffered)
        if let topics { metrics.tell(topics.statistics) }
    }

    /// - Returns: `nil` if not all loops answered in time.
    private func bufferedBytes(_ registry: ConnectionRegistry, _ metrics: ServerMetrics) async -> Int? {
        let loops = registry.loops
        let round = SampleRound(loops.count)
        for loop in loops {
            let posted = NIODeadline.now()
            loop.eventLoop.execute {
                metrics.loopCame(after: NIODeadline.now() - posted)
                round.walk(loop, from: 0, sum: 0)
            }
        }
        let timer = Task {
            try await Task.sleep(for: Self.patience)
            round.giveUp()
        }
        defer { timer.cancel() }
        return await round.result
    }

    /// Samples again and again, until the task is cancelled.
    func startSampling(_ registry: ConnectionRegistry) -> Task<Void, Never>? {
        guard let interval = metrics?.interval else { return nil }
        return Task {
            while (try? await Task.sleep(for: interval)) != nil { await self.sample(registry) }
        }
    }

    /// Tells the last figures. The event loops are still there.
    func stopSampling(_ sampling: Task<Void, Never>?, _ registry: ConnectionRegistry) async {
        sampling?.cancel()
        await sampling?.value
        await sample(registry)
        isOver.store(true, ordering: .releasing)
        log.tellWhatWasLeftOut()
    }
}

/// One look at all event loops: they answer, or are waited for no more.
private final class SampleRound: Sendable {
    private struct State {
        var left: Int
        var sum = 0
        var isGivenUp = false
        var waiter: CheckedContinuation<Int?, Never>?

        var result: Int?? { left == 0 ? .some(sum) : isGivenUp ? .some(nil) : nil }
    }

    private let state: Mutex<State>

    /// Connections looked at in a turn of a loop: well under a millisecond's worth.
    private static let slice = 1024

    init(_ loops: Int) { state = Mutex(State(left: loops)) }

    /// Adds up what a loop's connections have buffered: some at a time, so that it does not hold them up.
    func walk(_ loop: ConnectionRegistry.Loop, from index: Int, sum: Int) {
        let (bytes, next) = loop.connections.value.bufferedBytes(from: index, atMost: Self.slice)
        let sum = sum + bytes
        guard let next else { return change { ($0.left, $0.sum) = ($0.left - 1, $0.sum + sum) } }
        // A timer: what is posted could come in the same turn.
        _ = loop.eventLoop.scheduleTask(in: .milliseconds(1)) { self.walk(loop, from: next, sum: sum) }
    }

    func giveUp() { change { $0.isGivenUp = true } }

    private func change(_ change: (inout State) -> Void) {
        let (waiter, result) = state.withLock { state in
            change(&state)
            guard let result = state.result else {
                return (nil as CheckedContinuation<Int?, Never>?, nil as Int?)
            }
            defer { state.waiter = nil }
            return (state.waiter, result)
        }
        waiter?.resume(returning: result)
    }

    var result: Int? {
        get async {
            await withCheckedContinuation { continuation in
                let result: Int?? = state.withLock { state in
                    if let result = state.result { return .some(result) }
                    state.waiter = continuation
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        }
    }
}
