public import WebSocketProtocol

/// How one connection behaves: its limits, its buffers, its clocks.
public struct ConnectionOptions: Sendable, Hashable {
    /// What the peer may cost in frames and messages.
    public var limits: Limits

    /// permessage-deflate (RFC 7692): what a client offers, and what a server agrees to. Default: each
    /// message by itself, in both directions, so that an idle connection has no codec and no message tells
    /// of another; in ``ClientOptions``, ``DeflateOptions/client``. `nil`: none.
    public var compression: DeflateOptions?

    /// Received messages wait for their reader up to about this many bytes; past it the socket is not
    /// read until half of them are gone. Default 1 MiB. Each message is charged ``messageCharge`` bytes
    /// beside its own. One read's worth of messages may come on top.
    public var inboundHighWaterMark: Int

    /// What a waiting message is charged beside its bytes.
    public static let messageCharge = 256

    /// `send` suspends while more payload bytes than this wait to be sent. Default 1 MiB.
    public var outboundHighWaterMark: Int

    /// Sends that cannot suspend (from callbacks, to topics) are refused while more payload bytes than
    /// this wait. Default 16 MiB.
    public var outboundLimit: Int

    /// Messages larger than this are sent in fragments of this size, so that pings and the closing
    /// handshake need not wait for the whole of them. Default 1 MiB; `nil` never fragments.
    public var fragmentSize: Int?

    /// From the TCP connection, or the proxy's word that there is one, to the end of the opening handshake, TLS
    /// included. Default 10 s.
    public var handshakeTimeout: Duration

    /// From the beginning of the closing handshake to the end of the connection, whatever the peer does.
    /// Default 5 s.
    public var closeTimeout: Duration

    /// A ping is sent at least this often, so that a dead peer is noticed and no proxy takes the connection for
    /// idle. Default 20 s; `nil` never pings.
    public var pingInterval: Duration?

    /// How much earlier than it says a ping interval, an idle timeout or a maximum age may end: a part of it, another
    /// for each connection, so that those opened together do not all act together. 0 to 0.5, which any more is
    /// taken for; default 0.1: up to 10 % earlier, and never later.
    public var jitter: Double

    /// A connection keeps its part for life: with all of the time to draw from, one in some hundreds would ping without a
    /// pause, and be too old at once.
    static let mostJitter = 0.5

    /// How long after a ping the peer may be silent: anything it sends is a sign of life. Default 20 s.
    /// The clock stands still while this end does not read because its reader is slow.
    public var pongTimeout: Duration

    /// Without a message, or a part of one, in either direction for so long, the connection is closed with 1001 and
    /// ends with ``EndCause/idleTimeout``. Pings and pongs are no messages; while this end does not read because its
    /// reader is slow, the clock stands still. Noticed up to an eighth of this time later, so that no message has to
    /// read the clock. Default `nil`: never.
    public var idleTimeout: Duration?

    /// When open for so long, the connection is closed with 1001 and ends with ``EndCause/maximumAge``: clients that
    /// come again are spread anew among servers, and show their credentials anew. Default `nil`: never.
    public var maximumAge: Duration?

    /// The most pings taken from the peer in a second. Default 1,000. One more: close 1008.
    public var maxPingsPerSecond: Int

    /// - Parameters: see the properties of the same names.
    public init(
        limits: Limits = Limits(),
        compression: DeflateOptions? = DeflateOptions(),
        inboundHighWaterMark: Int = 1 << 20,
        outboundHighWaterMark: Int = 1 << 20,
        outboundLimit: Int = 16 << 20,
        fragmentSize: Int? = 1 << 20,
        handshakeTimeout: Duration = .seconds(10),
        closeTimeout: Duration = .seconds(5),
        pingInterval: Duration? = .seconds(20),
        pongTimeout: Duration = .seconds(20),
        jitter: Double = 0.1,
        idleTimeout: Duration? = nil,
        maximumAge: Duration? = nil,
        maxPingsPerSecond: Int = 1000
    ) {
        self.limits = limits
        self.compression = compression
        self.inboundHighWaterMark = inboundHighWaterMark
        self.outboundHighWaterMark = outboundHighWaterMark
        self.outboundLimit = outboundLimit
        self.fragmentSize = fragmentSize
        self.handshakeTimeout = handshakeTimeout
        self.closeTimeout = closeTimeout
        self.pingInterval = pingInterval
        self.pongTimeout = pongTimeout
        self.jitter = jitter
        self.idleTimeout = idleTimeout
        self.maximumAge = maximumAge
        self.maxPingsPerSecond = maxPingsPerSecond
    }
}
