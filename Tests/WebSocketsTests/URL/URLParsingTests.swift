import Testing

@testable import WebSockets

/// One row for each way through the states of the URL Standard §4.4: input, base, and what is written again.
@Suite("Parsing URLs")
struct URLParsingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let input: String
        let base: String?
        let href: String

        init(_ input: String, _ href: String) {
            self.input = input
            base = nil
            self.href = href
        }

        init(_ input: String, on base: String, _ href: String) {
            self.input = input
            self.base = base
            self.href = href
        }

        var testDescription: String { "\(input.debugDescription) on \(base ?? "nothing")" }
    }

    @Test("A URL is written as", arguments: rows)
    func parsing(_ row: Row) throws {
        let base = try row.base.map { base throws(URLParseFailure) in try WebURL(base) }
        let url = try WebURL(row.input, base: base)
        // As bytes: Swift's == for text would let normalization forms pass for one another.
        #expect(Array(url.href.utf8) == Array(row.href.utf8))
        #expect(try WebURL(url.href) == url)
        #expect(url.description == url.href)
    }

    static let rows =
        schemes + slashes + userinfo + ports + relative + relativeAuthority + files + fileBases + paths + dots
        + opaquePaths + queries + noise

    private static let schemes = [
        Row("ws://a.example", "ws://a.example/"),
        Row("WsS://a.example/", "wss://a.example/"),
        Row("a+b-c.1://h", "a+b-c.1://h"),
        Row("A:b", "a:b"),
        Row("a://", "a://"),
        Row("a:/", "a:/"),
        Row("a:", "a:"),
        // No scheme: its first character is no letter, or another one is not allowed.
        Row("1a:b", on: "ws://h/", "ws://h/1a:b"),
        Row("a_b:c", on: "ws://h/", "ws://h/a_b:c"),
        Row("a", on: "ws://h/", "ws://h/a"),
        Row(":", on: "ws://h/", "ws://h/:"),
    ]

    private static let slashes = [
        Row("ws:h", "ws://h/"),
        Row("ws:/h", "ws://h/"),
        Row("ws:////h", "ws://h/"),
        Row("ws:\\\\h\\a", "ws://h/a"),
        Row("ws:\\/h", "ws://h/"),
        // The same special scheme as the base's, with fewer than two slashes: relative.
        Row("ws:a", on: "ws://h/b/c", "ws://h/b/a"),
        Row("ws:/a", on: "ws://h/b/c", "ws://h/a"),
        Row("ws://a", on: "ws://h/b/c", "ws://a/"),
        Row("ws:///a", on: "ws://h/b/c", "ws://a/"),
        Row("ws:\\a", on: "ws://h/b/c", "ws://h/a"),
        // Another one, or one that is not special: never relative.
        Row("wss:a", on: "ws://h/b", "wss://a/"),
        Row("b:c", on: "b://h/d", "b:c"),
        Row("b:/c", on: "b://h/d", "b:/c"),
        Row("b:\\\\c", "b:\\\\c"),
    ]

    private static let userinfo = [
        Row("ws://u@h/", "ws://u@h/"),
        Row("ws://u:p@h/", "ws://u:p@h/"),
        Row("ws://:p@h/", "ws://:p@h/"),
        Row("ws://u:@h/", "ws://u@h/"),
        Row("ws://@h/", "ws://h/"),
        Row("ws://:@h/", "ws://h/"),
        Row("ws://u:p:q@h/", "ws://u:p%3Aq@h/"),
        Row("ws://u@v:p@q@h:81/", "ws://u%40v:p%40q@h:81/"),
        Row("ws://é;=[]^|'%41@h/", "ws://%C3%A9%3B%3D%5B%5D%5E%7C'%41@h/"),
        Row("b://u:p@h", "b://u:p@h"),
        Row("ws://u\\@h", "ws://u/@h"),
    ]

    private static let ports = [
        Row("ws://h:80/", "ws://h/"),
        Row("wss://h:443/", "wss://h/"),
        Row("http://h:80/", "http://h/"),
        Row("https://h:443/", "https://h/"),
        Row("ftp://h:21/", "ftp://h/"),
        Row("ws://h:443/", "ws://h:443/"),
        Row("ws://h:/", "ws://h/"),
        Row("ws://h:0/", "ws://h:0/"),
        Row("ws://h:65535", "ws://h:65535/"),
        Row("ws://h:0000000000000000000081?", "ws://h:81/?"),
        Row("ws://h:81\\a", "ws://h:81/a"),
        Row("ws://h:81#", "ws://h:81/#"),
        Row("b://h:80", "b://h:80"),
        Row("b://h:", "b://h"),
    ]

    private static let relative = [
        Row("", on: "ws://u:p@h:81/b/c?q#f", "ws://u:p@h:81/b/c?q"),
        Row("?", on: "ws://u:p@h:81/b/c?q#f", "ws://u:p@h:81/b/c?"),
        Row("?x", on: "ws://h/b/c?q#f", "ws://h/b/c?x"),
        Row("#x", on: "ws://h/b/c?q#f", "ws://h/b/c?q#x"),
        Row("d", on: "ws://h/b/c?q#f", "ws://h/b/d"),
        Row("./d", on: "ws://h/b/c", "ws://h/b/d"),
        Row("../d", on: "ws://h/b/c", "ws://h/d"),
        Row("../../../d", on: "ws://h/b/c", "ws://h/d"),
        Row("..", on: "ws://h/b/c", "ws://h/"),
        Row(".", on: "ws://h/b/c", "ws://h/b/"),
        Row("/d", on: "ws://u@h:81/b/c?q", "ws://u@h:81/d"),
        Row("\\d", on: "ws://h/b/c", "ws://h/d"),
        Row("\\d", on: "b://h/b/c", "b://h/b/\\d"),
        Row("d", on: "b://h", "b://h/d"),
        Row("", on: "b:/c/d?q", "b:/c/d?q"),
        // Nothing but a fragment is relative to an opaque path.
        Row("#f", on: "b:c?q#g", "b:c?q#f"),
        Row("#", on: "b:c", "b:c#"),
    ]

    private static let relativeAuthority = [
        Row("//i/d", on: "ws://u:p@h:81/b?q", "ws://i/d"),
        Row("\\\\i\\d", on: "ws://h/", "ws://i/d"),
        Row("/\\i", on: "ws://h/", "ws://i/"),
        Row("////i", on: "ws://h/", "ws://i/"),
        Row("//i", on: "b://h/c", "b://i"),
        Row("///i", on: "b://h/c", "b:///i"),
    ]

    private static let files = [
        Row("file:", "file:///"),
        Row("file:a", "file:///a"),
        Row("file:/a", "file:///a"),
        Row("file://h/a", "file://h/a"),
        Row("file:///a", "file:///a"),
        Row("file:////a", "file:////a"),
        Row("file:\\\\h\\a", "file://h/a"),
        Row("file://LocalHost/a", "file:///a"),
        Row("file://h", "file://h/"),
        Row("file://?q", "file:///?q"),
        Row("file://#f", "file:///#f"),
        Row("file:?q#f", "file:///?q#f"),
        Row("file://1.2/", "file://1.0.0.2/"),
        Row("file://C|/a", "file:///C:/a"),
        Row("file://c:", "file:///c:"),
        Row("file:///C|", "file:///C:"),
        Row("file:C|\\a", "file:///C:/a"),
        Row("file:///C:/..", "file:///C:/"),
        Row("file:///C:/../..", "file:///C:/"),
        Row("file:///a/C|", "file:///a/C|"),
        Row("file:///C|a", "file:///C|a"),
        Row("file:///1:/..", "file:///"),
    ]

    private static let fileBases = [
        Row("", on: "file://h/b/c?q#f", "file://h/b/c?q"),
        Row("?x", on: "file://h/b/c?q", "file://h/b/c?x"),
        Row("#x", on: "file://h/b/c?q", "file://h/b/c?q#x"),
        Row("d", on: "file://h/b/c?q", "file://h/b/d"),
        Row("file:d", on: "file://h/b/c", "file://h/b/d"),
        Row("/d", on: "file://h/b/c", "file://h/d"),
        Row("/d", on: "file:///C:/b/c", "file:///C:/d"),
        Row("/D|/e", on: "file:///C:/b/c", "file:///D:/e"),
        Row("D|/e", on: "file:///C:/b/c", "file:///D:/e"),
        Row("D:", on: "file://h/C:/b", "d:"),
        Row("D|", on: "file://h/C:/b", "file://h/D:"),
        Row("D|e", on: "file:///C:/b/c", "file:///C:/b/D|e"),
        Row("/", on: "file:///C:/b", "file:///C:/"),
        Row("..", on: "file:///C:/b", "file:///C:/"),
        Row("..", on: "file:///C:", "file:///C:/"),
        Row("//i/d", on: "file://h/b", "file://i/d"),
        Row("///d", on: "file://h/b", "file:///d"),
        Row("file:d", on: "ws://h/b", "file:///d"),
        Row("file:///C:/d", on: "file://h/b", "file:///C:/d"),
    ]

    private static let paths = [
        Row("ws://h", "ws://h/"),
        Row("ws://h//", "ws://h//"),
        Row("ws://h/a\\b", "ws://h/a/b"),
        Row("b://h/a\\b", "b://h/a\\b"),
        Row("b://h?q", "b://h?q"),
        Row("b://h#f", "b://h#f"),
        Row("b:/a?q", "b:/a?q"),
        Row("ws://h/ \"<>`{}^|'[]é%zz%41", "ws://h/%20%22%3C%3E%60%7B%7D%5E|'[]%C3%A9%zz%41"),
        Row("ws://h/\u{0}\u{1F}\u{7F}\u{80}", "ws://h/%00%1F%7F%C2%80"),
        Row("ws://h/😀", "ws://h/%F0%9F%98%80"),
        // An accent hides nothing of what it stands on.
        Row("ws://h/\u{301}?\u{301}#\u{301}", "ws://h/%CC%81?%CC%81#%CC%81"),
    ]

    private static let dots = [
        Row("ws://h/a/./b", "ws://h/a/b"),
        Row("ws://h/a/../b", "ws://h/b"),
        Row("ws://h/a/..", "ws://h/"),
        Row("ws://h/a/.", "ws://h/a/"),
        Row("ws://h/a/%2e/b", "ws://h/a/b"),
        Row("ws://h/a/%2E%2e/b", "ws://h/b"),
        Row("ws://h/a/.%2e/b", "ws://h/b"),
        Row("ws://h/a/%2E./b", "ws://h/b"),
        Row("ws://h/a/...", "ws://h/a/..."),
        Row("ws://h/a/%2e%2e%2e", "ws://h/a/%2e%2e%2e"),
        Row("ws://h/a/%2f..", "ws://h/a/%2f.."),
        Row("ws://h/a//../b", "ws://h/a/b"),
        Row("ws://h/..?q", "ws://h/?q"),
        Row("ws://h/.#f", "ws://h/#f"),
        Row("b:/..", "b:/"),
        // What follows is no host, and may not look like one.
        Row("b:/.//a", "b:/.//a"),
        Row("b:/a/..//c", "b:/.//c"),
        Row("b:/.//", "b:/.//"),
        Row("b:/a/..", "b:/"),
    ]

    private static let opaquePaths = [
        Row("b:c/../d", "b:c/../d"),
        Row("b:é \"<>`\u{0}d", "b:%C3%A9 \"<>`%00d"),
        Row("b:c ", "b:c"),
        Row("b:c  ?q", "b:c %20?q"),
        Row("b:c  #f", "b:c %20#f"),
        Row("b: c d", "b: c d"),
        Row("b:c?q#f", "b:c?q#f"),
        Row("b:?#", "b:?#"),
    ]

    private static let queries = [
        Row("ws://h?a=1&b='\"<>`é#", "ws://h/?a=1&b=%27%22%3C%3E`%C3%A9#"),
        Row("b://h?'#'", "b://h?'#'"),
        Row("ws://h/??a", "ws://h/??a"),
        Row("ws://h/#a#b ?\"<>`'é", "ws://h/#a#b%20?%22%3C%3E%60'%C3%A9"),
    ]

    private static let noise = [
        Row(" \u{0}\u{1F}ws://h/ \r\n\t", "ws://h/"),
        Row("w\ns\t:\r/\n/h\t/a\rb?c\nd#e\tf", "ws://h/ab?cd#ef"),
        // A newline of two characters is one Character to Swift.
        Row("ws://h/a\r\nb", "ws://h/ab"),
        Row(" ", on: "ws://h/b", "ws://h/b"),
        Row("\t?\n", on: "ws://h/b", "ws://h/b?"),
        Row("\u{A0}", on: "ws://h/b", "ws://h/%C2%A0"),
    ]

    @Test("It is refused", arguments: refused)
    func refusal(_ input: String, _ reason: URLParseFailure.Reason) {
        #expect(throws: URLParseFailure(reason)) { try WebURL(input) }
    }

    static let refused: [(String, URLParseFailure.Reason)] = [
        ("", .relativeWithoutBase),
        ("a", .relativeWithoutBase),
        ("/a", .relativeWithoutBase),
        ("//a", .relativeWithoutBase),
        ("1:", .relativeWithoutBase),
        ("é:", .relativeWithoutBase),
        ("ws:", .hostMissing),
        ("ws://", .hostMissing),
        ("ws://?", .hostMissing),
        ("ws:///", .hostMissing),
        ("ws://:80", .hostMissing),
        ("ws://u@", .hostMissing),
        ("ws://u@/", .hostMissing),
        ("ws://u:p@:80", .hostMissing),
        ("b://u@", .hostMissing),
        ("b://u@/", .hostMissing),
        ("b://:80", .hostMissing),
        ("ws://h:a", .portInvalid),
        ("ws://h:8a", .portInvalid),
        ("ws://h:-1", .portInvalid),
        ("ws://h: 1", .portInvalid),
        ("b://h:1\\", .portInvalid),
        ("ws://h:65536", .portOutOfRange),
        ("ws://h:99999999999999999999999", .portOutOfRange),
        ("file://h:80", .hostCharacter(":")),
        ("b://h\\c", .hostCharacter("\\")),
    ]

    @Test("Only a fragment is relative to an opaque path", arguments: ["", "a", "?q", "/a", "//h", "\\"])
    func opaqueBase(_ input: String) throws {
        let base = try WebURL("mailto:a@b.example")
        #expect(throws: URLParseFailure(.relativeToOpaquePath(scheme: "mailto"))) {
            try WebURL(input, base: base)
        }
    }

    @Test("An absolute URL takes nothing of its base")
    func absolute() throws {
        let base = try WebURL("mailto:a")
        #expect(try WebURL("ws://h/", base: base).href == "ws://h/")
    }

    @Test("The sentence names what is wrong")
    func sentences() {
        #expect(URLParseFailure(.portOutOfRange).description == "the port is greater than 65535")
        #expect(URLParseFailure(.hostCharacter("<")).description == "< (U+003C) is forbidden in a host")
        #expect(URLParseFailure(.hostCharacter(" ")).description == "U+0020 is forbidden in a host")
        #expect(
            URLParseFailure(.domainCharacter("\u{FFFD}")).description
                == "U+FFFD is not allowed in a domain name"
        )
        #expect(URLParseFailure.excerpt(Array(repeating: 0x61, count: 64)).count == 64)
        #expect(URLParseFailure.excerpt(Array(repeating: 0x61, count: 65)).hasSuffix("a..."))
    }
}
