import Testing

@testable import WebSockets

/// WebSockets Standard, "get a URL record", and Fetch Standard §2.9.
@Suite("URLs of WebSockets")
struct WebSocketURLRecordTests {
    @Test(
        "Taken",
        arguments: [
            ("ws://h/a?b", nil, "ws://h/a?b"),
            ("wss://h", nil, "wss://h/"),
            ("http://h:80/", nil, "ws://h/"),
            ("https://h:443/", nil, "wss://h/"),
            ("http://h:443/", nil, "ws://h:443/"),
            ("HTTPS://u:p@h:80/", nil, "wss://u:p@h:80/"),
            ("/chat", "https://h:8443/app/?q#f", "wss://h:8443/chat"),
            ("//i/chat", "http://h/", "ws://i/chat"),
            ("chat?x", "ws://h/a/b", "ws://h/a/chat?x"),
            ("", "http://h/a?b#c", "ws://h/a?b"),
            ("wss://i/", "mailto:a", "wss://i/"),
        ] as [(String, String?, String)]
    )
    func taken(_ text: String, _ base: String?, _ href: String) throws {
        let base = try base.map { base throws(URLParseFailure) in try WebURL(base) }
        #expect(try WebURL.webSocketURL(text, base: base).href == href)
    }

    @Test(
        "Refused",
        arguments: [
            ("ftp://h/", .webSocketScheme("ftp")),
            ("file:///a", .webSocketScheme("file")),
            ("mailto:a", .webSocketScheme("mailto")),
            ("wsss://h/#f", .webSocketScheme("wsss")),
            ("ws://h/#f", .webSocketFragment),
            ("https://h/#", .webSocketFragment),
            ("/a", .relativeWithoutBase),
            ("ws://", .hostMissing),
            ("ws://h:70000", .portOutOfRange),
        ] as [(String, URLParseFailure.Reason)]
    )
    func refused(_ text: String, _ reason: URLParseFailure.Reason) {
        #expect(throws: URLParseFailure(reason)) { try WebURL.webSocketURL(text) }
    }

    @Test("The scheme may be the base's, and then be wrong")
    func base() throws {
        let base = try WebURL("ftp://h/a")
        #expect(throws: URLParseFailure(.webSocketScheme("ftp"))) {
            try WebURL.webSocketURL("b", base: base)
        }
    }

    @Test("The sentence says which rule was broken")
    func sentences() {
        #expect(
            URLParseFailure(.webSocketScheme("ftp")).description.hasSuffix("ws, wss, http or https, not ftp")
        )
        #expect(URLParseFailure(.webSocketFragment).description == "a WebSocket's URL has no fragment (#)")
    }

    @Test("Blocked ports")
    func blockedPorts() {
        let blocked = (UInt16.min...UInt16.max).filter { WebURL.isBlockedPort($0) }
        #expect(blocked.count == 83)
        #expect(blocked.first == 0 && blocked.last == 10080)
        for port in [1, 22, 25, 6000, 6665, 6669, 6697] as [UInt16] { #expect(WebURL.isBlockedPort(port)) }
        for port in [80, 443, 8080, 8443, 6664, 6670, 65535] as [UInt16] {
            #expect(!WebURL.isBlockedPort(port))
        }
    }
}
