import Testing

@testable import WebSocketServer

@Suite("Which pages may open WebSockets")
struct OriginPolicyTests {
    private typealias Admission = WebSocketServer.Admission

    private func refusal(
        _ origins: [String],
        host: String?,
        isSecure: Bool = false,
        cameThroughProxy: Bool = false,
        isOnLoopback: Bool = false,
        _ admission: WebSocketServer.Admission = .init()
    ) throws -> OriginCheck.Refusal? {
        try OriginCheck(admission, isOnLoopback: isOnLoopback).refusal(
            of: .init(origins: origins, host: host, isSecure: isSecure, cameThroughProxy: cameThroughProxy)
        )
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let origin: String
        let host: String
        let isSecure: Bool
        let isAdmitted: Bool

        init(_ origin: String, _ host: String, tls isSecure: Bool = false, _ isAdmitted: Bool) {
            (self.origin, self.host, self.isSecure, self.isAdmitted) = (origin, host, isSecure, isAdmitted)
        }

        var testDescription: String { "\(origin) at \(host)\(isSecure ? " by TLS" : "")" }
    }

    @Test(arguments: [
        Row("http://example.org", "example.org", true),
        Row("http://example.org", "example.org:80", true),
        Row("http://example.org:80", "example.org", true),
        Row("http://EXAMPLE.ORG", "example.org", true),
        Row("http://example.org", "EXAMPLE.org", true),
        Row("http://example.org:8080", "example.org:8080", true),
        Row("https://example.org", "example.org", tls: true, true),
        Row("https://example.org", "example.org:443", tls: true, true),
        // A proxy has ended TLS.
        Row("https://example.org", "example.org", true),
        Row("https://example.org", "example.org:443", true),
        Row("http://127.0.0.1:9001", "127.0.0.1:9001", true),
        Row("http://[::1]:9001", "[::1]:9001", true),
        Row("http://[0:0:0:0:0:0:0:1]:9001", "[::1]:9001", true),
        Row("https://xn--bcher-kva.example", "xn--bcher-kva.example", tls: true, true),
        Row("https://example.org.", "example.org.", tls: true, true),
        // A page that the network could have changed does not get at what TLS protects.
        Row("http://example.org", "example.org", tls: true, false),
        Row("http://example.org:443", "example.org:443", tls: true, false),
        // Suffixes, prefixes, what contains it.
        Row("http://evil-example.org", "example.org", false),
        Row("http://example.org.evil.example", "example.org", false),
        Row("http://sub.example.org", "example.org", false),
        Row("http://example.org", "sub.example.org", false),
        Row("http://xample.org", "example.org", false),
        Row("http://localhost.evil.example:9001", "localhost:9001", false),
        Row("http://example.orgx", "example.org", false),
        // Ports.
        Row("http://example.org:8080", "example.org", false),
        Row("http://example.org", "example.org:8080", false),
        Row("http://example.org:8081", "example.org:8080", false),
        Row("https://example.org", "example.org:80", false),
        Row("http://example.org:443", "example.org", false),
        // Other names of the same machine.
        Row("http://localhost:9001", "127.0.0.1:9001", false),
        Row("http://[::1]:9001", "localhost:9001", false),
        Row("http://example.org.", "example.org", false),
        // Other schemes.
        Row("ftp://example.org", "example.org", false),
        Row("ws://example.org", "example.org", false),
        Row("chrome-extension://example.org", "example.org", false),
        Row("null", "null", false),
        // What is no origin.
        Row("http://example.org/", "example.org", false),
        Row("http://user@example.org", "example.org", false),
        Row("http://example.org http://evil.example", "example.org", false),
        Row("http://b\u{FC}cher.example", "b\u{FC}cher.example", false),
        Row("example.org", "example.org", false),
        Row("", "example.org", false),
        Row("http://example.org", "exa mple.org", false),
    ])
    func `By default those of the host that was asked for`(row: Row) throws {
        let refusal = try refusal([row.origin], host: row.host, isSecure: row.isSecure)
        #expect((refusal == nil) == row.isAdmitted)
    }

    @Test func `Whoever sends no Origin is no browser, unless one is required`() throws {
        #expect(try refusal([], host: "example.org") == nil)
        #expect(try refusal([], host: "example.org", Admission(requiresOrigin: true)) == .missing)
        let any = Admission(origins: .anyOriginDangerously, requiresOrigin: true)
        #expect(try refusal([], host: nil, any) == .missing)
        #expect(try refusal(["null"], host: nil, any) == nil)
    }

    @Test func `Two are refused, even if both are right`() throws {
        let right = "http://example.org"
        #expect(try refusal([right, right], host: "example.org") == .several)
        #expect(
            try refusal([right, right], host: "example.org", Admission(origins: .allow([right]))) == .several
        )
    }

    @Test func `Without a host there is nothing to be the same as`() throws {
        #expect(try refusal(["http://example.org"], host: nil) != nil)
    }

    @Test(arguments: [
        ("https://app.example", true), ("https://app.example:443", true), ("https://APP.example", true),
        ("http://localhost:3000", true), ("http://app.example", false), ("https://app.example:8443", false),
        ("http://localhost", false), ("https://x.app.example", false), ("null", false),
        // The server's own host.
        ("http://server.example", false),
    ])
    func `A list is all there is`(origin: String, isAdmitted: Bool) throws {
        let admission = Admission(origins: .allow(["https://App.example", "http://localhost:3000"]))
        let refusal = try refusal([origin], host: "server.example", admission)
        #expect((refusal == nil) == isAdmitted)
    }

    @Test func `A list beside the same host, and null where it is listed`() throws {
        let admission = Admission(origins: .sameHost(or: ["https://app.example", "null"]))
        for origin in ["https://app.example", "http://server.example", "null"] {
            #expect(try refusal([origin], host: "server.example", admission) == nil)
        }
        #expect(try refusal(["https://other.example"], host: "server.example", admission) != nil)
    }

    @Test func `Any origin means any, well-formed or not`() throws {
        let admission = Admission(origins: .anyOriginDangerously)
        for origins in [["https://evil.example"], ["null"], ["not an origin"], ["http://a", "http://b"]] {
            #expect(try refusal(origins, host: "server.example", isOnLoopback: true, admission) == nil)
        }
    }

    @Test(arguments: [
        "https://example.org/", "example.org", "*", "https://*.example.org", "",
        "https://b\u{FC}cher.example",
    ])
    func `A list with something else in it is the server's mistake`(entry: String) {
        #expect(throws: AdmissionError.self) {
            try OriginCheck(Admission(origins: .allow(["https://fine.example", entry])), isOnLoopback: false)
        }
    }

    @Test(arguments: [
        "example.org:80", "https://example.org", "*", "*.example.org", "", "b\u{FC}cher.example", "::1",
    ])
    func `So is a list of hosts with something else in it`(entry: String) {
        #expect(throws: AdmissionError.self) {
            try OriginCheck(Admission(allowedHosts: ["fine.example", entry]), isOnLoopback: false)
        }
    }

    // MARK: DNS rebinding

    @Test func `On loopback a stranger's name for it does not make the stranger's page one of ours`() throws {
        let evil = "http://evil.example:9001"
        #expect(
            try refusal([evil], host: "evil.example:9001", isOnLoopback: true)
                == .unknownHost(.name("evil.example"))
        )
        for host in [
            "localhost:9001", "app.localhost:9001", "127.0.0.1:9001", "[::1]:9001", "127.8.8.8:9001",
        ] {
            #expect(try refusal(["http://\(host)"], host: host, isOnLoopback: true) == nil)
        }
        // The same elsewhere is somebody's own business.
        #expect(try refusal([evil], host: "evil.example:9001") == nil)
        // Not asked: no browser, or an origin that is listed.
        #expect(try refusal([], host: "evil.example:9001", isOnLoopback: true) == nil)
        let listed = Admission(origins: .allow(["http://page.example"]))
        #expect(
            try refusal(["http://page.example"], host: "evil.example:9001", isOnLoopback: true, listed) == nil
        )
    }

    @Test func `Behind a proxy on the same machine the public name is known`() throws {
        let page = ["https://example.org"]
        #expect(try refusal(page, host: "example.org", cameThroughProxy: true, isOnLoopback: true) == nil)
        #expect(try refusal(page, host: "example.org", isOnLoopback: true) != nil)
        let named = Admission(allowedHosts: ["Example.org"])
        #expect(try refusal(page, host: "example.org", isOnLoopback: true, named) == nil)
        #expect(
            try refusal(["https://other.example"], host: "other.example", isOnLoopback: true, named) != nil
        )
        // Who lists names means them, whatever came in between.
        #expect(
            try refusal(
                ["https://other.example"],
                host: "other.example",
                cameThroughProxy: true,
                isOnLoopback: true,
                named
            ) == .unknownHost(.name("other.example"))
        )
    }

    @Test func `A list of hosts is kept to elsewhere too`() throws {
        let named = Admission(allowedHosts: ["example.org", "192.0.2.1"])
        #expect(try refusal(["http://example.org:8080"], host: "example.org:8080", named) == nil)
        #expect(try refusal(["http://192.0.2.1"], host: "192.0.2.1", named) == nil)
        #expect(
            try refusal(["http://evil.example"], host: "evil.example", named)
                == .unknownHost(.name("evil.example"))
        )
    }
}
