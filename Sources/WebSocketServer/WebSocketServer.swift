public import HTTPTypes
import Logging
public import NIOCore
import NIOSSL
public import ServiceLifecycle
import Synchronization
import WebSocketProtocol
import WebSocketTransport

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// Listens, upgrades requests to WebSockets, and serves them by route.
///
/// ```swift
/// let server = WebSocketServer(.init(port: 9001))
/// server.route("/echo") { socket, _ in
///     for try await message in socket.messages { try await socket.send(message) }
/// }
/// try await server.run()
/// ```
///
/// It runs until its task is cancelled or its service group shuts down: then it stops listening, closes
/// every connection with 1012, waits for the closing handshakes, and cuts what is left at a deadline; all of it as
/// ``Configuration/drain`` says.
public final class WebSocketServer: Service, Sendable {
    public let configuration: Configuration
    /// What connections subscribe to.
    public let topics: TopicHub
    let registry = ConnectionRegistry()
    private let readiness = Readiness()
    private let lastReport = Mutex<DrainReport?>(nil)
    private let startedObserver = Mutex<ServerObserver?>(nil)
    /// `nil` before the start.
    var observer: ServerObserver? { startedObserver.withLock { $0 } }
    let tls = TLSKeeper()
    private let chosenEngine = Mutex<Engine?>(nil)
    let admission = Mutex<AdmissionControl?>(nil)
    private let state = Mutex(State.preparing(Router(), nil))

    private enum State {
        /// Routes are added; the first that is wrong is kept for the start.
        case preparing(Router, RouteError?)
        case starting
        case listening(any Listener)
        /// Others listen; see ``mount()``.
        case mounted(Drain)
        case over
    }

    public init(_ configuration: Configuration = .init()) {
        self.configuration = configuration
        topics = TopicHub(limits: configuration.topics)
    }

    /// Open WebSocket connections.
    public var connectionCount: Int { registry.count }
    /// Tasks that run handlers.
    package var handlerCount: Int { registry.handlerCount }
    /// Tasks that run upgrade hooks, those included whose clients are gone.
    package var hookCount: Int { registry.hookCount }

    /// Whether the server listens and means to go on: what a load balancer should be told that asks whether to send more
    /// clients. False from the first moment of a shutdown, while the server still accepts for
    /// ``DrainOptions/readinessDelay``.
    ///
    /// A page that tells it should not hold the server, which holds the page:
    ///
    /// ```swift
    /// server.page("/readyz") { [weak server] _ in
    ///     server?.isReady == true ? .text(.ok, "ready\n") : .text(.serviceUnavailable, "not ready\n")
    /// }
    /// ```
    public var isReady: Bool { readiness.isReady }

    /// What became of the connections when the server stopped; `nil` until it has.
    public var drainReport: DrainReport? { lastReport.withLock { $0 } }

    /// How many connections and requests for WebSockets were turned away since the start, by reason.
    public var refusals: [AdmissionRefusal: Int] { admission.withLock { $0?.refusalCounts ?? [:] } }
}

// MARK: - Routes

extension WebSocketServer {
    /// Serves WebSockets at a path, each in a task on its event loop.
    ///
    /// Routes are added before the server starts; one that cannot be served makes the start fail, one that
    /// comes later is not served and an error in the log.
    ///
    /// - Parameters:
    ///   - path: exact segments, and segments `:name` whose text the handler finds in its parameters,
    ///     percent-decoded. Exact segments win over parameters.
    ///   - subprotocols: those spoken here, the preferred first (RFC 6455 §1.9). The first that the client
    ///     offers too is agreed on; if there is none, the connection opens without one.
    ///   - handler: see ``SocketHandler``.
    public func route(_ path: String, subprotocols: [String] = [], handler: @escaping SocketHandler) {
        add(path) { router throws(RouteError) in
            try router.addSocket(path, .init(subprotocols: subprotocols, service: .handler(handler)))
        }
    }

    /// Serves WebSockets at a path by callbacks on their event loop. See ``route(_:subprotocols:handler:)``.
    public func route(_ path: String, subprotocols: [String] = [], callbacks: @escaping SocketCallbacks) {
        add(path) { router throws(RouteError) in
            try router.addSocket(path, .init(subprotocols: subprotocols, service: .callbacks(callbacks)))
        }
    }

    /// Serves WebSockets at a path to those whom `upgrade` lets in, each in a task on its event loop, with what it found
    /// out about them. See ``route(_:subprotocols:handler:)``.
    ///
    /// - Parameter upgrade: sees the whole request, and accepts it or answers it with any status and headers.
    public func route<Value: Sendable>(
        _ path: String,
        subprotocols: [String] = [],
        upgrade: @escaping UpgradeHook<Value>,
        handler: @escaping ValueHandler<Value>
    ) {
        let gate = UpgradeGate(upgrade) { value in
            .handler { socket, parameters in try await handler(socket, value, parameters) }
        }
        add(path) { router throws(RouteError) in
            try router.addSocket(path, .init(subprotocols: subprotocols, gate: gate))
        }
    }

    /// Serves WebSockets at a path by callbacks to those whom `upgrade` lets in.
    /// See ``route(_:subprotocols:upgrade:handler:)``.
    public func route<Value: Sendable>(
        _ path: String,
        subprotocols: [String] = [],
        upgrade: @escaping UpgradeHook<Value>,
        callbacks: @escaping ValueCallbacks<Value>
    ) {
        let gate = UpgradeGate(upgrade) { value in
            .callbacks { socket, parameters in callbacks(socket, value, parameters) }
        }
        add(path) { router throws(RouteError) in
            try router.addSocket(path, .init(subprotocols: subprotocols, gate: gate))
        }
    }

    /// Answers `GET` and `HEAD` at a path. Runs on an event loop and must not block.
    public func page(_ path: String, _ answer: @escaping @Sendable (HTTPRequest) -> HTTPAnswer) {
        add(path) { router throws(RouteError) in try router.addPage(path, answer) }
    }

    /// Answers `GET` and `HEAD` by the files of a directory, where no route and no page is.
    ///
    /// Files have their media type, an `ETag` and `Last-Modified`; conditional requests and single ranges are heeded
    /// (RFC 9110 §13, §14), several ranges at once are answered by the whole. A folder is its ``FileOptions/index``,
    /// or nothing. No path and no link leads out of the directory; what is no regular file is not there. Files are read
    /// by threads of their own, 64 KiB at a time for each client.
    ///
    /// - Parameters:
    ///   - path: where the directory is: `/`, `/assets`. The deepest that fits a request wins.
    ///   - directory: must be there when this is called, else the start fails.
    public func files(at path: String, in directory: String, _ options: FileOptions = .init()) {
        add(path) { router throws(RouteError) in
            let service = FileService(directory, options)
            guard service.isThere else {
                throw RouteError(
                    path: path,
                    problem: "is to serve \(directory), which is no directory that can be read"
                )
            }
            try router.addFiles(path, service)
        }
    }

    /// Throws what the start would throw about the routes.
    package func checkRoutes() throws(RouteError) {
        let problem: RouteError? = state.withLock { state in
            if case .preparing(_, let problem) = state { problem } else { nil }
        }
        if let problem { throw problem }
    }

    private func add(_ path: String, _ change: (inout Router) throws(RouteError) -> Void) {
        let isTooLate = state.withLock { state in
            guard case .preparing(var router, let problem) = state else { return true }
            guard problem == nil else { return false }
            do throws(RouteError) {
                try change(&router)
                state = .preparing(router, nil)
            } catch {
                state = .preparing(router, error)
            }
            return false
        }
        if isTooLate {
            configuration.logger.error(
                "a route was added after the start and is not served",
                metadata: ["path": "\(path)"]
            )
        }
    }
}

// MARK: - Life

extension WebSocketServer {
    /// Begins to listen and to serve. ``run()`` does it by itself; call it before to learn the address.
    ///
    /// - Returns: where the server listens.
    /// - Throws: ``RouteError``, ``ServerError``, ``AdmissionError``, or NIOSSL's error for a certificate that is none.
    @discardableResult
    public func start() async throws -> SocketAddress {
        let router = try state.withLock { state throws in
            guard case .preparing(let router, let problem) = state else { throw ServerError.alreadyStarted }
            if let problem { throw problem }
            state = .starting
            return router
        }
        do {
            return try await listen(router)
        } catch {
            state.withLock { $0 = .over }
            throw error
        }
    }

    /// - Parameter host: what is listened on; `nil` where others accept the connections.
    private func context(_ router: Router, host: String?) throws(AdmissionError) -> RequestReader.Context {
        let control = try AdmissionControl(configuration.admission, host: host, logger: configuration.logger)
        admission.withLock { $0 = control }
        let observer = ServerObserver(configuration, topics: topics)
        startedObserver.withLock { $0 = observer }
        return RequestReader.Context(
            router: router,
            options: configuration.connection,
            compressionPolicy: configuration.ownPolicy,
            registry: registry,
            topics: topics,
            observer: observer,
            admission: control,
            logger: configuration.logger
        )
    }

    /// Serves on connections that others accept, in place of ``start()``. ``run()`` waits for the shutdown then, and
    /// closes what is open.
    ///
    /// - Throws: ``RouteError``, ``AdmissionError``; ``ServerError/alreadyStarted``; ``ServerError/wrongDrain(_:)``.
    public func mount() throws -> WebSocketMount {
        try state.withLock { state throws in
            guard case .preparing(let router, let problem) = state else { throw ServerError.alreadyStarted }
            if let problem { throw problem }
            let drain = try drain(closing: nil)
            let context = try context(router, host: nil)
            state = .mounted(drain)
            readiness.set(true)
            return WebSocketMount(context) { [self] in
                drain.begin()
                Task { await finish(drain) }
            }
        }
    }

    private func listen(_ router: Router) async throws -> SocketAddress {
        do throws(InvalidConfiguration) {
            try configuration.validate()
        } catch {
            throw error.cause
        }
        let context = try context(router, host: configuration.host)
        do {
            let listener = try await listen(context)
            state.withLock { $0 = .listening(listener) }
            chosenEngine.withLock { $0 = listener.engine }
            readiness.set(true)
            // A bound socket has an address; were it not so, there would be nothing to serve.
            guard let address = listener.address else { throw ChannelError.ioOnClosedChannel }
            return address
        } catch let error as ServerError {
            throw error
        } catch let error as NIOSSLError {
            throw error
        } catch {
            let (host, port) = (configuration.host, configuration.port)
            if let error = error as? IOError, error.errnoCode == EADDRINUSE {
                throw ServerError.addressInUse(host: host, port: port)
            }
            throw ServerError.cannotListen(host: host, port: port, EndCause(error).description)
        }
    }

    /// What carries the connections: known once the server listens.
    public var engine: Engine? { chosenEngine.withLock { $0 } }

    private func listen(_ context: RequestReader.Context) async throws -> any Listener {
        if let engine = configuration.engine { return try await listen(context, by: engine) }
        do {
            return try await listen(context, by: .fastest(withTLS: needsNIO))
        } catch ServerError.engineUnavailable(.ioUring, let why) {
            // The system had one to show, and none for each worker.
            configuration.logger.notice("the server goes by epoll", metadata: ["reason": "\(why)"])
            return try await listen(context, by: .epoll)
        }
    }

    /// Whether there is something to serve that the loops of our own do not.
    private var needsNIO: Bool { configuration.tls != nil || configuration.http2.allowsCleartext }

    private func listen(_ context: RequestReader.Context, by engine: Engine) async throws -> any Listener {
        switch engine {
        case .nio:
            if let configuration = configuration.tls, tls.current == nil {
                tls.use(try configuration.context(self.configuration.http2))
            }
            return try await NIOListener.listen(configuration, context, tls: tls)
        case .epoll, .ioUring:
            #if os(Linux)
            return try await SocketServerListener.listen(configuration, context, onRing: engine == .ioUring)
            #else
            // The configuration was asked before, and none is chosen that is not there.
            throw ServerError.engineUnavailable(engine, "it is Linux's")
            #endif
        }
    }

    /// Serves until the task is cancelled or the service group shuts down gracefully, and then until the connections
    /// have closed, as ``Configuration/drain`` says. ``drainReport`` tells how that went.
    ///
    /// When the task is cancelled after its group has begun to shut down, what is left is cut at once.
    ///
    /// - Throws: as ``start()``.
    public func run() async throws {
        if let drain = state.withLock({ if case .mounted(let drain) = $0 { drain } else { nil } }) {
            await run(until: drain)
            return state.withLock { $0 = .over }
        }
        if state.withLock({ if case .preparing = $0 { true } else { false } }) { try await start() }
        let listener = try state.withLock { state throws in
            guard case .listening(let listener) = state else { throw ServerError.alreadyStarted }
            state = .over
            return listener
        }
        let drain = try drain(closing: listener)
        listener.closeFuture.whenComplete { _ in drain.begin() }
        let report = await run(until: drain)
        if report.blockedLoops == 0 {
            await listener.endLoops()
        } else {
            // They end when they can.
            Task { await listener.endLoops() }
        }
    }

    /// - Parameter listener: none where others listen.
    private func drain(closing listener: (any Listener)?) throws -> Drain {
        let options = configuration.drain
        let payload: ClosePayload
        do throws(InvalidConfiguration) {
            payload = try options.checked()
        } catch {
            throw error.cause
        }
        return Drain(options, closing: payload, registry, listener, readiness, configuration.logger)
    }

    /// Waits for the word to stop, and until that is done.
    @discardableResult
    private func run(until drain: Drain) async -> DrainReport {
        // In a task of its own: a cancelled one could not wait for the connections to close.
        let sampling = observer?.startSampling(registry)
        let draining = Task {
            let report = await finish(drain)
            await observer?.stopSampling(sampling, registry)
            return report
        }
        return await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await draining.value
            } onGracefulShutdown: {
                drain.begin()
            }
        } onCancel: {
            if !drain.begin() { drain.cut() }
        }
    }

    private func finish(_ drain: Drain) async -> DrainReport {
        let report = await drain.run()
        lastReport.withLock { $0 = report }
        return report
    }
}
