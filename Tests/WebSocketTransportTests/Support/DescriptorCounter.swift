#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Counts this process's open TCP sockets that are joined to another and have a port at either end. A count of
/// all descriptors would have those of other tests in it.
struct DescriptorCounter: Sendable {
    let port: Int

    var open: Int {
        let limit = min(Int32(clamping: sysconf(Int32(_SC_OPEN_MAX))), 4096)
        return (0..<limit).count { descriptor in
            // Only a socket that is joined to another has a peer.
            guard let peer = Self.port(getpeername, descriptor), let own = Self.port(getsockname, descriptor)
            else { return false }
            return peer == port || own == port
        }
    }

    private typealias Ask = (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32

    /// The port of an IPv4 address, or `nil` for anything else.
    private static func port(_ ask: Ask, _ descriptor: Int32) -> Int? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask(descriptor, $0, &length) }
        }
        guard status == 0, Int32(address.sin_family) == AF_INET else { return nil }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
