import NIOCore
import Testing
import WebSocketTransport

@testable import WebSocketServer

@Suite("Ranges of addresses")
struct AddressRangeTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
        ("192.0.2.128/25", "192.0.2.127", false), ("192.0.2.128/25", "192.0.2.128", true),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1/32", "192.0.2.2", false),
        ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "2001:db8::1", true), ("::/0", "203.0.113.9", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8:0:8000::/49", "2001:db8:0:7fff::1", false),
        ("2001:db8::/65", "2001:db8::8000:0:0:0", false), ("2001:db8::/64", "2001:db8::ffff:0:0:1", true),
        ("2001:db8::1", "2001:db8::1", true), ("2001:db8::1/128", "2001:db8::2", false),
        // IPv4 on a socket that serves both.
        ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("::ffff:10.0.0.0/8", "10.1.2.3", true),
        ("loopback", "127.0.0.1", true), ("loopback", "127.9.9.9", true), ("loopback", "::1", true),
        ("loopback", "128.0.0.1", false), ("loopback", "::2", false), ("loopback", "::ffff:127.0.0.1", true),
    ])
    func `A range holds what it says, and nothing beside it`(range: String, text: String, isInside: Bool)
        throws
    {
        let address = try #require(IPAddress(text))
        #expect(try AddressRange(range).contains(address) == isInside)
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.1/8",
        "10.0.0/8",
        "10.0.0.0/+8", "10.0.0.0 /8", "2001:db8::/129", "2001:db8::1/32", "[2001:db8::]/32", "fe80::1%eth0",
        "example.org", "Loopback", "10.0.0.0\u{0}/8", "010.0.0.0/8", "10.0.0.0/\u{661}",
    ])
    func `Anything else is refused, with the reason`(text: String) {
        let error = #expect(throws: AdmissionError.self) { try AddressRange(text) }
        #expect(error?.value == text)
        #expect(error?.description.isEmpty == false)
    }

    @Test(arguments: [
        "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "2001:db8::1", "loopback", "0.0.0.0/0", "::/0",
    ])
    func `A range is written as it was read`(text: String) throws {
        #expect(try AddressRange(text).description == text)
    }

    @Test(arguments: ["192.0.2.1", "255.255.255.255", "0.0.0.0", "2001:db8::1", "::1", "::"])
    func `An address survives the way to a socket's and back`(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == text)
        let peer = address.peer(port: 4711)
        #expect(IPAddress(peer) == address)
        #expect(try peer.address == SocketAddress(ipAddress: text, port: 4711))
        #expect(IPAddress(PeerAddress(try SocketAddress(ipAddress: text, port: 1))) == address)
    }

    @Test func `A client is an address of IPv4, or a network of 64 bits of IPv6`() throws {
        func client(_ text: String) throws -> IPAddress { try #require(IPAddress(text)).client }
        #expect(try client("2001:db8::1") == client("2001:db8::ffff:1:2:3"))
        #expect(try client("2001:db8:0:1::1") != client("2001:db8::1"))
        #expect(try client("192.0.2.1") != client("192.0.2.2"))
        #expect(try client("::ffff:192.0.2.1") == client("192.0.2.1"))
    }

    @Test func `A socket in the file system has no address, and is in no range`() throws {
        #expect(IPAddress(PeerAddress(try SocketAddress(unixDomainSocketPath: "/a"))) == nil)
        #expect(IPAddress(PeerAddress.unknown) == nil)
    }
}
