import HTTPTypes
import NIOCore
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

@Suite("What a connection keeps of its opening")
struct OpeningRequestTests {
    @Test(
        "A head kept as bytes reads back as what it was",
        arguments: [
            "GET /a?b=c HTTP/1.1\r\nHost: example.test:8080\r\n\r\n",
            "GET / HTTP/1.1\r\nhOsT: h\r\nX-Twice: 1\r\nx-twice: 2\r\nEmpty:\r\nSpaced:  a b \r\n\r\n",
            "GET /echo HTTP/1.1\r\nHost: h\r\nCookie: a=1; b=\u{80}\r\nOrigin: https://example.test\r\n\r\n",
        ]
    )
    func head(_ text: String) throws {
        let bytes = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        var parser = HTTPRequestParser()
        var offset = 0
        let head = try #require(try bytes.withUnsafeBytes { try parser.parse($0, at: &offset) })
        let kept = OpeningRequest.head(bytes, SharedLimits(Limits()))
        #expect(kept.request == head.request)
        #expect(kept.request.headerFields.count == head.request.headerFields.count)
        #expect(OpeningRequest.whole(head.request).request == head.request)
    }

    @Test("An address keeps what it is", arguments: ["127.0.0.1", "203.0.113.77", "::1", "2001:db8::1"])
    func address(_ text: String) throws {
        let address = try SocketAddress(ipAddress: text, port: 54321)
        let kept = PeerAddress(address)
        #expect(kept.address == address)
        #expect(kept.address?.ipAddress == text)
        #expect(kept.address?.port == 54321)
    }

    @Test("No address is none, and one that is no IP address is kept too")
    func otherAddresses() throws {
        #expect(PeerAddress(nil).address == nil)
        let path = try SocketAddress(unixDomainSocketPath: "/tmp/a.socket")
        #expect(PeerAddress(path).address == path)
    }
}
