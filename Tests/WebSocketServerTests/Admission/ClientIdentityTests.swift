import NIOCore
import Testing
import WebSocketTransport

@testable import WebSocketServer

@Suite("Who a request is from")
struct ClientIdentityTests {
    private func client(
        from peer: String = "10.0.0.1",
        isSecure: Bool = false,
        fields: ForwardedFields = .either,
        forwarded: [String] = [],
        for xFor: [String] = [],
        proto: [String] = [],
        host: [String] = []
    ) throws -> ClientIdentity {
        let resolver = ClientResolver(trusted: [try AddressRange("10.0.0.0/8"), .loopback], fields: fields)
        return try resolver.client(
            of: PeerAddress(try SocketAddress(ipAddress: peer, port: 1000)),
            isSecure: isSecure,
            .init(forwarded: forwarded, xForwardedFor: xFor, xForwardedProto: proto, xForwardedHost: host)
        )
    }

    private func text(_ client: ClientIdentity) -> String {
        client.address.address.map { "\($0.ipAddress ?? "") \($0.port ?? 0)" } ?? ""
    }

    @Test(arguments: [
        (["for=192.0.2.60"], "192.0.2.60 0"),
        (["For=\"192.0.2.60:4711\";Proto=http;BY=203.0.113.43"], "192.0.2.60 4711"),
        (["for=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17 4711"),
        (["for=\"[2001:db8:cafe::17]\""], "2001:db8:cafe::17 0"),
        (["for=\"192.0.2.60:_port\""], "192.0.2.60 0"),
        // From the right: what the client itself has sent is furthest to the left.
        (["for=6.6.6.6, for=192.0.2.60, for=10.0.0.2"], "192.0.2.60 0"),
        (["for=6.6.6.6, for=192.0.2.60", "for=10.0.0.2", "for=10.0.0.3"], "192.0.2.60 0"),
        (["for=10.0.0.3, for=10.0.0.2"], "10.0.0.3 0"),
        (["for=192.0.2.60 ; proto=https ,, for=10.0.0.2 ,"], "192.0.2.60 0"),
        (["for=\"192.0.2\\.60\""], "192.0.2.60 0"),
        (["secret=\"a,b;c=\\\"d\";for=192.0.2.60"], "192.0.2.60 0"),
        // Hidden: the one who hides it is the nearest that is known.
        (["for=unknown"], "10.0.0.1 1000"),
        (["for=_gazonk, for=10.0.0.2"], "10.0.0.2 0"),
        (["for=6.6.6.6, for=\"_hidden\""], "10.0.0.1 1000"),
        (["for=\"2001:db8::1\""], "10.0.0.1 1000"),
        (["proto=https"], "10.0.0.1 1000"),
        ([""], "10.0.0.1 1000"),
    ])
    func `Forwarded is walked from the right, up to the first who is not trusted`(
        fields: [String],
        who: String
    ) throws {
        #expect(text(try client(forwarded: fields)) == who)
    }

    @Test(arguments: [
        "for", "for=", "=192.0.2.60", "for=192.0.2.60 for=6.6.6.6", "for=\"192.0.2.60",
        "for=192.0.2.60;for=6.6.6.6",
        "for=[2001:db8::1]", "for = 192.0.2.60", "for=192.0.2.60:80", "for=a\"b\"", "for=\"a\\",
        "f\u{E4}r=1.2.3.4",
    ])
    func `Forwarded that is malformed is not guessed at`(field: String) {
        #expect(throws: ClientResolver.Problem.malformed) { try client(forwarded: [field]) }
    }

    @Test(arguments: [
        (["192.0.2.60"], "192.0.2.60 0"),
        (["6.6.6.6, 192.0.2.60, 10.0.0.2"], "192.0.2.60 0"),
        (["6.6.6.6", "192.0.2.60", "10.0.0.2"], "192.0.2.60 0"),
        (["2001:db8::1, 127.0.0.1"], "2001:db8::1 0"),
        (["[2001:db8::1]:99"], "2001:db8::1 99"),
        (["192.0.2.60:99"], "192.0.2.60 99"),
        (["::ffff:192.0.2.60"], "192.0.2.60 0"),
        (["6.6.6.6, unknown"], "10.0.0.1 1000"),
        (["6.6.6.6, 1.2.3.4.5"], "10.0.0.1 1000"),
        ([" ,\t, "], "10.0.0.1 1000"),
    ])
    func `So is X-Forwarded-For`(fields: [String], who: String) throws {
        #expect(text(try client(for: fields)) == who)
    }

    @Test func `A stranger's fields are not looked at`() throws {
        let stranger = try client(
            from: "192.0.2.9",
            forwarded: ["for=6.6.6.6;proto=https;host=a", "malformed"],
            for: ["7.7.7.7"],
            proto: ["https"],
            host: ["a"]
        )
        #expect(text(stranger) == "192.0.2.9 1000")
        #expect(!stranger.isSecure && stranger.host == nil)
        #expect(stranger.counted == IPAddress("192.0.2.9"))
    }

    @Test func `TLS and host are those of the hop that is the client's`() throws {
        let inner = try client(forwarded: [
            "for=192.0.2.60;proto=https;host=example.org, for=10.0.0.2;proto=http;host=inner"
        ])
        #expect(inner.isSecure && inner.host == "example.org")
        let forged = try client(forwarded: ["for=6.6.6.6;proto=https;host=evil.example, for=192.0.2.60"])
        #expect(!forged.isSecure && forged.host == nil)
        let each = try client(
            for: ["192.0.2.60, 10.0.0.2"],
            proto: ["https, http"],
            host: ["example.org, inner"]
        )
        #expect(each.isSecure && each.host == "example.org")
        let one = try client(for: ["192.0.2.60, 10.0.0.2"], proto: ["wss"], host: ["example.org"])
        #expect(one.isSecure && one.host == "example.org")
        let alone = try client(proto: ["https"], host: ["example.org"])
        #expect(alone.isSecure && alone.host == "example.org" && alone.counted == nil)
        #expect(try client(isSecure: true, for: ["192.0.2.60"], proto: ["http"]).isSecure == false)
        #expect(try client(isSecure: true, for: ["192.0.2.60"], proto: ["gopher"]).isSecure)
    }

    @Test func `Fields that contradict each other are refused, unless it is said which one counts`() throws {
        #expect(throws: ClientResolver.Problem.contradiction) {
            try client(forwarded: ["for=6.6.6.6"], for: ["192.0.2.60"])
        }
        #expect(text(try client(forwarded: ["for=192.0.2.60"], for: ["192.0.2.60"])) == "192.0.2.60 0")
        #expect(
            text(try client(fields: .forwarded, forwarded: ["for=192.0.2.60"], for: ["6.6.6.6"]))
                == "192.0.2.60 0"
        )
        #expect(
            text(try client(fields: .xForwarded, forwarded: ["for=6.6.6.6"], for: ["192.0.2.60"]))
                == "192.0.2.60 0"
        )
        #expect(
            text(try client(fields: .xForwarded, forwarded: ["malformed"], for: ["192.0.2.60"]))
                == "192.0.2.60 0"
        )
    }

    @Test func `A client is counted by its own address, a proxy not at all`() throws {
        #expect(try client(for: ["2001:db8::5"]).counted == IPAddress("2001:db8::"))
        #expect(try client().counted == nil)
        #expect(try client(forwarded: ["for=unknown"]).counted == nil)
        #expect(try client(for: ["10.0.0.9"]).counted == IPAddress("10.0.0.9"))
    }

    @Test func `Of a chain without end only the last hops are looked at`() throws {
        let chain = Array(repeating: "10.0.0.2", count: 5000).joined(separator: ", ")
        #expect(text(try client(for: ["6.6.6.6, " + chain])) == "10.0.0.2 0")
    }
}
