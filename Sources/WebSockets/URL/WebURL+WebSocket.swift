extension WebURL {
    /// The URL of a WebSocket, from what its constructor was given (WebSockets Standard, "get a URL record").
    ///
    /// `http:` and `https:` mean `ws:` and `wss:`.
    ///
    /// - Throws: ``URLParseFailure``, if `text` is no URL, has any other scheme, or has a fragment, be it empty.
    public static func webSocketURL(_ text: String, base: WebURL? = nil) throws(URLParseFailure) -> WebURL {
        var url = try WebURL(text, base: base)
        switch url.scheme {
        case "ws", "wss": break
        // Each pair has its default port in common, so the port stays right as it is.
        case "http": url.scheme = "ws"
        case "https": url.scheme = "wss"
        default: throw URLParseFailure(.webSocketScheme(url.scheme))
        }
        guard url.fragment == nil else { throw URLParseFailure(.webSocketFragment) }
        return url
    }

    /// Whether browsers refuse to connect to this port for HTTP and WebSockets, because a service that is no web
    /// server and might be fooled by the request usually listens there (Fetch Standard §2.9).
    public static func isBlockedPort(_ port: UInt16) -> Bool {
        switch port {
        case 0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95,
            101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179,
            389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
            989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566,
            6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080:
            true
        default: false
        }
    }
}
