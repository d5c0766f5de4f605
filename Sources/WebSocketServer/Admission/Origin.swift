/// A host and maybe a port, as `Host` and `:authority` have them (RFC 9110 §7.2).
struct HostAndPort: Sendable, Hashable {
    let host: HostName
    let port: UInt16?

    /// `nil` for what is no host with an optional port.
    init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let end: Int
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            end = close + 1
        } else {
            end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        }
        guard let host = HostName(bytes[..<end]) else { return nil }
        self.host = host
        let rest = bytes[end...]
        guard !rest.isEmpty else {
            port = nil
            return
        }
        let digits = rest.dropFirst()
        guard rest.first == UInt8(ascii: ":"), digits.count <= 5 else { return nil }
        // RFC 3986 §3.2.3 allows an empty port.
        guard !digits.isEmpty else {
            port = nil
            return
        }
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(String(decoding: digits, as: UTF8.self)), port > 0
        else { return nil }
        self.port = port
    }
}

/// A host as one compares it: a name in small letters, or an address as a number.
enum HostName: Sendable, Hashable {
    case name(String)
    case address(IPAddress)

    /// `nil` for what is no host in ASCII: a name beyond ASCII is sent as browsers do, in Punycode (RFC 5891).
    init?(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty, bytes.count <= 255 else { return nil }
        if bytes.first == UInt8(ascii: "[") {
            guard bytes.count > 2, Array(bytes).last == UInt8(ascii: "]") else { return nil }
            let inside = String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
            guard inside.utf8.contains(UInt8(ascii: ":")), let address = IPAddress(inside) else { return nil }
            self = .address(address)
            return
        }
        var name: [UInt8] = []
        name.reserveCapacity(bytes.count)
        var isNumber = true
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): name.append(byte | 0x20)
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "."):
                name.append(byte)
            default: return nil
            }
            if byte != UInt8(ascii: "."), !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                isNumber = false
            }
        }
        let text = String(decoding: name, as: UTF8.self)
        if isNumber {
            // Browsers write addresses in one way only, and no name is all digits and dots.
            guard let address = IPAddress(text) else { return nil }
            self = .address(address)
        } else {
            // No label may be empty, but for the root's at the end.
            let labels = text.split(separator: ".", omittingEmptySubsequences: false)
            guard labels.dropLast().allSatisfy({ !$0.isEmpty && $0.utf8.count <= 63 }), text != "." else {
                return nil
            }
            self = .name(text)
        }
    }

    /// Whether it always means this machine: an address of it, `localhost`, or a name below that (RFC 6761 §6.3).
    var isLoopback: Bool {
        switch self {
        case .address(let address): return address.isLoopback
        case .name(let name):
            let name = name.hasSuffix(".") ? name.dropLast() : name[...]
            return name == "localhost" || name.hasSuffix(".localhost")
        }
    }
}

extension HostName: CustomStringConvertible {
    var description: String {
        switch self {
        case .name(let name): name
        case .address(let address): address.isIPv4 ? "\(address)" : "[\(address)]"
        }
    }
}

extension HostAndPort: CustomStringConvertible {
    var description: String { "\(host)" + (port.map { ":\($0)" } ?? "") }
}

/// Where a page came from, as a browser says it in `Origin` (RFC 6454 §6.1): scheme, host and port, each compared
/// whole. There are no suffixes, prefixes or patterns.
enum Origin: Sendable, Hashable {
    /// A page that keeps it to itself: from a file, in a sandbox, behind a redirect.
    case opaque
    /// - Parameter port: the scheme's own where none is written; 0 for a scheme that has none.
    case page(scheme: String, host: HostName, port: UInt16)

    /// `nil` for what no browser sends: a list, a path, a user, a blank, anything beyond ASCII.
    init?(_ text: some StringProtocol) {
        if text == "null" {
            self = .opaque
            return
        }
        guard let separator = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let scheme = text.utf8[..<separator]
        let rest = text.utf8[separator...]
        guard Self.isScheme(scheme), rest.starts(with: "://".utf8),
            let place = HostAndPort(text[rest.index(rest.startIndex, offsetBy: 3)...]),
            // A browser leaves out a port that is the scheme's, and the colon with it.
            !text.hasSuffix(":")
        else { return nil }
        let name = String(decoding: scheme, as: UTF8.self).lowercased()
        self = .page(scheme: name, host: place.host, port: place.port ?? Self.port(ofScheme: name))
    }

    /// RFC 3986 §3.1.
    private static func isScheme(_ bytes: some Collection<UInt8>) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
        guard let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy { byte in
            isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || [UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(byte)
        }
    }

    private static func port(ofScheme scheme: String) -> UInt16 {
        switch scheme {
        case "http", "ws": 80
        case "https", "wss": 443
        default: 0
        }
    }
}

extension Origin: CustomStringConvertible {
    var description: String {
        switch self {
        case .opaque: "null"
        case .page(let scheme, let host, let port):
            "\(scheme)://\(host)" + (port == Self.port(ofScheme: scheme) ? "" : ":\(port)")
        }
    }
}
