public import Logging
public import NIOSSL
public import Tracing
public import WebSocketTransport

extension WebSocketServer {
    /// Where a server listens and how it treats its connections.
    public struct Configuration: Sendable {
        /// A name or an address. Default `127.0.0.1`: reachable from this machine only.
        public var host: String
        /// Default 9001; 0 lets the system choose.
        public var port: Int
        /// Certificate and key, for `wss:`. Default: none, `ws:`. TLS 1.2 is the least, whatever it says. It is offered
        /// with HTTP/2 and HTTP/1.1, unless it names `applicationProtocols` of its own.
        ///
        /// With `trustRoots`, and `certificateVerification` set to `.noHostnameVerification`, every client must show a
        /// certificate that they vouch for, which an ``UpgradeHook`` finds in ``UpgradeRequest/peerCertificate``.
        public var tls: TLSConfiguration?
        /// WebSockets and pages over HTTP/2 (RFC 8441): with TLS by default, without it on demand.
        public var http2 = HTTP2Options()
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
        /// How the server stops.
        public var drain: DrainOptions
        /// The same as ``DrainOptions/deadline``.
        public var shutdownTimeout: Duration {
            get { drain.deadline }
            set { drain.deadline = newValue }
        }
        /// Connections the system holds until they are accepted. Default 1,024.
        public var backlog: Int
        /// One line at `info` when a connection opens, one when it ends, one per refusal, of these at most 20 a second.
        /// No messages, no queries, no values of header fields.
        public var logger: Logger
        /// Who takes figures, and how often. Default: swift-metrics' own factory, every 5 s.
        public var metrics = MetricsOptions()
        /// Who traces opening handshakes. Default `nil`: swift-distributed-tracing's own, as it was bootstrapped when the
        /// server starts.
        public var tracer: (any Tracer)?
        /// What topics may cost: names, subscriptions, messages on their way to the event loops.
        public var topics = TopicLimits()

        /// - Parameters: see the properties of the same names; without a policy, the default one; without a
        ///   `shutdownTimeout`, the deadline of `drain`.
        public init(
            host: String = "127.0.0.1",
            port: Int = 9001,
            tls: TLSConfiguration? = nil,
            connection: ConnectionOptions = .init(),
            compressionPolicy: CompressionPolicy? = nil,
            workers: Int? = nil,
            engine: Engine? = nil,
            admission: Admission = .init(),
            drain: DrainOptions = .init(),
            shutdownTimeout: Duration? = nil,
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
            self.drain = drain
            if let shutdownTimeout { self.drain.deadline = shutdownTimeout }
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
    /// An opening handshake that may take no time.
    case noTimeToOpen
    /// ``WebSocketServer/Configuration/drain`` cannot be done: a code that is never sent, a reason that is too long, or
    /// times that do not fit in the deadline.
    case wrongDrain(String)
    /// A configuration of TLS that leaves nothing but versions before 1.2.
    case tlsTooOld
    /// A server without TLS was given a certificate.
    case withoutTLS
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
        case .tlsTooOld: "TLS before 1.2 is not served, and the configuration allows nothing else"
        case .withoutTLS: "the server was made without TLS"
        case .noWorkers: "a server needs at least one worker"
        case .noTimeToOpen: "an opening handshake takes some time"
        case .wrongDrain(let why): "the server could not stop as it is told to: \(why)"
        }
    }
}
