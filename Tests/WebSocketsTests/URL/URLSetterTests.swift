import Testing

@testable import WebSockets

/// URL Standard §6.1, the setters.
@Suite("Setting components of URLs")
struct URLSetterTests {
    /// The URL before, the value that is set, and the URL afterwards.
    typealias Row = (before: String, value: String, after: String)

    private func check(_ row: Row, _ set: (inout WebURL, String) -> Void) throws {
        var url = try WebURL(row.before)
        set(&url, row.value)
        #expect(url.href == row.after)
        #expect(try WebURL(url.href) == url)
    }

    @Test("The whole")
    func href() throws {
        var url = try WebURL("ws://h/a?b#c")
        try url.setHref(" WSS://i ")
        #expect(url.href == "wss://i/")
        #expect(throws: URLParseFailure(.relativeWithoutBase)) { try url.setHref("/a") }
        #expect(url.href == "wss://i/")
    }

    @Test(
        "The protocol",
        arguments: [
            ("ws://h/", "wss", "wss://h/"),
            ("ws://h/", "WSS:", "wss://h/"),
            ("ws://h/", "https:anything", "https://h/"),
            ("ws://h:443/", "wss", "wss://h/"),
            ("wss://h:80/", "ws", "ws://h/"),
            ("ws://h:81/", "wss", "wss://h:81/"),
            // Special to special, others to others.
            ("ws://h/", "b", "ws://h/"),
            ("b://h/", "ws", "b://h/"),
            ("b://h/", "c", "c://h/"),
            ("b:h", "c", "c:h"),
            // No scheme.
            ("ws://h/", "", "ws://h/"),
            ("ws://h/", "1", "ws://h/"),
            ("ws://h/", "w_s", "ws://h/"),
            ("ws://h/", "é", "ws://h/"),
            ("ws://h/", "w\ns\ts", "wss://h/"),
            // A file has no user and no port, others have a host.
            ("ws://h/", "file", "file://h/"),
            ("ws://u@h/", "file", "ws://u@h/"),
            ("ws://:p@h/", "file", "ws://:p@h/"),
            ("ws://h:81/", "file", "ws://h:81/"),
            ("file:///a", "ws", "file:///a"),
            ("file://h/a", "ws", "ws://h/a"),
        ] as [Row]
    )
    func scheme(_ row: Row) throws {
        try check(row) { $0.setProtocol($1) }
    }

    @Test("What becomes a file's URL is not looked at again")
    func becomingFile() throws {
        var url = try WebURL("ws://localhost/C|/a")
        url.setProtocol("file")
        #expect(url.href == "file://localhost/C|/a")
        #expect(try WebURL(url.href).href == "file:///C:/a")
    }

    @Test(
        "The user",
        arguments: [
            ("ws://h/", "u", "ws://u@h/"),
            ("ws://u:p@h/", "", "ws://:p@h/"),
            ("ws://u@h/", "", "ws://h/"),
            ("ws://h/", "a:b@c/é%41\n", "ws://a%3Ab%40c%2F%C3%A9%41%0A@h/"),
            ("b://h", "u", "b://u@h"),
            ("b:h", "u", "b:h"),
            ("b:///h", "u", "b:///h"),
            ("file://h/", "u", "file://h/"),
        ] as [Row]
    )
    func username(_ row: Row) throws {
        try check(row) { $0.setUsername($1) }
    }

    @Test(
        "The password",
        arguments: [
            ("ws://h/", "p", "ws://:p@h/"),
            ("ws://u:p@h/", "", "ws://u@h/"),
            ("ws://u@h/", "a:b@c", "ws://u:a%3Ab%40c@h/"),
            ("b:h", "p", "b:h"),
            ("file://h/", "p", "file://h/"),
        ] as [Row]
    )
    func password(_ row: Row) throws {
        try check(row) { $0.setPassword($1) }
    }

    private static let hosts: [Row] = [
        ("ws://h:81/a", "i", "ws://i:81/a"),
        ("ws://h/a", "I.Example", "ws://i.example/a"),
        ("ws://h/a", "bücher", "ws://xn--bcher-kva/a"),
        ("ws://h/a", "0x7F.1", "ws://127.0.0.1/a"),
        ("ws://h/a", "[::0:1]", "ws://[::1]/a"),
        ("ws://h/a", "i/b", "ws://i/a"),
        ("ws://h/a", "i?b", "ws://i/a"),
        ("ws://h/a", "i#b", "ws://i/a"),
        ("ws://h/a", "i\\b", "ws://i/a"),
        ("ws://h/a", "\ti\n", "ws://i/a"),
        ("b://h/a", "i\\b", "b://h/a"),
        ("b://h/a", "É", "b://%C3%89/a"),
        ("b://h/a", "", "b:///a"),
        ("b:/a", "h", "b://h/a"),
        ("b:/.//a", "h", "b://h//a"),
        ("b:/.//a", "", "b:////a"),
        // Not possible.
        ("ws://h/a", "", "ws://h/a"),
        ("ws://h/a", "u@i", "ws://h/a"),
        ("ws://h/a", "a b", "ws://h/a"),
        ("ws://h/a", "[::1", "ws://h/a"),
        ("ws://h/a", "1.2.3.4.5", "ws://h/a"),
        ("ws://h/a", ":80", "ws://h/a"),
        ("b://u@h/a", "", "b://u@h/a"),
        ("b://h:1/a", "", "b://h:1/a"),
        ("b:h", "i", "b:h"),
        // Files.
        ("file:///a", "h", "file://h/a"),
        ("file://h/a", "", "file:///a"),
        ("file://h/a", "localhost", "file:///a"),
        ("file://h/a", "i:80", "file://h/a"),
        ("file:///a", "C|", "file:///a"),
    ]

    @Test(
        "The host, with a port",
        arguments: hosts + [
            ("ws://h/a", "i:81", "ws://i:81/a"),
            ("ws://h:81/a", "i:80", "ws://i/a"),
            ("ws://h:81/a", "i:", "ws://i:81/a"),
            ("ws://h:81/a", "i:82b", "ws://i:82/a"),
            ("ws://h:81/a", "i:b", "ws://i:81/a"),
            ("ws://h:81/a", "i:65536", "ws://i:81/a"),
            ("ws://h/a", "[::1]:81", "ws://[::1]:81/a"),
        ]
    )
    func host(_ row: Row) throws {
        try check(row) { $0.setHost($1) }
    }

    @Test(
        "The host alone",
        arguments: hosts + [
            ("ws://h/a", "i:81", "ws://h/a"),
            ("ws://h/a", "i:", "ws://h/a"),
            ("ws://h/a", "[::1]:81", "ws://h/a"),
        ]
    )
    func hostname(_ row: Row) throws {
        try check(row) { $0.setHostname($1) }
    }

    @Test(
        "The port",
        arguments: [
            ("ws://h/", "81", "ws://h:81/"),
            ("ws://h:81/", "", "ws://h/"),
            ("ws://h:81/", "80", "ws://h/"),
            ("ws://h:81/", "082xyz", "ws://h:82/"),
            ("ws://h:81/", "8\n2", "ws://h:82/"),
            ("ws://h:81/", "0", "ws://h:0/"),
            ("ws://h:81/", "x", "ws://h:81/"),
            ("ws://h:81/", "-1", "ws://h:81/"),
            ("ws://h:81/", "65536", "ws://h:81/"),
            ("b://h", "80", "b://h:80"),
            ("b:///", "80", "b:///"),
            ("b:h", "80", "b:h"),
            ("file://h/", "80", "file://h/"),
        ] as [Row]
    )
    func port(_ row: Row) throws {
        try check(row) { $0.setPort($1) }
    }

    @Test(
        "The path",
        arguments: [
            ("ws://h/a?q", "b", "ws://h/b?q"),
            ("ws://h/a", "/b/../c", "ws://h/c"),
            ("ws://h/a", "", "ws://h/"),
            ("ws://h/a", "?#", "ws://h/%3F%23"),
            ("ws://h/a", "\\b\\c", "ws://h/b/c"),
            ("b://h/a", "\\b", "b://h/\\b"),
            ("b://h/a", "", "b://h"),
            ("b://h", "?", "b://h/%3F"),
            ("b:/a", "", "b:/"),
            ("b:/a", "//b", "b:/.//b"),
            ("b:/a", "..", "b:/"),
            ("b:a", "/b", "b:a"),
            ("file:///a", "C|/b", "file:///C:/b"),
            ("file:///C:/a", "b", "file:///b"),
        ] as [Row]
    )
    func pathname(_ row: Row) throws {
        try check(row) { $0.setPathname($1) }
    }

    @Test(
        "The query",
        arguments: [
            ("ws://h/#f", "q", "ws://h/?q#f"),
            ("ws://h/#f", "?q", "ws://h/?q#f"),
            ("ws://h/", "??q", "ws://h/??q"),
            ("ws://h/?q", "", "ws://h/"),
            ("ws://h/?q", "?", "ws://h/?"),
            ("ws://h/", "a#b'", "ws://h/?a%23b%27"),
            ("b:h", "a#b'", "b:h?a%23b'"),
            ("ws://h/", "\t?\u{301}", "ws://h/??%CC%81"),
            ("ws://h/", "?\u{301}", "ws://h/?%CC%81"),
        ] as [Row]
    )
    func search(_ row: Row) throws {
        try check(row) { $0.setSearch($1) }
    }

    @Test(
        "The fragment",
        arguments: [
            ("ws://h/?q", "f", "ws://h/?q#f"),
            ("ws://h/", "#f", "ws://h/#f"),
            ("ws://h/", "##f", "ws://h/##f"),
            ("ws://h/#f", "", "ws://h/"),
            ("ws://h/#f", "#", "ws://h/#"),
            ("ws://h/", "a `b\n", "ws://h/#a%20%60b"),
            ("b:h", "f", "b:h#f"),
        ] as [Row]
    )
    func hash(_ row: Row) throws {
        try check(row) { $0.setHash($1) }
    }
}
