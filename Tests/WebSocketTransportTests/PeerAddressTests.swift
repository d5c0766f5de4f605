import NIOCore
import Testing

@testable import WebSocketTransport

/// Addresses as they come into logs, reports and messages.
@Suite("Addresses of peers")
struct PeerAddressTests {
    @Test(arguments: [
        ("127.0.0.1", 1234, "127.0.0.1:1234"), ("255.254.0.7", 65_535, "255.254.0.7:65535"),
        ("::1", 1234, "[::1]:1234"), ("2001:db8::7", 80, "[2001:db8::7]:80"),
        ("127.0.0.1", 0, "127.0.0.1"), ("::1", 0, "::1"),
    ])
    func `One of IP reads as people write it`(host: String, port: Int, text: String) throws {
        let address = try SocketAddress(ipAddress: host, port: port)
        #expect("\(PeerAddress(address))" == text)
        #expect(PeerAddress(address).address == address)
    }

    @Test func `The name that was looked up does not come into it`() throws {
        let address = try SocketAddress.makeAddressResolvingHost("localhost", port: 7)
        #expect(["127.0.0.1:7", "[::1]:7"].contains("\(PeerAddress(address))"))
    }

    @Test func `A socket in the file system has its path, and one that is not known no text`() throws {
        let address = try SocketAddress(unixDomainSocketPath: "/run/duplex.sock")
        #expect("\(PeerAddress(address))" == "unix:/run/duplex.sock")
        #expect("\(PeerAddress(nil))" == "")
    }
}
