public import HTTPTypes
public import WebSocketProtocol

extension WebSocketServer {
    /// Decides at an opening handshake whether, and how, its connection is compressed.
    ///
    /// It is given the request and ``ConnectionOptions/compression``, and returns what to agree to, or `nil`
    /// for none. Runs on an event loop and must not block.
    public typealias CompressionPolicy = @Sendable (HTTPRequest, DeflateOptions) -> DeflateOptions?

    /// Refuses compression to browsers known to compress wrongly: Safari 15.0 to 15.3 sends frames that
    /// cannot be decompressed.
    public static func refuseBrokenCompression(
        _ request: HTTPRequest,
        _ options: DeflateOptions
    ) -> DeflateOptions? {
        let agent = request.headerFields[.userAgent] ?? ""
        let isBroken = ["Version/15.0", "Version/15.1", "Version/15.2", "Version/15.3"].contains { version in
            guard let place = agent.firstRange(of: version) else { return false }
            // Not 15.30, should there ever be one.
            return !(agent[place.upperBound...].first?.isNumber ?? false)
        }
        return isBroken && agent.contains("Safari/") ? nil : options
    }

    /// Whether a browser of this name has to be looked at by ``refuseBrokenCompression(_:_:)``.
    static func mayCompressWrongly(_ agent: ArraySlice<UInt8>?) -> Bool {
        guard let agent else { return false }
        let version = Array("Version/15.".utf8)
        return agent.indices.contains { agent[$0...].starts(with: version) }
    }
}
