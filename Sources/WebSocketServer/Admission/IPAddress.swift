import NIOCore
import WebSocketTransport

/// An address without its port, as a number: what ranges hold and limits count.
///
/// IPv4 is kept as IPv6 has it (RFC 4291 §2.5.5.2, `::ffff:192.0.2.1`), so that a client of IPv4 is the same one to
/// a socket that serves both.
struct IPAddress: Sendable, Hashable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    init(ipv4: UInt32) { self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(ipv4)) }

    var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// 127.0.0.0/8 and ::1 (RFC 6890).
    var isLoopback: Bool { isIPv4 ? (low >> 24) & 0xFF == 127 : high == 0 && low == 1 }

    /// What is limited as one client: an address of IPv4, a network of 64 bits of IPv6, of which whoever has one
    /// address usually has all.
    var client: IPAddress { isIPv4 ? self : IPAddress(high: high, low: 0) }
}

// MARK: - From and to sockets

extension IPAddress {
    /// - Parameter bytes: four or sixteen, in the order of the wire.
    init?(bytes: some Collection<UInt8>) {
        func number(_ part: some Collection<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(ipv4: UInt32(truncatingIfNeeded: number(bytes)))
        case 16: self.init(high: number(bytes.prefix(8)), low: number(bytes.dropFirst(8)))
        default: return nil
        }
    }

    /// `nil` where a peer has no such address, as that of a socket in the file system.
    init?(_ peer: PeerAddress) {
        switch peer {
        case .unknown: return nil
        case .ipv4(let address, _): self.init(ipv4: UInt32(bigEndian: address))
        case .other(let address): self.init(address)
        }
    }

    init?(_ address: SocketAddress) {
        // POSIX's `sockaddr_in` has the address behind family and port, `sockaddr_in6` behind four bytes more.
        let place: Range<Int>
        switch address {
        case .v4: place = 4..<8
        case .v6: place = 8..<24
        case .unixDomainSocket: return nil
        }
        let parsed = address.withSockAddr { pointer, size -> IPAddress? in
            guard size >= place.upperBound else { return nil }
            return IPAddress(bytes: UnsafeRawBufferPointer(start: pointer, count: size)[place])
        }
        guard let parsed else { return nil }
        self = parsed
    }

    /// In the order of the wire, four bytes of IPv4 and sixteen of IPv6.
    private var bytes: [UInt8] {
        let all =
            withUnsafeBytes(of: high.bigEndian, Array.init) + withUnsafeBytes(of: low.bigEndian, Array.init)
        return isIPv4 ? Array(all.suffix(4)) : all
    }

    func peer(port: UInt16) -> PeerAddress {
        if isIPv4 { return .ipv4(UInt32(truncatingIfNeeded: low).bigEndian, port: port) }
        let address = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: Int(port))
        return address.map { .other($0) } ?? .unknown
    }
}

// MARK: - As text

extension IPAddress: CustomStringConvertible {
    /// Reads an address as RFC 3986 §3.2.2 writes it, without brackets and without a zone.
    init?(_ text: some StringProtocol) {
        // A NUL would end the text for the system, which would then judge the rest.
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: ":"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        // Some systems read 010 as ten, others as eight: nobody writes it so on purpose.
        let hasLeadingZero =
            !text.utf8.contains(UInt8(ascii: ":"))
            && text.utf8.split(separator: UInt8(ascii: "."))
                .contains { $0.count > 1 && $0.first == UInt8(ascii: "0") }
        guard isPlain, !hasLeadingZero, let address = try? SocketAddress(ipAddress: String(text), port: 0)
        else {
            return nil
        }
        self.init(address)
    }

    var description: String {
        (try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: 0))?.ipAddress ?? ""
    }
}
