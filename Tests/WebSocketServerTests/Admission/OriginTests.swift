import Testing

@testable import WebSocketServer

@Suite("Origins as text")
struct OriginTests {
    @Test(arguments: [
        ("https://example.org", "https://example.org"),
        ("HTTPS://EXAMPLE.org", "https://example.org"),
        ("https://example.org:443", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:65535", "http://127.0.0.1:65535"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://[2001:DB8:0:0::1]", "http://[2001:db8::1]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://example.org.", "https://example.org."),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
        ("null", "null"),
    ])
    func `What browsers send is read`(text: String, meaning: String) throws {
        #expect(try #require(Origin(text)).description == meaning)
    }

    @Test(arguments: [
        "", "example.org", "//example.org", "https:/example.org", "https://", "https:///",
        "https://example.org/",
        "https://example.org/path", "https://example.org?q", "https://example.org#f",
        "https://user@example.org",
        "https://user:secret@example.org", "https://example.org:", "https://example.org:0",
        "https://example.org:65536",
        "https://example.org:80a", "https://example.org:-1", "https://example.org:443:443",
        "https://exa mple.org",
        " https://example.org", "https://example.org ", "https://example.org https://other.example",
        "https://example.org,https://other.example", "https://b\u{FC}cher.example", "https://example%2Eorg",
        "https://*.example.org", "https://.example.org", "https://example..org", "https://.", "https://[::1",
        "https://[::1]x", "https://[127.0.0.1]", "https://[fe80::1%25eth0]", "https://::1", "https://1.2.3",
        "https://127.1", "https://0177.0.0.1", "https://256.0.0.1", "1http://example.org", "NULL", "null ",
        "*",
        "https://example.org\u{0}.evil.example", "https://" + String(repeating: "a", count: 64) + ".example",
        "javascript:alert(1)", "file://",
    ])
    func `What no browser sends is none`(text: String) {
        #expect(Origin(text) == nil)
    }

    @Test(arguments: [
        ("example.org", "example.org"), ("EXAMPLE.org:8080", "example.org:8080"), ("[::1]:1", "[::1]:1"),
        ("127.0.0.1:9001", "127.0.0.1:9001"), ("example.org:", "example.org"),
    ])
    func `A host is read with and without its port`(text: String, meaning: String) throws {
        #expect(try #require(HostAndPort(text)).description == meaning)
    }

    @Test(arguments: ["", ":80", "[]", "a b", "a:x", "a:99999", "a:0", "a/b", "u@a", "[::1]80"])
    func `What is no host is none`(text: String) {
        #expect(HostAndPort(text) == nil)
    }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST", true), ("localhost.", true), ("app.localhost", true),
        ("a.b.localhost.", true), ("127.0.0.1", true), ("127.255.0.3", true), ("[::1]", true),
        ("[::ffff:127.0.0.1]", true), ("localhost.evil.example", false), ("evil-localhost", false),
        ("xlocalhost", false), ("128.0.0.1", false), ("0.0.0.0", false), ("[::]", false), ("[::2]", false),
        ("127.0.0.1.evil.example", false), ("example.org", false),
    ])
    func `Loopback's names are those that nobody else can have`(text: String, isLoopback: Bool) throws {
        #expect(try #require(HostName(Array(text.utf8))).isLoopback == isLoopback)
    }
}
