import CommandSupport
import Logging
import Metrics
import NIOCore
import ServiceLifecycle
import UnixSignals
import WebSocketServer

/// Serves what it was told, until a signal comes.
struct Serving {
    private let options: ServeOptions
    private let tls: TLSSource.Loaded?
    private let manager: ServiceManager

    /// - Parameter tls: what the options' source of it gave, and what was checked with them.
    init(_ options: ServeOptions, tls: TLSSource.Loaded?, manager: ServiceManager) {
        self.options = options
        self.tls = tls
        self.manager = manager
    }

    func run() async throws {
        let logger = options.server.logger
        for notice in tls?.notices ?? [] { logger.warning("\(notice)") }

        // Before the server: it asks for its metrics when it is made.
        let metricsServer = options.metrics.map { place in
            let metrics = PrometheusMetrics()
            MetricsSystem.bootstrap(metrics)
            return WebSocketServer.forMetrics(metrics, host: place.host, port: place.port, logger: logger)
        }
        var configuration = options.server
        configuration.tls = tls?.configuration
        // Whoever scrapes is answered at once, with figures that are a second old at most.
        configuration.metrics.interval = .seconds(1)
        let server = WebSocketServer(configuration)
        let identity = options.tls.map { ReloadableIdentity(source: $0, server: server, logger: logger) }
        server.addCommandRoutes(subprotocols: options.subprotocols, files: options.files)

        let service = AnnouncedServer(
            server: server,
            metricsServer: metricsServer,
            manager: manager
        ) { [options] port, metricsPort in
            let announcement = Announcement(
                host: options.server.host,
                port: port,
                engine: server.engine,
                tls: tls,
                servesFiles: options.files != nil,
                metrics: metricsPort.flatMap { port in options.metrics.map { ($0.host, port) } }
            )
            StandardOutput.write(announcement.text)
        }
        var services: [any Service] = [service]
        // At a terminal, a hang-up is the end of it, as it is of every program there.
        if !StandardInput.isTerminal {
            let signals = await UnixSignalsSequence(trapping: .sighup)
            services.append(HangUps(signals: signals, manager: manager, identity: identity, logger: logger))
        }
        // The group's own log lines are about its services, and what goes wrong with them is told below.
        var lifecycleLogger = logger
        lifecycleLogger.logLevel = .critical
        let trimming = Task { await HeapTrim.runForever() }
        defer { trimming.cancel() }
        do {
            try await ServiceGroup(services: services, logger: lifecycleLogger).runUntilSignal()
        } catch let error as ServerError {
            throw ExitStatus.failure.explained("\(error)")
        } catch let error as RouteError {
            // The directory was there when it was looked for, and has gone.
            throw ExitStatus.failure.explained("\(error)")
        }
    }
}

/// Says where the server is once it listens, which is after signals are heeded: whoever waits for the words may send
/// one at once.
private struct AnnouncedServer: Service {
    let server: WebSocketServer
    let metricsServer: WebSocketServer?
    let manager: ServiceManager
    /// Is told the ports that the system chose.
    let announce: @Sendable (Int, Int?) -> Void

    func run() async throws {
        let metricsPort = try await metricsServer?.start().port
        let port = try await server.start().port
        // Told nothing of the shutdown, so that it can be watched to its end.
        let watching = Task.detached { try await metricsServer?.run() }
        announce(port ?? server.configuration.port, metricsPort)
        manager.tell(.ready)
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            manager.tell(.stopping)
        }
        watching.cancel()
        try await watching.value
    }
}
