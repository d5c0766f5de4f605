public import Logging
public import NIOSSL
public import WebSocketTransport

extension WebSocketServer {
    /// Where a server listens and how it treats its connections.
    public struct Configuration: Sendable {
        /// A name or an address. Default `127.0.0.1`: reachable from this machine only.
        public var host: String
        /// Default 9001; 0 lets the system choose.
        public var port: Int
        /// Certificate and key, for `wss:`. Default: none, `ws:`.
        public var tls: TLSConfiguration?
        /// Every connection's limits and clocks.
        public var connection: ConnectionOptions
        /// Asked at each opening handshake that offers compression. Default:
        /// ``WebSocketServer/refuseBrokenCompression(_:_:)``.
        public var compressionPolicy: CompressionPolicy {
            get { ownPolicy ?? WebSocketServer.refuseBrokenCompression }
            set { ownPolicy = newValue }
        }
        /// `nil` for the default, which can be asked without making a request of what came.
        private(set) var ownPolicy: CompressionPolicy?
        /// Event loops of the server's own. Default `nil`: those the process shares, one per core.
        public var workers: Int?
        /// What carries the connections. Default `nil`: the fastest that can serve, see
        /// ``WebSocketServer/Engine/fastest(withTLS:)``.
        public var engine: Engine?
        /// Who may come in, and how many.
        public var admission: Admission
        /// From the shutdown's beginning to the cut of whatever still runs. Default 10 s. Closing handshakes have
        /// ``ConnectionOptions/closeTimeout`` within it.
        public var shutdownTimeout: Duration
        /// Connections the system holds until they are accepted. Default 1,024.
        public var backlog: Int
        /// One line at `debug` when a connection opens, one when it ends, one per refusal. No
        /// payloads, no queries.
        public var logger: Logger

        /// - Parameters: see the properties of the same names; without a policy, the default one.
        public init(
            host: String = "127.0.0.1",
            port: Int = 9001,
            tls: TLSConfiguration? = nil,
            connection: ConnectionOptions = .init(),
            compressionPolicy: CompressionPolicy? = nil,
            workers: Int? = nil,
            engine: Engine? = nil,
            admission: Admission = .init(),
            shutdownTimeout: Duration = .seconds(10),
            backlog: Int = 1024,
            logger: Logger = Logger(label: "duplex.server")
        ) {
            self.host = host
            self.port = port
            self.tls = tls
            self.connection = connection
            ownPolicy = compressionPolicy
            self.workers = workers
            self.engine = engine
            self.admission = admission
            self.shutdownTimeout = shutdownTimeout
            self.backlog = backlog
            self.logger = logger
        }
    }
}

/// A server that could not start.
public enum ServerError: Error, Sendable, Hashable {
    /// Somebody listens there already.
    case addressInUse(host: String, port: Int)
    /// Listening failed for another reason, in the system's words.
    case cannotListen(host: String, port: Int, String)
    /// The server was started, or has run, already.
    case alreadyStarted
    /// ``WebSocketServer/Configuration/workers`` must be at least one.
    case noWorkers
    /// The engine asked for cannot serve this configuration, or not on this system.
    case engineUnavailable(WebSocketServer.Engine, String)
}

extension ServerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .addressInUse(let host, let port): "port \(port) of \(host) is in use by another program"
        case .cannotListen(let host, let port, let why): "cannot listen on port \(port) of \(host): \(why)"
        case .alreadyStarted: "the server was started already"
        case .engineUnavailable(let engine, let why):
            "the engine \(engine.rawValue) cannot serve this: \(why)"
        case .noWorkers: "a server needs at least one worker"
        }
    }
}
