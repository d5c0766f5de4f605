#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Counts this process's open TCP sockets that are joined to another and have a port at either end. A count of
/// all descriptors would have those of other tests in it.
package struct DescriptorCounter: Sendable {
    private let port: Int

    package init(port: Int) { self.port = port }

    package var open: Int {
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
    ///
    /// By bytes: whose `sockaddr_in` the compiler sees depends on which C modules it has met.
    private static func port(_ ask: Ask, _ descriptor: Int32) -> Int? {
        var address = [UInt8](repeating: 0, count: 128)
        var length = socklen_t(address.count)
        let status = address.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { addresses in
                addresses.baseAddress.map { ask(descriptor, $0, &length) } ?? -1
            }
        }
        #if canImport(Darwin)
        let family = Int32(address[1])
        #else
        let family = address.withUnsafeBytes { Int32($0.load(as: UInt16.self)) }
        #endif
        // Port in network byte order, behind the family, in both.
        guard status == 0, family == AF_INET else { return nil }
        return Int(address[2]) << 8 | Int(address[3])
    }
}
