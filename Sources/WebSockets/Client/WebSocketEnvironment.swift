public import HTTPTypes
public import NIOCore
public import NIOPosix
public import NIOSSL
public import WebSocketProtocol
public import WebSocketTransport

/// What a browser has around a page's sockets: limits they share, trust, cookies, the way to the network.
///
/// ``shared`` is the process's own, as a browser is its pages'. Make another for sockets that are to have other
/// settings, or that are not to count among the rest.
public final class WebSocketEnvironment: Sendable {
    /// The environment of sockets that were given none.
    public static let shared = WebSocketEnvironment()

    /// The settings. They cannot be changed later, since sockets rely on them.
    public let configuration: Configuration
    let slots: ConnectionSlots

    public init(_ configuration: Configuration = .init()) {
        self.configuration = configuration
        slots = ConnectionSlots(limit: configuration.maxConnections)
    }

    /// Sockets that are connecting, open or closing now. At most ``Configuration/maxConnections``.
    public var liveConnections: Int { slots.live }

    /// See ``WebSocketEnvironment``.
    public struct Configuration: Sendable {
        /// The most sockets that may live at a time. One more fails at once. Default 200, as in Gecko.
        public var maxConnections: Int

        /// Whether a socket waits while another connects to the same host and port, as RFC 6455 §4.1 wants it of
        /// clients. Default true. Turn it off to measure a server, not to use one.
        public var connectsOneByOne: Bool

        /// For `wss:`. The default verifies the server's chain against the system's authorities, and its name.
        public var tls: TLSConfiguration

        /// Brings cookies for a request and takes those of the answer. Default: none.
        public var cookies: (any CookieProvider)?

        /// The proxy to go through. Default: none; `ClientProxy.fromEnvironment(for:)` tells what the
        /// process's environment asks for.
        public var proxy: ClientProxy?

        /// Further fields of every request, such as `Authorization`, which a browser's page cannot send. Default: none.
        public var headers: HTTPFields

        /// The base of relative URLs. Default `nil`: URLs have to be absolute.
        public var baseURL: WebURL?

        /// The `Origin` of every request. Default: that of ``baseURL``; without one, none is sent, as by other
        /// programs that are no browsers.
        public var origin: String?

        /// permessage-deflate as offered to servers; `nil`: none. Default `DeflateOptions.client`.
        public var compression: DeflateOptions?

        /// Limits, buffers and clocks of each connection. ``compression`` stands in place of the one there.
        public var connection: ConnectionOptions

        /// From the call to the TCP connection, name lookup included. Default 10 s.
        public var connectTimeout: Duration

        /// The most that ``WebSocket/bufferedAmount`` may come to: a `send` beyond it closes the socket, as the
        /// standard wants it of a buffer that is full. Default 256 MiB.
        public var maxBufferedAmount: Int

        /// Whether the ports are refused that browsers refuse (Fetch §2.9). Default true.
        public var blocksPorts: Bool

        /// Called with what a listener of a ``WebSocket`` throws, where its events come. Default `nil`: a line on standard
        /// error, as a browser has it in its console.
        public var onUncaughtError: (@Sendable (any Error) -> Void)?

        /// Where connections live. Default: the process's shared loops, one per core.
        public var eventLoopGroup: any EventLoopGroup

        /// - Parameters: see the properties of the same names.
        public init(
            maxConnections: Int = 200,
            connectsOneByOne: Bool = true,
            tls: TLSConfiguration = .makeClientConfiguration(),
            cookies: (any CookieProvider)? = nil,
            proxy: ClientProxy? = nil,
            headers: HTTPFields = [:],
            baseURL: WebURL? = nil,
            origin: String? = nil,
            compression: DeflateOptions? = .client,
            connection: ConnectionOptions = .init(),
            connectTimeout: Duration = .seconds(10),
            maxBufferedAmount: Int = 256 << 20,
            blocksPorts: Bool = true,
            onUncaughtError: (@Sendable (any Error) -> Void)? = nil,
            eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
        ) {
            self.maxConnections = maxConnections
            self.connectsOneByOne = connectsOneByOne
            self.tls = tls
            self.cookies = cookies
            self.proxy = proxy
            self.headers = headers
            self.baseURL = baseURL
            self.origin = origin
            self.compression = compression
            self.connection = connection
            self.connectTimeout = connectTimeout
            self.maxBufferedAmount = maxBufferedAmount
            self.blocksPorts = blocksPorts
            self.onUncaughtError = onUncaughtError
            self.eventLoopGroup = eventLoopGroup
        }
    }
}

/// Where cookies come from and go to. Duplex keeps none itself.
public protocol CookieProvider: Sendable {
    /// The value of the `Cookie` field for a request to `url`, or `nil` to send none.
    ///
    /// An error keeps the socket from opening.
    func cookies(for url: WebURL) async throws -> String?

    /// Takes the `Set-Cookie` fields of the answer to the opening handshake, granted or refused.
    func setCookies(_ fields: [String], from url: WebURL) async
}
