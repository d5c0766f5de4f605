import ArgumentParser
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// `duplex serve`
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves an echo, topics and a console for the browser.",
        discussion: """
            Paths: / is the console, /echo answers every message with itself, every message to /topic/NAME goes \
            to all who are on NAME, /healthz answers "ok", /readyz "ready" until the server begins to stop. With \
            --static, / is the files of a directory, and /.duplex/ is the console.

            SIGINT (Ctrl-C) or SIGTERM closes every connection with 1012, one after the other, waits up to five \
            seconds for the peers' answers, and stops. A second signal cuts what is left.
            """
    )

    @Option(help: "The name or address to listen at.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 lets the system choose.")
    var port: UInt16 = 9001

    @Option(help: ArgumentHelp("The number of event loops. (default: one per core)", valueName: "count"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            "What carries the connections: SwiftNIO, or Linux's epoll or io_uring. (default: the fastest there is)",
            valueName: "nio|epoll|io_uring"
        ),
        transform: { name in
            guard let engine = WebSocketServer.Engine(rawValue: name) else {
                throw ValidationError("--engine must be nio, epoll or io_uring")
            }
            return engine
        }
    )
    var engine: WebSocketServer.Engine?

    @Option(help: ArgumentHelp("The largest message taken, such as 65536, 64KiB or 2GiB.", valueName: "size"))
    var maxMessageSize = ByteCount(Limits().maxMessageSize)

    @Option(
        help: ArgumentHelp(
            "A subprotocol spoken on every path; repeat for more, the preferred first.",
            valueName: "name"
        )
    )
    var subprotocol: [String] = []

    @Option(
        help: ArgumentHelp(
            "Compression: off, each message by itself, or with the memory of the whole connection.",
            valueName: "off|message|connection"
        )
    )
    var compression = CompressionMode.message

    @Option(
        name: .customLong("static"),
        help: ArgumentHelp(
            "Serve the files of a directory at /; the console moves to /.duplex/.",
            valueName: "directory"
        )
    )
    var files: String?

    @Flag(name: .shortAndLong, help: "Log connections and refusals to standard error.")
    var verbose = false

    func validate() throws {
        if let workers, workers < 1 { throw ValidationError("--workers must be at least 1") }
    }

    func run() async throws {
        DescriptorLimit.raise()
        var logger = Logger(label: "duplex")
        logger.logLevel = verbose ? .debug : .warning
        var connection = ConnectionOptions()
        connection.limits.maxMessageSize = maxMessageSize.bytes
        connection.compression = compression.options
        let server = WebSocketServer(
            .init(
                host: host,
                port: Int(port),
                connection: connection,
                workers: workers,
                engine: engine,
                logger: logger
            )
        )
        server.addCommandRoutes(subprotocols: subprotocol, files: files)

        // The group's own log lines are about its services; this server has just one, whose errors are told below.
        var lifecycleLogger = logger
        lifecycleLogger.logLevel = .critical
        let service = AnnouncedServer(server: server) { [port] address in
            announce(port: address.port ?? Int(port), engine: server.engine)
        }
        do {
            try await ServiceGroup(services: [service], logger: lifecycleLogger).runUntilSignal()
        } catch let error as ServerError {
            throw ExitStatus.failure.explained("\(error)")
        } catch let error as RouteError {
            // The paths are ours and right; the directory is not.
            throw ExitStatus.failure.explained("\(error)")
        }
    }

    /// Says where the server is once it listens, which is after signals are heeded: whoever waits for the words may
    /// send one at once.
    private struct AnnouncedServer: Service {
        let server: WebSocketServer
        let announce: @Sendable (SocketAddress) -> Void

        func run() async throws {
            announce(try await server.start())
            try await server.run()
        }
    }

    private func announce(port: Int, engine: WebSocketServer.Engine?) {
        let place = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
        let console = WebSocketServer.consolePath(besideFiles: files != nil)
        let filesLine = files == nil ? "" : "\n  files    http://\(place)/"
        StandardOutput.write(
            """
            Duplex serves on \(place)

              console  http://\(place)\(console)\(filesLine)
              echo     ws://\(place)/echo
              topics   ws://\(place)/topic/NAME
              health   http://\(place)/healthz
              engine   \(engine?.rawValue ?? "")

            Ctrl-C stops it.

            """
        )
    }
}
