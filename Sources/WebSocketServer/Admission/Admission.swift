extension WebSocketServer {
    /// Who may come in, and how many.
    ///
    /// The checks are made in this order, for requests for WebSockets alike over HTTP/1.1 and HTTP/2, before a
    /// route's hook is asked: who the client is, `Origin`, connections in all and per address, handshakes a second.
    public struct Admission: Sendable {
        // MARK: Browsers

        /// Which web pages may open WebSockets; others are refused with 403. Default: ``OriginPolicy/sameHost``.
        public var origins: OriginPolicy
        /// Whether a request without `Origin`, which is no browser's, is refused with 403. Default: false.
        public var requiresOrigin: Bool
        /// Names and addresses by which browsers know this server, without ports; others than these and loopback's
        /// are then refused with 403 to pages of the same host. Default: none.
        ///
        /// A server whose ``Configuration/host`` is a loopback address, or `localhost`, checks without a list too:
        /// a stranger's name that means 127.0.0.1 would otherwise make the stranger's page one of the server's own
        /// (DNS rebinding). There `localhost`, names below it and loopback addresses are known, and so is any host of
        /// a request that has come by a proxy on the same machine: one with the PROXY protocol or a field
        /// `Forwarded`, `X-Forwarded-*`, `X-Real-IP` or `Via`, which no page can add. A proxy that passes on the
        /// public `Host` and adds none of them needs its names listed here.
        ///
        /// Origins that are listed in ``origins`` and clients that are no browsers are not asked for it.
        public var allowedHosts: [String]

        // MARK: Proxies

        /// Proxies whose ``forwardedFields`` are believed: they say who the client is, whether it spoke TLS, and what
        /// host it asked for. From anybody else those fields are ignored. Default: none.
        ///
        /// Among several hops the one furthest to the right that is not itself in these ranges is the client.
        public var trustedProxies: [AddressRange]
        /// Which fields trusted proxies write. Default: ``ForwardedFields/either``.
        public var forwardedFields: ForwardedFields
        /// Whether connections begin with HAProxy's header. Default: ``ProxyProtocol/off``.
        public var proxyProtocol: ProxyProtocol

        // MARK: How many

        /// Connections at a time, those in the opening handshake and those that are being answered included; a
        /// request for another WebSocket is refused with 503 and `Retry-After`. Default 100,000, which costs some
        /// 150 MB while all of them are idle; `nil` for as many as the system has descriptors for.
        public var maxConnections: Int?
        /// Connections at a time above which a new one is closed as it is accepted, without a word. Between the two
        /// there is room to say 503 and to answer for health. Default `nil`: 1,024 above ``maxConnections``.
        public var maxSockets: Int?
        /// Connections at a time of one client's address, of IPv6 of one network of 64 bits, counted as in
        /// ``maxConnections``; refused with 429 and `Retry-After`. Above twice as many, and at least 16 more, a new
        /// one is closed as it is accepted. Default `nil`: an office, a mobile network or a proxy that is not in
        /// ``trustedProxies`` is one address to us, and many people.
        public var maxConnectionsPerAddress: Int?
        /// Requests for WebSockets a second; refused with 503 and `Retry-After`. Default `nil`: any.
        public var handshakeRate: HandshakeRate?
        /// Requests for WebSockets a second of one client's address; refused with 429 and `Retry-After`. Default
        /// `nil`: any.
        public var handshakeRatePerAddress: HandshakeRate?
        /// Addresses that are remembered for the two limits by address, some 50 bytes each. Default 131,072: more
        /// than ``maxConnections``, so that every connection is counted.
        ///
        /// When there are more, those without a connection are forgotten first, with their rate. If all have one, a
        /// new address is not limited by itself, only by the limits for all.
        public var maxTrackedAddresses: Int

        /// - Parameters: see the properties of the same names.
        public init(
            origins: OriginPolicy = .sameHost,
            requiresOrigin: Bool = false,
            allowedHosts: [String] = [],
            trustedProxies: [AddressRange] = [],
            forwardedFields: ForwardedFields = .either,
            proxyProtocol: ProxyProtocol = .off,
            maxConnections: Int? = 100_000,
            maxSockets: Int? = nil,
            maxConnectionsPerAddress: Int? = nil,
            handshakeRate: HandshakeRate? = nil,
            handshakeRatePerAddress: HandshakeRate? = nil,
            maxTrackedAddresses: Int = 131_072
        ) {
            self.origins = origins
            self.requiresOrigin = requiresOrigin
            self.allowedHosts = allowedHosts
            self.trustedProxies = trustedProxies
            self.forwardedFields = forwardedFields
            self.proxyProtocol = proxyProtocol
            self.maxConnections = maxConnections
            self.maxSockets = maxSockets
            self.maxConnectionsPerAddress = maxConnectionsPerAddress
            self.handshakeRate = handshakeRate
            self.handshakeRatePerAddress = handshakeRatePerAddress
            self.maxTrackedAddresses = maxTrackedAddresses
        }
    }
}

/// HAProxy's PROXY protocol, by which a proxy that passes on bytes says whose they are, ahead of them and of TLS.
public enum ProxyProtocol: Sendable, Hashable {
    /// Nobody sends it.
    case off
    /// Every connection begins with a header of version 1 or 2. It is not guessed whether there is one: a connection
    /// from elsewhere than these ranges, or that begins with anything else, is closed without a word. A header has
    /// 107 bytes at most in version 1, 16 + 4,096 in version 2, and ``ConnectionOptions/handshakeTimeout``.
    case required(from: [AddressRange])
}

/// How many handshakes a second are served: so many on the average, and so many at once (a token bucket).
public struct HandshakeRate: Sendable, Hashable {
    /// On the average; more than 0, at most 1,000,000.
    public var perSecond: Double
    /// After a while without any; at least 1.
    public var burst: Int

    public init(perSecond: Double, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// Why a connection or a request for a WebSocket was turned away.
public enum AdmissionRefusal: String, Sendable, Hashable, CaseIterable {
    /// 403: see ``WebSocketServer/Admission/origins``.
    case origin
    /// 403: see ``WebSocketServer/Admission/allowedHosts``.
    case host
    /// 400: a trusted proxy's fields are malformed, or contradict each other.
    case forwarded
    /// 503: see ``WebSocketServer/Admission/maxConnections``.
    case connections
    /// 429: see ``WebSocketServer/Admission/maxConnectionsPerAddress``.
    case connectionsOfAddress
    /// 503: see ``WebSocketServer/Admission/handshakeRate``.
    case rate
    /// 429: see ``WebSocketServer/Admission/handshakeRatePerAddress``.
    case rateOfAddress
    /// Closed as it was accepted: see ``WebSocketServer/Admission/maxSockets``.
    case sockets
    /// Closed as it was accepted, or as soon as its address was known: see
    /// ``WebSocketServer/Admission/maxConnectionsPerAddress``.
    case socketsOfAddress
    /// Closed: from an address that ``ProxyProtocol/required(from:)`` does not have.
    case notAProxy
    /// Closed: the PROXY protocol's header was malformed.
    case proxyHeader
}
