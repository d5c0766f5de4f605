import Testing

@testable import WebSocketProtocol

@Suite("WebSocket URLs")
struct WebSocketURLTests {
    struct Legal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let isSecure: Bool
        let host: String
        let port: Int
        let target: String
        /// What the URL is written as again.
        let description: String

        init(
            _ text: String,
            _ isSecure: Bool,
            _ host: String,
            _ port: Int,
            _ target: String,
            _ description: String
        ) {
            testDescription = text
            self.isSecure = isSecure
            self.host = host
            self.port = port
            self.target = target
            self.description = description
        }
    }

    @Test("A legal URL", arguments: legal)
    func legalURL(_ row: Legal) throws {
        let url = try WebSocketURL(row.testDescription)
        #expect(url.isSecure == row.isSecure)
        #expect(url.host == row.host)
        #expect(url.port == row.port)
        #expect(url.pathAndQuery == row.target)
        #expect(url.description == row.description)
        #expect(try WebSocketURL(url.description) == url)
    }

    static let legal = schemes + hosts + targets

    private static let schemes = [
        Legal("ws://a", false, "a", 80, "/", "ws://a/"),
        Legal("wss://a", true, "a", 443, "/", "wss://a/"),
        Legal("http://a", false, "a", 80, "/", "ws://a/"),
        Legal("https://a", true, "a", 443, "/", "wss://a/"),
        Legal("WS://a", false, "a", 80, "/", "ws://a/"),
        Legal("wSs://a", true, "a", 443, "/", "wss://a/"),
        Legal("HTTPS://a", true, "a", 443, "/", "wss://a/"),
    ]

    private static let hosts = [
        Legal("ws://a:80/", false, "a", 80, "/", "ws://a/"),
        Legal("ws://a:443/", false, "a", 443, "/", "ws://a:443/"),
        Legal("wss://a:443/", true, "a", 443, "/", "wss://a/"),
        Legal("wss://a:80/", true, "a", 80, "/", "wss://a:80/"),
        // RFC 3986 §3.2.3: an empty port is the scheme's own.
        Legal("ws://a:/b", false, "a", 80, "/b", "ws://a/b"),
        Legal("ws://a:1", false, "a", 1, "/", "ws://a:1/"),
        Legal("ws://a:65535", false, "a", 65_535, "/", "ws://a:65535/"),
        Legal("ws://a:00080", false, "a", 80, "/", "ws://a/"),
        Legal("ws://A.Example.", false, "A.Example.", 80, "/", "ws://A.Example./"),
        Legal("ws://a_b-c.d", false, "a_b-c.d", 80, "/", "ws://a_b-c.d/"),
        Legal(
            "ws://xn--bcher-kva.example",
            false,
            "xn--bcher-kva.example",
            80,
            "/",
            "ws://xn--bcher-kva.example/"
        ),
        Legal("ws://192.0.2.1:8080", false, "192.0.2.1", 8080, "/", "ws://192.0.2.1:8080/"),
        Legal("ws://[::1]", false, "::1", 80, "/", "ws://[::1]/"),
        Legal("ws://[::1]:/", false, "::1", 80, "/", "ws://[::1]/"),
        Legal("wss://[2001:DB8::1]:8443/a", true, "2001:DB8::1", 8443, "/a", "wss://[2001:DB8::1]:8443/a"),
        Legal("ws://[::ffff:192.0.2.1]/", false, "::ffff:192.0.2.1", 80, "/", "ws://[::ffff:192.0.2.1]/"),
        Legal("ws://[1:2:3:4:5:6:7:8]/", false, "1:2:3:4:5:6:7:8", 80, "/", "ws://[1:2:3:4:5:6:7:8]/"),
        Legal("ws://[1:2:3:4:5:6:7::]/", false, "1:2:3:4:5:6:7::", 80, "/", "ws://[1:2:3:4:5:6:7::]/"),
    ]

    private static let targets = [
        Legal("ws://a/b/c", false, "a", 80, "/b/c", "ws://a/b/c"),
        Legal("ws://a//b/../c/.", false, "a", 80, "//b/../c/.", "ws://a//b/../c/."),
        Legal("ws://a?b=c&d", false, "a", 80, "/?b=c&d", "ws://a/?b=c&d"),
        Legal("ws://a:1?b", false, "a", 1, "/?b", "ws://a:1/?b"),
        Legal("ws://a/?", false, "a", 80, "/?", "ws://a/?"),
        Legal("ws://a/b?c?/d:@e", false, "a", 80, "/b?c?/d:@e", "ws://a/b?c?/d:@e"),
        Legal("ws://a/%41%2f%zz%", false, "a", 80, "/%41%2f%zz%", "ws://a/%41%2f%zz%"),
        Legal("ws://a/b c", false, "a", 80, "/b%20c", "ws://a/b%20c"),
        Legal("ws://a/\"<>", false, "a", 80, "/%22%3C%3E", "ws://a/%22%3C%3E"),
        Legal("ws://a/\u{E9}?\u{20AC}=\u{1F600}", false, "a", 80, euro, "ws://a" + euro),
        // A character made of a delimiter and an accent begins with the delimiter all the same.
        Legal("ws://a/\u{301}b", false, "a", 80, "/%CC%81b", "ws://a/%CC%81b"),
        Legal("ws://a?\u{301}b", false, "a", 80, "/?%CC%81b", "ws://a/?%CC%81b"),
        Legal("ws://a/http://b/", false, "a", 80, "/http://b/", "ws://a/http://b/"),
        Legal("ws://a/b@c", false, "a", 80, "/b@c", "ws://a/b@c"),
    ]

    private static let euro = "/%C3%A9?%E2%82%AC=%F0%9F%98%80"

    @Test("An illegal URL is refused with a sentence that says why", arguments: illegal)
    func illegalURL(_ text: String, _ reason: String) throws {
        let error = try #require(throws: UsageError.self) { try WebSocketURL(text) }
        #expect(error == .invalidURL(reason))
        #expect(error.description == reason)
    }

    static let illegal =
        ["", "a", "/a", "//a/b", "ws", "ws:", "ws:a", "ws:/a", "a:80", "localhost:8080/b"].map {
            ($0, "\"\($0)\" has no scheme: ws:// or wss:// is expected")
        } + [
            ("ftp://a", "scheme \"ftp\" is not ws or wss"), ("://a", "scheme \"\" is not ws or wss"),
            (" ws://a", "scheme \" ws\" is not ws or wss"), ("wsss://a", "scheme \"wsss\" is not ws or wss"),
            ("w\u{17F}://a", "scheme \"w\u{17F}\" is not ws or wss"),
            ("\nws://a", "scheme \"\nws\" is not ws or wss"),
            ("ws://a#", fragment), ("ws://a/#b", fragment), ("ws://a/?b#c", fragment), ("ws://#", fragment),
            ("ws://a/#\u{301}b", fragment), ("ws://u@a", user), ("ws://u:p@a/b", user), ("ws://@a", user),
            ("ws://a:0", "port 0 is not one"), ("ws://a:00000/", "port 00000 is not one"),
            ("ws://a/\n", control), ("ws://a/b\tc", control), ("ws://a/?\u{0}", control),
            ("ws://a/\u{7F}", control),
            ("ws://a/\r\nX: y", control), ("ws://a/\u{1F}", control),
        ]
        + [
            "", ":80", "a:65536", "a:99999", "a:100000", "a:-1", "a:+1", "a:8o", "a: 80", "a:80:80", "a b",
            "a\tb", "a\n",
            "a\r\nX: y", "a\u{0}", "b\u{FC}cher.example", "a\u{301}", "a\\b", "a<b", "a\"", "a^b", "a|b",
            "a`b", "a{b}",
            "a%", "a%2", "a%zz", "[", "[]", "[::1", "::1", "[::1]a", "[::1]:x", "[a]", "[1.2.3.4]", "[1:2]",
            "[::1::]",
            "[:1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8:]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]",
            "[::12345]",
            "[::1.2.3.4.5]", "[::1..3.4]", "[::1.2.3.004]", "[1.2.3.4::]", "[fe80::1%25en0]", "[v1.a]", "]",
            "a]",
        ].map { ("ws://\($0)/b", "\"\($0)\" is not a host with an optional port") }

    private static let fragment = "a WebSocket URL has no fragment (#)"
    private static let user = "a user or password in the URL is not used here"
    private static let control = "control character in the URL"
}
