public import WebSocketProtocol

/// A proxy for a client to connect through; see ``ClientOptions/proxy``.
///
/// The proxy is told the server's name as it stands in the URL and resolves it: nothing is looked up here but the
/// proxy itself. With `wss:`, TLS is spoken with the server through the proxy, which sees nothing of it, and it is
/// the server's certificate that is verified. The connection's ``WebSocketConnection/remoteAddress`` is the proxy's.
///
/// User and password can be given and not read: they appear in no description, error or log.
public struct ClientProxy: Sendable, Hashable {
    /// What is spoken with a proxy.
    public enum Kind: Sendable, Hashable {
        /// HTTP CONNECT (RFC 9110 §9.3.6), the password as Basic authentication has it (RFC 7617).
        case http
        /// SOCKS 5 (RFC 1928), the password as RFC 1929 has it.
        case socks5
    }

    struct Credentials: Sendable, Hashable {
        let username: String
        let password: String
    }

    public let kind: Kind
    /// A name or an address, without brackets.
    public let host: String
    public let port: Int
    let credentials: Credentials?

    /// A proxy for HTTP CONNECT.
    ///
    /// - Parameter username: `nil` for a proxy that wants no password.
    /// - Throws: ``UsageError/invalidProxy(_:)``.
    public static func http(
        host: String,
        port: Int,
        username: String? = nil,
        password: String = ""
    ) throws(UsageError) -> ClientProxy {
        let credentials = username.map { Credentials(username: $0, password: password) }
        return try ClientProxy(kind: .http, host: host, port: port, credentials: credentials)
    }

    /// A proxy for SOCKS 5.
    ///
    /// - Parameter username: `nil` for a proxy that wants no password.
    /// - Throws: ``UsageError/invalidProxy(_:)``.
    public static func socks5(
        host: String,
        port: Int,
        username: String? = nil,
        password: String = ""
    ) throws(UsageError) -> ClientProxy {
        let credentials = username.map { Credentials(username: $0, password: password) }
        return try ClientProxy(kind: .socks5, host: host, port: port, credentials: credentials)
    }

    private init(kind: Kind, host: String, port: Int, credentials: Credentials?) throws(UsageError) {
        guard HTTPGrammar.isAuthority(host.contains(":") ? "[\(host)]" : host) else {
            throw .invalidProxy("its host is neither a name nor an address")
        }
        guard (1...65_535).contains(port) else { throw .invalidProxy("port \(port) is not one") }
        if let credentials { try Self.check(credentials, kind) }
        (self.kind, self.host, self.port, self.credentials) = (kind, host, port, credentials)
    }

    private static func check(_ credentials: Credentials, _ kind: Kind) throws(UsageError) {
        let (username, password) = (credentials.username.utf8, credentials.password.utf8)
        switch kind {
        case .http:
            // RFC 7617 §2.
            guard !username.contains(UInt8(ascii: ":")) else {
                throw .invalidProxy("a user's name with a colon cannot be told to an HTTP proxy")
            }
            guard !username.contains(where: isControl), !password.contains(where: isControl) else {
                throw .invalidProxy(
                    "a user or password with control characters cannot be told to an HTTP proxy"
                )
            }
        case .socks5:
            // RFC 1929 §2, which would have a password of one byte at least; proxies take the empty one.
            guard (1...255).contains(username.count), password.count <= 255 else {
                throw .invalidProxy(
                    "user and password of \(username.count) and \(password.count) bytes, SOCKS takes up to 255 of each"
                )
            }
        }
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

    /// A proxy as settings and environments have it: `http://proxy.example:3128`,
    /// `socks5://user:password@127.0.0.1`.
    ///
    /// The schemes are `http` (port 80 unless another is given), `socks5` and `socks5h` (port 1080; they mean the
    /// same: the proxy resolves the names). Without a scheme it is `http`. What is no letter, digit or `-._~` in
    /// user and password should be written as `%` and two hexadecimal digits.
    ///
    /// - Throws: ``UsageError/invalidProxy(_:)``, in words that hold nothing of the user and password.
    public init(_ text: String) throws(UsageError) {
        // Over bytes: a Character can hide a delimiter under an accent.
        var rest = Array(text.utf8)[...]
        var kind = Kind.http
        if let mark = rest.firstRange(of: Array("://".utf8)) {
            kind = try Self.kind(of: rest[..<mark.lowerBound])
            rest = rest[mark.upperBound...]
        }
        let end = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
        guard rest[end...].isEmpty || rest[end...].elementsEqual("/".utf8) else {
            // No part of it is shown: it may be a password in which / should have been %2F.
            throw .invalidProxy(
                "its URL has something behind host and port (in a password, / is written %2F)"
            )
        }
        var authority = rest[..<end]
        var credentials: Credentials?
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            credentials = try Self.credentials(in: authority[..<at])
            authority = authority[(at + 1)...]
        }
        let place = String(decoding: authority, as: UTF8.self)
        guard HTTPGrammar.isAuthority(place) else {
            throw .invalidProxy("its URL has no host with an optional port where one is expected")
        }
        let portMark = place.lastIndex(of: ":").flatMap { place[$0...].contains("]") ? nil : $0 }
        let host = place[..<(portMark ?? place.endIndex)]
        let port = portMark.map { place[place.index(after: $0)...] } ?? ""
        try self.init(
            kind: kind,
            host: host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host),
            port: port.isEmpty ? (kind == .http ? 80 : 1080) : Int(port) ?? 0,
            credentials: credentials
        )
    }

    private static func kind(of scheme: ArraySlice<UInt8>) throws(UsageError) -> Kind {
        let name = String(decoding: scheme, as: UTF8.self).lowercased()
        switch name {
        case "http": return .http
        case "socks5", "socks5h": return .socks5
        case "https": throw .invalidProxy("TLS with the proxy itself is not supported; http and socks5 are")
        default:
            let isScheme = name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-.".utf8.contains(byte)
            }
            // What is no scheme may be a password.
            throw .invalidProxy(
                "\(isScheme ? "scheme \"\(name)\"" : "its URL's scheme") is not http or socks5"
            )
        }
    }

    private static func credentials(in text: ArraySlice<UInt8>) throws(UsageError) -> Credentials? {
        let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        let username = try decoded(text[..<colon])
        let password = try decoded(text[colon...].dropFirst())
        return username.isEmpty && password.isEmpty
            ? nil : Credentials(username: username, password: password)
    }

    /// Without its percent-encoding (RFC 3986 §2.1).
    private static func decoded(_ text: ArraySlice<UInt8>) throws(UsageError) -> String {
        var (rest, bytes): (ArraySlice<UInt8>, [UInt8]) = (text, [])
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                throw .invalidProxy("a % in user or password is not followed by two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw .invalidProxy("user or password is not UTF-8")
        }
        return decoded
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension ClientProxy: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Its URL, without user and password.
    public var description: String {
        let place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        return "\(kind == .http ? "http" : "socks5")://\(place)"
    }

    public var debugDescription: String { description }

    /// What `dump` shows, and every description that is made of a value's parts: no user or password.
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
