/// A `ws:` or `wss:` URL (RFC 6455 §3).
///
/// The scheme may also be `http:` or `https:`, which mean the same here as in the browser's API.
/// Characters beyond ASCII in path and query are percent-encoded; in the host they are refused.
public struct WebSocketURL: Sendable, Hashable {
    public let isSecure: Bool
    /// A name or an address, without brackets.
    public let host: String
    public let port: Int
    /// What goes into the request line; begins with a slash.
    public let pathAndQuery: String

    /// - Throws: ``UsageError/invalidURL(_:)`` saying what is wrong.
    public init(_ text: String) throws(UsageError) {
        // Over bytes: a Character can hide a delimiter under an accent.
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            bytes[(colon + 1)...].starts(with: "//".utf8)
        else { throw .invalidURL("\"\(text)\" has no scheme: ws:// or wss:// is expected") }
        switch String(decoding: bytes[..<colon], as: UTF8.self).lowercased() {
        case "ws", "http": isSecure = false
        case "wss", "https": isSecure = true
        case let other: throw .invalidURL("scheme \"\(other)\" is not ws or wss")
        }
        let rest = bytes[(colon + 3)...]
        // RFC 6455 §3: a fragment means nothing here and must not be used.
        guard !rest.contains(UInt8(ascii: "#")) else {
            throw .invalidURL("a WebSocket URL has no fragment (#)")
        }
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = String(decoding: rest[..<end], as: UTF8.self)
        guard !rest[..<end].contains(UInt8(ascii: "@")) else {
            throw .invalidURL("a user or password in the URL is not used here")
        }
        guard HTTPGrammar.isAuthority(authority) else {
            throw .invalidURL("\"\(authority)\" is not a host with an optional port")
        }
        let portMark = authority.lastIndex(of: ":").flatMap { authority[$0...].contains("]") ? nil : $0 }
        let hostText = authority[..<(portMark ?? authority.endIndex)]
        host = hostText.hasPrefix("[") ? String(hostText.dropFirst().dropLast()) : String(hostText)
        let portText = portMark.map { authority[authority.index(after: $0)...] } ?? ""
        if portText.isEmpty {
            port = isSecure ? 443 : 80
        } else {
            guard let number = UInt16(portText), number > 0 else {
                throw .invalidURL("port \(portText) is not one")
            }
            port = Int(number)
        }
        pathAndQuery = try Self.encoded(rest[end...])
    }

    private static func encoded(_ text: ArraySlice<UInt8>) throws(UsageError) -> String {
        var output: [UInt8] = text.first == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text {
            switch byte {
            case 0..<0x20, 0x7F: throw .invalidURL("control character in the URL")
            case 0x21..<0x7F
            where byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "<") && byte != UInt8(ascii: ">"):
                output.append(byte)
            default:
                output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Host and port as `Host` wants them: the port only when it is not the scheme's own (RFC 6455 §4.1).
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}

extension WebSocketURL: CustomStringConvertible {
    public var description: String { "\(isSecure ? "wss" : "ws")://\(authority)\(pathAndQuery)" }
}
