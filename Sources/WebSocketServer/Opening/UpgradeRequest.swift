public import HTTPTypes
public import NIOCore
public import NIOSSL
public import WebSocketProtocol

/// A request for a WebSocket, as whoever decides about it sees it: it has passed every check of the standard.
public struct UpgradeRequest: Sendable {
    /// As it came. Over HTTP/2 it is an extended `CONNECT` (RFC 8441 §4).
    public let request: HTTPRequest
    /// The route's, percent-decoded.
    public let parameters: [String: String]
    /// Where the client is, as far as it is known.
    public let remoteAddress: SocketAddress?
    /// Whether it came by TLS.
    public let isSecure: Bool
    public let httpVersion: HTTPVersion
    /// What the client offers, in its order of preference.
    public let offeredSubprotocols: [String]
    /// The certificate that the client showed and that was verified, under mutual TLS.
    public let peerCertificate: NIOSSLCertificate?
}

extension UpgradeRequest {
    /// The first value of a name in the query, decoded as forms are (WHATWG URL §5.1).
    ///
    /// - Returns: `nil` where the query has no such name, or what stands there is not UTF-8.
    public func queryValue(_ name: String) -> String? {
        guard let path = request.path, let mark = path.utf8.firstIndex(of: UInt8(ascii: "?")) else {
            return nil
        }
        for pair in path.utf8[path.utf8.index(after: mark)...].split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(
                separator: UInt8(ascii: "="),
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            guard let key = Self.formDecoded(parts[0]), key.utf8.elementsEqual(name.utf8) else { continue }
            return parts.count > 1 ? Self.formDecoded(parts[1]) : ""
        }
        return nil
    }

    private static func formDecoded(_ text: Substring.UTF8View) -> String? {
        RequestPath.percentDecoded(text.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }[...])
    }

    /// The first value of a cookie (RFC 6265 §4.2).
    public func cookie(_ name: String) -> String? {
        for field in request.headerFields[values: .cookie] {
            for pair in field.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, parts[0].trimmed == name else { continue }
                return parts[1].trimmed
            }
        }
        return nil
    }

    /// The token of `Authorization: Bearer …` (RFC 6750 §2.1).
    public var bearerToken: String? {
        let fields = request.headerFields[values: .authorization]
        guard fields.count == 1, let field = fields.first else { return nil }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return parts[1].trimmed
    }
}

extension Substring {
    /// Without spaces and tabs around it.
    fileprivate var trimmed: String {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
