package import HTTPTypes
package import WebSocketProtocol

/// The request that opened a connection, as a connection keeps it.
///
/// A request received is kept as the bytes it came in, a third of what it takes when it is read: few ask for it,
/// and each idle connection has one.
package enum OpeningRequest: Sendable {
    case whole(HTTPRequest)
    /// A head that has been read already, within these limits.
    case head([UInt8], SharedLimits)

    package var request: HTTPRequest {
        switch self {
        case .whole(let request): return request
        case .head(let bytes, let limits):
            var parser = HTTPRequestParser(limits: limits.limits)
            var offset = 0
            let head = bytes.withUnsafeBytes { try? parser.parse($0, at: &offset) }
            // The same parser has taken the same bytes.
            return head?.request ?? HTTPRequest(method: .get, scheme: nil, authority: nil, path: nil)
        }
    }
}
