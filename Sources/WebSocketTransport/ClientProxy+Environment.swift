import NIOCore
public import WebSocketProtocol

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

extension ClientProxy {
    /// The proxy that the environment names for a URL, as curl reads it.
    ///
    /// For `wss:` that is the first of `https_proxy`, `HTTPS_PROXY`, `all_proxy` and `ALL_PROXY` that is not empty,
    /// for `ws:` the first of `http_proxy`, `all_proxy` and `ALL_PROXY`: a server's CGI puts a request's field
    /// `Proxy` into `HTTP_PROXY`. `no_proxy` or `NO_PROXY` lists what is connected to directly, separated by commas
    /// or blanks: names, with all names that end in them (`example.org`, `.example.org` and `*.example.org` mean
    /// the same), addresses, networks such as `10.0.0.0/8`, any of them with a port, or `*` for everything.
    ///
    /// - Parameter environment: `nil` for that of this process.
    /// - Returns: `nil` when the connection is to be direct.
    /// - Throws: ``UsageError/invalidProxy(_:)``, which names the variable.
    public static func fromEnvironment(
        for url: WebSocketURL,
        environment: [String: String]? = nil
    ) throws(UsageError) -> ClientProxy? {
        func first(of names: [String]) -> (name: String, text: String)? {
            for name in names {
                let text = environment.map { $0[name] } ?? getenv(name).map { String(cString: $0) }
                if let text, !text.isEmpty { return (name, text) }
            }
            return nil
        }
        let own = url.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
        guard let (name, text) = first(of: own + ["all_proxy", "ALL_PROXY"]) else { return nil }
        if let exceptions = first(of: ["no_proxy", "NO_PROXY"]),
            ProxyExceptions(exceptions.text).contain(host: url.host, port: url.port)
        {
            return nil
        }
        do throws(UsageError) {
            return try ClientProxy(text)
        } catch .invalidProxy(let why) {
            throw .invalidProxy("\(name): \(why)")
        }
    }
}

/// What `no_proxy` lists.
struct ProxyExceptions {
    private enum Place {
        case everywhere
        /// In small letters, without dots around it.
        case name(String)
        /// The addresses whose first bits are these.
        case network([UInt8], bits: Int)
    }

    private var entries: [(place: Place, port: Int?)] = []

    init(_ list: String) {
        for entry in list.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            // What cannot be read excepts nothing.
            if let entry = Self.entry(entry) { entries.append(entry) }
        }
    }

    private static func entry(_ text: Substring) -> (place: Place, port: Int?)? {
        // First what may have colons of its own.
        if let place = place(text) { return (place, nil) }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            let place = place(text[..<colon])
        else { return nil }
        return (place, Int(port))
    }

    private static func place(_ text: Substring) -> Place? {
        if text == "*" { return .everywhere }
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        if let bytes = IPAddress.bytes(of: isBracketed ? text.dropFirst().dropLast() : text) {
            return .network(bytes, bits: bytes.count * 8)
        }
        if let slash = text.firstIndex(of: "/") {
            guard let bytes = IPAddress.bytes(of: text[..<slash]),
                let bits = UInt8(text[text.index(after: slash)...]), Int(bits) <= bytes.count * 8
            else { return nil }
            return .network(bytes, bits: Int(bits))
        }
        guard !text.contains(":") else { return nil }
        let name = normal(
            text.hasPrefix("*.") ? text.dropFirst(2) : text.hasPrefix(".") ? text.dropFirst() : text
        )
        return name.isEmpty ? nil : .name(name)
    }

    /// RFC 4343: letter case does not matter; and a name means the same with the root's dot behind it.
    private static func normal(_ name: Substring) -> String {
        (name.hasSuffix(".") ? name.dropLast() : name).lowercased()
    }

    func contain(host: String, port: Int) -> Bool {
        let address = IPAddress.bytes(of: host[...])
        let name = Self.normal(host[...])
        return entries.contains { entry in
            guard entry.port == nil || entry.port == port else { return false }
            switch (entry.place, address) {
            case (.everywhere, _): return true
            case (.network(let network, let bits), let address?):
                return Self.share(bits, network, address)
            // The end of an address is no domain.
            case (.name(let domain), nil): return name == domain || name.hasSuffix(".\(domain)")
            case (.network, nil), (.name, .some): return false
            }
        }
    }

    private static func share(_ bits: Int, _ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return one.indices.allSatisfy { index in
            let rest = min(max(bits - index * 8, 0), 8)
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
            return one[index] & mask == other[index] & mask
        }
    }
}

enum IPAddress {
    /// The bytes of an IPv4 or IPv6 address, in the order of the wire; `nil` for what is none.
    static func bytes(of text: Substring) -> [UInt8]? {
        guard let address = try? SocketAddress(ipAddress: String(text), port: 0) else { return nil }
        return address.withSockAddr { pointer, size in
            // POSIX's sockaddr_in and sockaddr_in6: family, port, in the latter the flow, and the address.
            let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
            switch address {
            case .v4: return [UInt8](bytes[4..<8])
            case .v6: return [UInt8](bytes[8..<24])
            case .unixDomainSocket: return nil
            }
        }
    }
}
