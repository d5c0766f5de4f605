public import HTTPTypes
import Logging
public import NIOCore
import NIOPosix
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
/// every connection with 1001, waits for the closing handshakes, and cuts what is left at
/// ``Configuration/shutdownTimeout``.
public final class WebSocketServer: Service, Sendable {
    public let configuration: Configuration
    /// What connections subscribe to.
    public let topics = TopicHub()
    let registry = ConnectionRegistry()
    private let chosenEngine = Mutex<Engine?>(nil)
    let admission = Mutex<AdmissionControl?>(nil)
    private let state = Mutex(State.preparing(Router(), nil))

    private enum State {
        /// Routes are added; the first that is wrong is kept for the start.
        case preparing(Router, RouteError?)
        case starting
        case listening(any Listener)
        /// Others listen; see ``mount()``.
        case mounted
        case over
    }

    public init(_ configuration: Configuration = .init()) { self.configuration = configuration }

    /// Open WebSocket connections.
    public var connectionCount: Int { registry.count }

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
        return RequestReader.Context(
            router: router,
            options: configuration.connection,
            compressionPolicy: configuration.ownPolicy,
            registry: registry,
            topics: topics,
            admission: control,
            logger: configuration.logger
        )
    }

    /// Serves on connections that others accept, in place of ``start()``. ``run()`` waits for the shutdown then, and
    /// closes what is open.
    ///
    /// - Throws: ``RouteError``, ``AdmissionError``; ``ServerError/alreadyStarted``.
    public func mount() throws -> WebSocketMount {
        try state.withLock { state throws in
            guard case .preparing(let router, let problem) = state else { throw ServerError.alreadyStarted }
            if let problem { throw problem }
            let context = try context(router, host: nil)
            state = .mounted
            return WebSocketMount(context) { [self] in sayGoodbye() }
        }
    }

    private func listen(_ router: Router) async throws -> SocketAddress {
        if let workers = configuration.workers, workers < 1 { throw ServerError.noWorkers }
        let context = try context(router, host: configuration.host)
        do {
            let listener = try await listen(context)
            state.withLock { $0 = .listening(listener) }
            chosenEngine.withLock { $0 = listener.engine }
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
            return try await listen(context, by: .fastest(withTLS: configuration.tls != nil))
        } catch ServerError.engineUnavailable(.ioUring, let why) {
            // The system had one to show, and none for each worker.
            configuration.logger.notice("the server goes by epoll", metadata: ["reason": "\(why)"])
            return try await listen(context, by: .epoll)
        }
    }

    private func listen(_ context: RequestReader.Context, by engine: Engine) async throws -> any Listener {
        let isSecure = configuration.tls != nil
        switch engine {
        case .nio:
            return try await NIOListener.listen(configuration, context)
        case .epoll, .ioUring:
            #if os(Linux)
            guard !isSecure else { throw ServerError.engineUnavailable(engine, "it serves no TLS") }
            return try await EpollServerListener.listen(configuration, context, onRing: engine == .ioUring)
            #else
            throw ServerError.engineUnavailable(engine, "it is Linux's")
            #endif
        }
    }

    /// Serves until the task is cancelled or the service group shuts down gracefully.
    ///
    /// - Throws: as ``start()``.
    public func run() async throws {
        if state.withLock({ if case .mounted = $0 { true } else { false } }) { return await runMounted() }
        if state.withLock({ if case .preparing = $0 { true } else { false } }) { try await start() }
        let listener = try state.withLock { state throws in
            guard case .listening(let listener) = state else { throw ServerError.alreadyStarted }
            state = .over
            return listener
        }
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await listener.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            listener.close()
        }
        // In a task of its own: a cancelled one could not wait for the connections to close.
        await Task { await drain(on: listener.closeFuture.eventLoop) }.value
        await listener.endLoops()
    }

    private func runMounted() async {
        // Thrown by a task that is cancelled, which is a shutdown too.
        try? await gracefulShutdown()
        state.withLock { $0 = .over }
        await Task { await drain(on: MultiThreadedEventLoopGroup.singleton.any()) }.value
    }

    private func sayGoodbye() {
        let closeTimeout = min(configuration.shutdownTimeout, configuration.connection.closeTimeout)
        registry.beginShutdown { connection in
            // Refused only for codes that cannot be sent, and this one can.
            connection.onLoop {
                try? $0.close(code: .goingAway, reason: "the server is shutting down", timeout: closeTimeout)
            }
        }
    }

    private func drain(on eventLoop: any EventLoop) async {
        let timeout = configuration.shutdownTimeout
        sayGoodbye()
        let (registry, logger) = (registry, configuration.logger)
        let deadline = eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            let cut = registry.cut()
            if cut > 0 { logger.warning("connections were cut", metadata: ["count": "\(cut)"]) }
        }
        await registry.waitUntilEmpty()
        deadline.cancel()
    }
}
