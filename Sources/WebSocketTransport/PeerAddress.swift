package import NIOCore

/// A peer's address, as a connection keeps it: that of IPv4 takes no object.
package enum PeerAddress: Sendable {
    case unknown
    /// The address in the order of the wire, as it lies in memory, and the port.
    case ipv4(UInt32, port: UInt16)
    case other(SocketAddress)

    package init(_ address: SocketAddress?) {
        switch address {
        case .v4:
            self =
                address?.withSockAddr { PeerAddress(ipv4: UnsafeRawBufferPointer(start: $0, count: $1)) }
                ?? .unknown
        case let other?: self = .other(other)
        case nil: self = .unknown
        }
    }

    /// - Parameter bytes: POSIX's `sockaddr_in`: family, port, address, the latter two in the order of the wire.
    init(ipv4 bytes: UnsafeRawBufferPointer) {
        self = .ipv4(
            bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
            port: UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        )
    }

    package var address: SocketAddress? {
        switch self {
        case .unknown: return nil
        case .ipv4(let address, let port):
            let bytes = withUnsafeBytes(of: address) { ByteBuffer(bytes: $0) }
            return try? SocketAddress(packedIPAddress: bytes, port: Int(port))
        case .other(let address): return address
        }
    }
}

extension PeerAddress: CustomStringConvertible {
    /// As people write it: `127.0.0.1:9001`, `[::1]:9001`, `unix:/run/socket`; empty where it is not known. A proxy's
    /// word may name no port, and there is none then: `127.0.0.1`, `::1`.
    package var description: String {
        guard let address else { return "" }
        guard let host = address.ipAddress, let port = address.port else {
            return "unix:\(address.pathname ?? "")"
        }
        guard port != 0 else { return host }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
