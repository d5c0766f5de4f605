/// What a chain of proxies says of a request, in RFC 7239's words or in the older ones.
///
/// A list of hops, the client's first. Each proxy adds one at the end: whom it got the request from.
struct ForwardedHops: Sendable, Hashable {
    enum Node: Sendable, Hashable {
        case address(IPAddress, port: UInt16)
        /// `unknown`, an invented name (RFC 7239 §6.3), or something that is no address.
        case hidden
    }

    struct Hop: Sendable, Hashable {
        var node = Node.hidden
        /// Whether the client spoke TLS to the proxy, if it was said.
        var isSecure: Bool?
        /// What the client asked for, if it was said.
        var host: String?
    }

    var hops: [Hop]

    /// More hops than anybody has proxies: what is further left is not looked at.
    static let most = 32
}

// MARK: - Forwarded

extension ForwardedHops {
    /// Reads all fields `Forwarded` of a request (RFC 7239 §4), in order.
    ///
    /// - Returns: `nil` where one is malformed: then nothing in it can be relied on.
    init?(forwarded values: [String]) {
        var hops: [Hop] = []
        for value in values {
            var reader = ForwardedReader(Array(value.utf8))
            guard let read = reader.elements() else { return nil }
            hops += read
        }
        self.hops = Array(hops.suffix(Self.most))
    }
}

/// The grammar of RFC 7239 §4: elements by commas, pairs by semicolons, values tokens or quoted strings.
private struct ForwardedReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func take(_ byte: Character) -> Bool {
        guard let next, next == byte.asciiValue else { return false }
        place += 1
        return true
    }

    private mutating func skipBlanks() {
        while let next, next == UInt8(ascii: " ") || next == UInt8(ascii: "\t") { place += 1 }
    }

    mutating func elements() -> [ForwardedHops.Hop]? {
        var elements: [ForwardedHops.Hop] = []
        while true {
            skipBlanks()
            // RFC 9110 §5.6.1: empty elements are skipped.
            if take(",") { continue }
            guard next != nil else { return elements }
            guard let element = element() else { return nil }
            elements.append(element)
            skipBlanks()
            guard next == nil || take(",") else { return nil }
        }
    }

    private mutating func element() -> ForwardedHops.Hop? {
        var hop = ForwardedHops.Hop()
        var seen: Set<String> = []
        repeat {
            skipBlanks()
            // RFC 7239 §4: a pair may be left out between two semicolons.
            if next == nil || next == UInt8(ascii: ";") || next == UInt8(ascii: ",") { continue }
            guard let name = token()?.lowercased(), take("="), let value = value() else { return nil }
            // Each at most once.
            guard seen.insert(name).inserted else { return nil }
            switch name {
            case "for": hop.node = .init(forwarded: value)
            case "proto": hop.isSecure = ForwardedHops.isSecure(value)
            case "host": hop.host = value
            default: break
            }
            skipBlanks()
        } while take(";")
        return hop
    }

    private mutating func token() -> String? {
        let start = place
        while let next, Self.isTokenByte(next) { place += 1 }
        return start == place ? nil : String(decoding: bytes[start..<place], as: UTF8.self)
    }

    /// RFC 9110 §5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    private mutating func value() -> String? {
        guard take("\"") else { return token() }
        var text: [UInt8] = []
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = next else { return nil }
                place += 1
                text.append(escaped)
            default: text.append(byte)
            }
        }
        return nil
    }
}

extension ForwardedHops.Node {
    /// RFC 7239 §6: an address of IPv4, one of IPv6 in brackets, each with an optional port, which may be invented
    /// too.
    init(forwarded text: String) {
        let parts: (address: Substring, rest: Substring)
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else {
                self = .hidden
                return
            }
            parts = (text[text.index(after: text.startIndex)..<end], text[text.index(after: end)...])
            guard parts.address.contains(":") else {
                self = .hidden
                return
            }
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            parts = (text[..<end], text[end...])
        }
        guard parts.rest.isEmpty || parts.rest.hasPrefix(":"), let address = IPAddress(parts.address) else {
            self = .hidden
            return
        }
        self = .address(address, port: UInt16(parts.rest.dropFirst()) ?? 0)
    }
}

// MARK: - X-Forwarded-For and its companions

extension ForwardedHops {
    /// Reads `X-Forwarded-For` and, beside it, `X-Forwarded-Proto` and `X-Forwarded-Host`, which have an element for
    /// each hop, or one: the last is taken for all then, being that of the proxy next to us.
    init(xForwardedFor values: [String], proto: [String], host: [String]) {
        let nodes = Self.list(values)
        let (protos, hosts) = (Self.list(proto), Self.list(host))
        let all = nodes.indices.map { index in
            func companion(_ list: [String]) -> String? {
                list.count == nodes.count ? list[index] : list.last
            }
            return Hop(
                node: .init(xForwardedFor: nodes[index]),
                isSecure: companion(protos).flatMap(Self.isSecure),
                host: companion(hosts)
            )
        }
        hops = Array(all.suffix(Self.most))
    }

    private static func list(_ values: [String]) -> [String] {
        values.flatMap { value in
            value.utf8.split(separator: UInt8(ascii: ",")).compactMap { element in
                let blanks = [UInt8(ascii: " "), UInt8(ascii: "\t")]
                let start = element.drop { blanks.contains($0) }
                let end = start.reversed().prefix { blanks.contains($0) }.count
                return start.isEmpty ? nil : String(decoding: start.dropLast(end), as: UTF8.self)
            }
        }
    }

    static func isSecure(_ proto: String) -> Bool? {
        switch proto.lowercased() {
        case "https", "wss": true
        case "http", "ws": false
        default: nil
        }
    }
}

extension ForwardedHops.Node {
    /// As in RFC 7239, and an address of IPv6 without brackets, as it is usual there.
    init(xForwardedFor text: String) {
        if let address = IPAddress(text) {
            self = .address(address, port: 0)
        } else {
            self.init(forwarded: text)
        }
    }
}
