import Testing

@testable import WebSockets

@Suite("Components of URLs")
struct URLComponentTests {
    @Test("All of them")
    func all() throws {
        let url = try WebURL("wss://us%40er:pa:ss@Example.COM:8443/a/b;c?d=e?f#g#h")
        #expect(url.href == "wss://us%40er:pa%3Ass@example.com:8443/a/b;c?d=e?f#g#h")
        #expect(url.hrefWithoutFragment == "wss://us%40er:pa%3Ass@example.com:8443/a/b;c?d=e?f")
        #expect(url.protocol == "wss:")
        #expect(url.scheme == "wss")
        #expect(url.username == "us%40er")
        #expect(url.password == "pa%3Ass")
        #expect(url.host == "example.com:8443")
        #expect(url.hostname == "example.com")
        #expect(url.port == "8443")
        #expect(url.portNumber == 8443)
        #expect(url.effectivePort == 8443)
        #expect(url.pathname == "/a/b;c")
        #expect(url.search == "?d=e?f")
        #expect(url.query == "d=e?f")
        #expect(url.hash == "#g#h")
        #expect(url.fragment == "g#h")
        #expect(url.origin == "wss://example.com:8443")
    }

    @Test("None of them")
    func none() throws {
        let url = try WebURL("b:")
        #expect(url.href == "b:")
        #expect(url.hrefWithoutFragment == "b:")
        #expect(url.username.isEmpty && url.password.isEmpty)
        #expect(url.host.isEmpty && url.hostname.isEmpty)
        #expect(url.port.isEmpty)
        #expect(url.portNumber == nil && url.effectivePort == nil)
        #expect(url.pathname.isEmpty)
        #expect(url.search.isEmpty && url.query == nil)
        #expect(url.hash.isEmpty && url.fragment == nil)
    }

    @Test("A mark with nothing behind it shows only in the whole URL")
    func emptyQueryAndFragment() throws {
        let url = try WebURL("ws://h/?#")
        #expect(url.href == "ws://h/?#")
        #expect(url.hrefWithoutFragment == "ws://h/?")
        #expect(url.search.isEmpty && url.query == "")
        #expect(url.hash.isEmpty && url.fragment == "")
    }

    @Test(
        "The port to connect to",
        arguments: [
            ("ws://h", 80), ("http://h", 80), ("wss://h", 443), ("https://h", 443), ("ftp://h", 21),
            ("ws://h:81", 81), ("b://h:82", 82), ("b://h", nil), ("file://h", nil),
        ] as [(String, UInt16?)]
    )
    func effectivePort(_ text: String, _ port: UInt16?) throws {
        #expect(try WebURL(text).effectivePort == port)
    }

    @Test(
        "The origin",
        arguments: [
            ("ws://u:p@h:80/a", "ws://h"),
            ("https://h:8443/", "https://h:8443"),
            ("ftp://h/", "ftp://h"),
            ("http://[::1]/", "http://[::1]"),
            ("file:///a", "null"),
            ("b://h/", "null"),
            ("mailto:a", "null"),
            ("blob:https://h:444/a", "https://h:444"),
            ("blob:http://h", "http://h"),
            ("blob:ws://h", "null"),
            ("blob:ftp://h", "null"),
            ("blob:file:///a", "null"),
            ("blob:blob:https://h/", "null"),
            ("blob:a", "null"),
            ("blob:/a", "null"),
        ]
    )
    func origin(_ text: String, _ origin: String) throws {
        #expect(try WebURL(text).origin == origin)
    }

    @Test("Equal are those that are written alike")
    func equality() throws {
        #expect(try WebURL("WS://H:80") == WebURL("ws://h/"))
        #expect(try WebURL("ws://h/") != WebURL("ws://h/#"))
        #expect(try WebURL("ws://h/") != WebURL("ws://h/?"))
        #expect(try Set([WebURL("ws:h"), WebURL("ws://h"), WebURL("ws://i")]).count == 2)
    }
}
