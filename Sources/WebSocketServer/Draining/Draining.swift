import HTTPTypes
import Logging
import NIOCore
import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// The end of a server, from the first word of it to the report.
///
/// In this order: readiness fails; after ``WebSocketServer/DrainOptions/readinessDelay`` nothing is accepted any more;
/// each loop takes leave of its connections one after the other (``LoopConnections/beginDrain(_:on:)``); whatever is
/// there at the deadline is cut.
final class Drain: Sendable {
    /// How long handlers have after they were cancelled, and loops to do as they were told.
    private static let grace = Duration.milliseconds(500)

    private let options: WebSocketServer.DrainOptions
    private let payload: ClosePayload
    private let registry: ConnectionRegistry
    /// `nil` where others accept the connections.
    private let listener: (any Listener)?
    private let isReady: Readiness
    private let logger: Logger

    private let begun = Latch()
    /// What comes before the close frames is over, or is to be cut short.
    private let mayStop = Latch()
    /// Nothing is accepted any more, or that is not waited for.
    private let hasStopped = Latch()
    /// All has ended, or whatever has not is waited for no longer.
    private let isOver = Latch()
    private let areLoopsCut = Latch()
    private let isDone = Latch()
    private let state = Mutex(State())

    private struct State {
        var isRunning = false
        var report = DrainReport()
        /// Whether the loops know of the drain.
        var isTold = false
        var isCut = false
        /// Of those that were told to cut.
        var loopsLeft: Int?
        var grace: Task<Void, Never>?
    }

    init(
        _ options: WebSocketServer.DrainOptions,
        closing payload: ClosePayload,
        _ registry: ConnectionRegistry,
        _ listener: (any Listener)?,
        _ isReady: Readiness,
        _ logger: Logger
    ) {
        self.options = options
        self.payload = payload
        self.registry = registry
        self.listener = listener
        self.isReady = isReady
        self.logger = logger
    }

    /// - Returns: whether this was the first word of it.
    @discardableResult
    func begin() -> Bool {
        isReady.set(false)
        return begun.open()
    }

    /// Cuts what is left, whatever time there would be.
    func cut() {
        let (isFirst, isTold) = state.withLock { state in
            defer { state.isCut = true }
            return (!state.isCut, state.isTold)
        }
        guard isFirst else { return }
        mayStop.open()
        hasStopped.open()
        if isTold { cutLoops() }
        let grace = Self.after(Self.grace) { [self] in
            isOver.open()
            areLoopsCut.open()
        }
        state.withLock { $0.grace = grace }
    }

    private func cutLoops() {
        registry.cut { [self] left in
            state.withLock { $0.loopsLeft = min($0.loopsLeft ?? left, left) }
            if left == 0 { areLoopsCut.open() }
        }
    }

    /// Waits for ``begin()``, and then does all there is to do, or waits until whoever came first has done it.
    func run() async -> DrainReport {
        let isFirst = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard isFirst else {
            await isDone.wait()
            return state.withLock { $0.report }
        }
        await begun.wait()
        let report = await drain()
        state.withLock { $0.report = report }
        isDone.open()
        return report
    }

    private func drain() async -> DrainReport {
        let clock = ContinuousClock()
        let beginning = clock.now
        logger.info("draining", metadata: ["connections": "\(registry.count)"])
        let deadline = Self.after(options.deadline) { [self] in cut() }

        if options.readinessDelay > .zero {
            let delay = Self.after(options.readinessDelay) { [mayStop] in mayStop.open() }
            await mayStop.wait()
            delay.cancel()
        }
        if let listener {
            listener.closeFuture.whenComplete { [hasStopped] _ in hasStopped.open() }
            listener.close()
            await hasStopped.wait()
        }

        let rest = options.deadline - (clock.now - beginning)
        let plan = DrainPlan(
            payload,
            window: options.window(for: registry.count, until: rest),
            requestGrace: options.requestGrace
        )
        registry.beginDrain(plan)
        let isCut = state.withLock { state in
            state.isTold = true
            return state.isCut
        }
        if isCut { cutLoops() }
        registry.whenEmpty { [isOver] in isOver.open() }
        await isOver.wait()
        deadline.cancel()
        if state.withLock({ $0.isCut }) { await areLoopsCut.wait() }

        let (loopsLeft, grace) = state.withLock { ($0.loopsLeft, $0.grace) }
        grace?.cancel()
        var report = plan.ledger.report
        report.handlersLeft = registry.handlerCount
        report.hooksLeft = registry.hookCount
        report.blockedLoops = loopsLeft ?? 0
        report.duration = clock.now - beginning
        report.log(to: logger)
        return report
    }

    private static func after(_ delay: Duration, _ body: @escaping @Sendable () -> Void) -> Task<Void, Never>
    {
        Task {
            do { try await Task.sleep(for: delay) } catch { return }
            body()
        }
    }
}

/// Whether a server takes connections and means to go on doing so.
final class Readiness: Sendable {
    private let flag = Atomic(false)
    var isReady: Bool { flag.load(ordering: .relaxed) }
    func set(_ isReady: Bool) { flag.store(isReady, ordering: .relaxed) }
}

/// What the loops have to know of a drain.
final class DrainPlan: Sendable {
    let payload: ClosePayload
    let window: Duration
    let ledger = DrainLedger()
    /// See ``WebSocketServer/DrainOptions/requestGrace``.
    let requestGrace: TimeAmount

    init(_ payload: ClosePayload, window: Duration, requestGrace: Duration = .milliseconds(500)) {
        self.payload = payload
        self.window = window
        self.requestGrace = TimeAmount(requestGrace)
    }

    /// Begins the closing handshake, behind what was accepted for sending. Does nothing where one has begun.
    func takeLeave(of connection: WebSocketConnection) {
        let payload = payload
        connection.onLoop { $0.close(payload) }
    }
}

extension HTTPAnswer {
    /// To whoever comes while the server stops: another one, or this one anew, may answer in a moment.
    static let draining: HTTPAnswer = {
        var answer = HTTPAnswer.text(.serviceUnavailable, "the server is shutting down\n")
        answer.headers[.retryAfter] = "1"
        return answer
    }()
}
