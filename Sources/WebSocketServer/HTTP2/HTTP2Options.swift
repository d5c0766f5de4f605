extension WebSocketServer {
    /// How a server speaks HTTP/2: WebSockets as streams of one connection (RFC 8441), and its pages.
    public struct HTTP2Options: Sendable, Hashable {
        /// Whether TLS offers it beside HTTP/1.1 (ALPN). Default: yes. A client that offers neither gets HTTP/1.1.
        public var isEnabled: Bool

        /// Whether a server without TLS serves it too, to clients that begin with it unasked ("prior knowledge", RFC
        /// 9113 §3.3), as proxies do. Default: no. It takes ``WebSocketServer/Engine/nio``.
        public var allowsCleartext: Bool

        /// Streams that a client may have open at a time on one connection, sockets and requests alike. Default 100.
        /// One more is refused; a client that was told so and goes on loses its connection.
        public var maxConcurrentStreams: Int

        /// Bytes of one stream that may be on their way to a reader that does not read: what an unread stream may
        /// cost in memory. Default 256 KiB, which carries about 5 MB in a second over 50 ms. The connection as a
        /// whole has four times as much on its way, and never waits for a stream that is not read.
        public var initialWindow: Int

        /// How long a connection without streams is kept. Default 60 s.
        public var idleTimeout: Duration

        /// Streams that a client may reset within 30 s. Default 200. One more ends the connection with
        /// `ENHANCE_YOUR_CALM`.
        public var maxResets: Int

        /// Frames that carry nothing of a stream's (`PING`, `SETTINGS`, `PRIORITY`, `CONTINUATION`, empty `DATA` and
        /// whatever is unknown) within 10 s, each counted once more for every 64 bytes of it; and `WINDOW_UPDATE`
        /// beyond four for each frame of `DATA` that was sent. Default 1,000. One more ends the connection with
        /// `ENHANCE_YOUR_CALM`.
        public var maxControlFrames: Int

        /// Whether a `CONNECT` without `Sec-WebSocket-Version` is taken for one of version 13: some proxies forget to
        /// translate it. Default: no, it is answered 400.
        public var toleratesMissingVersion: Bool

        /// - Parameters: see the properties of the same names.
        public init(
            isEnabled: Bool = true,
            allowsCleartext: Bool = false,
            maxConcurrentStreams: Int = 100,
            initialWindow: Int = 256 << 10,
            idleTimeout: Duration = .seconds(60),
            maxResets: Int = 200,
            maxControlFrames: Int = 1000,
            toleratesMissingVersion: Bool = false
        ) {
            self.isEnabled = isEnabled
            self.allowsCleartext = allowsCleartext
            self.maxConcurrentStreams = maxConcurrentStreams
            self.initialWindow = initialWindow
            self.idleTimeout = idleTimeout
            self.maxResets = maxResets
            self.maxControlFrames = maxControlFrames
            self.toleratesMissingVersion = toleratesMissingVersion
        }
    }
}
