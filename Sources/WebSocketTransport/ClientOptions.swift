public import HTTPTypes
public import NIOCore
public import NIOPosix
public import NIOSSL
public import WebSocketProtocol

/// How a client connects. See ``WebSocketConnection/connect(to:options:callbacks:)``.
public struct ClientOptions: Sendable {
    /// The connection once it is open, and the time its opening handshake may take.
    public var connection: ConnectionOptions

    /// Offered to the server, in order of preference. Default: none.
    public var subprotocols: [String]

    /// Whether a server that chooses none of ``subprotocols`` is refused, as browsers do. Default false: RFC 6455 §4.1
    /// leaves that to the client.
    public var requiresSubprotocol = false

    /// Further fields of the request: `Origin`, `Cookie`, `Authorization`, … Default: none.
    public var headers: HTTPFields

    /// From the call to the TCP connection, name lookup included; through a proxy, to the end of what is said
    /// with the proxy. Default 10 s.
    public var connectTimeout: Duration

    /// For `wss:`. The default verifies the server's chain against the system's authorities, and its name.
    public var tls: TLSConfiguration

    /// The proxy to connect through. Default: none, whatever the environment says;
    /// ``ClientProxy/fromEnvironment(for:environment:)`` asks it.
    public var proxy: ClientProxy?

    /// Where connections live. Default: the process's shared loops, one per core.
    public var eventLoopGroup: any EventLoopGroup

    /// - Parameters: see the properties of the same names.
    public init(
        connection: ConnectionOptions = .init(compression: .client),
        subprotocols: [String] = [],
        headers: HTTPFields = [:],
        connectTimeout: Duration = .seconds(10),
        tls: TLSConfiguration = .makeClientConfiguration(),
        proxy: ClientProxy? = nil,
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) {
        self.connection = connection
        self.subprotocols = subprotocols
        self.headers = headers
        self.connectTimeout = connectTimeout
        self.tls = tls
        self.proxy = proxy
        self.eventLoopGroup = eventLoopGroup
    }
}
