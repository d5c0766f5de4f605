import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Reading a request's head: what is legal")
struct HTTPRequestParserTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let lines: [String]

        init(_ name: String, _ head: [String], _ lines: [String]) {
            self.init(name, raw: headText(head), lines)
        }

        init(_ name: String, raw: String, _ lines: [String]) {
            testDescription = name
            head = raw
            self.lines = lines
        }
    }

    @Test("A legal head is read the same however it is cut, and not a byte further", arguments: table)
    func legalHead(_ row: Row) {
        let bytes = latin1(row.head)
        #expect(outcomeHoweverCut(bytes, HTTPRequestParser.self) == .head(row.lines, used: bytes.count))
    }

    private static let start = "GET / HTTP/1.1"
    private static let host = "Host: a.example"
    private static let read = "GET / at a.example in 1.1"
    private static let visible = latin1Text(UInt8(0x21)...0x7E).filter { $0 != "#" }

    static let table: [Row] = fields + targets + hosts + startLines

    private static let fields = [
        Row("the least there can be", [start, host], [read]),
        Row("no blank after the colon", [start, "Host:a.example"], [read]),
        Row("blanks and tabs around a value", [start, "Host: \t a.example \t ", "A:\t1\t"], [read, "A: 1"]),
        Row("a tab in a value", [start, host, "A: b\tc"], [read, "A: b\tc"]),
        Row("an empty value", [start, host, "A:"], [read, "A: "]),
        Row("a value of blanks", [start, host, "A: \t \t"], [read, "A: "]),
        Row("colons in a value", [start, host, "A::b:c"], [read, "A: :b:c"]),
        Row(
            "bytes above 7F in a value",
            [start, host, "A: \u{80}\u{E9}\u{FF}"],
            [read, "A: \u{80}\u{E9}\u{FF}"]
        ),
        Row("UTF-8 in a value", [start, host, "A: \u{C3}\u{A9}"], [read, "A: \u{C3}\u{A9}"]),
        Row("a quoted string with a comma", [start, host, "A: \"b, \\\"c\""], [read, "A: \"b, \\\"c\""]),
        Row(
            "every character of tokens in a name",
            [start, host, "\(tokenCharacters): 1"],
            [read, "\(tokenCharacters): 1"]
        ),
        Row("names in any case", [start, "hOST: a.example", "uPGRADE: 1"], [read, "uPGRADE: 1"]),
        Row(
            "one name three times, kept in order",
            [start, "A: 1", host, "B: 2", "a: 3", "A: 1"],
            [read, "A: 1", "B: 2", "a: 3", "A: 1"]
        ),
        Row("a body announced", [start, host, "Content-Length: 5"], [read, "Content-Length: 5"]),
        Row("no body announced", [start, host, "Content-Length: 0"], [read, "Content-Length: 0"]),
        Row(
            "a length beyond any integer",
            [start, host, "Content-Length: 99999999999999999999"],
            [read, "Content-Length: 99999999999999999999"]
        ),
        Row(
            "a body in chunks",
            [start, host, "Transfer-Encoding: chunked"],
            [read, "Transfer-Encoding: chunked"]
        ),
    ]

    private static let targets = [
        Row(
            "a path with a query",
            ["GET /a/b?c=d&e HTTP/1.1", host],
            ["GET /a/b?c=d&e at a.example in 1.1"]
        ),
        Row("two slashes", ["GET //b.example/ HTTP/1.1", host], ["GET //b.example/ at a.example in 1.1"]),
        Row(
            "every visible character but #",
            ["GET /\(visible) HTTP/1.1", host],
            ["GET /\(visible) at a.example in 1.1"]
        ),
        Row(
            "a URL, whose host wins over Host",
            ["GET http://b.example:81/x?y HTTP/1.1", host],
            ["GET /x?y at b.example:81 in 1.1"]
        ),
        Row("a URL without a path", ["GET https://b.example HTTP/1.1", host], ["GET / at b.example in 1.1"]),
        Row(
            "a URL with a query only",
            ["GET ws://b.example?y HTTP/1.1", host],
            ["GET /?y at b.example in 1.1"]
        ),
        Row("a URL in capitals", ["GET WSS://B.EXAMPLE/X HTTP/1.1", host], ["GET /X at B.EXAMPLE in 1.1"]),
        Row(
            "a URL in a query",
            ["GET /?u=http://b/ HTTP/1.1", host],
            ["GET /?u=http://b/ at a.example in 1.1"]
        ),
        Row("the asterisk of OPTIONS", ["OPTIONS * HTTP/1.1", host], ["OPTIONS * at a.example in 1.1"]),
        Row("the authority of CONNECT", ["CONNECT b:443 HTTP/1.1", host], ["CONNECT  at b:443 in 1.1"]),
    ]

    private static let hosts = [
        "a", "a.example", "A.Example.", "a:80", "a:", "a:65535", "1.2.3.4", "1.2.3.4:8080", "[::1]",
        "[::]:80",
        "[2001:db8::ffff:1.2.3.4]:1", "a_b", "a%2Db", "a-b~!$&'()*+,;=", "256.1.1.1",
    ].map { Row("Host: \($0)", [start, "Host: \($0)"], ["GET / at \($0) in 1.1"]) }

    private static let startLines = [
        Row("a blank line before", raw: "\r\n" + headText([start, host]), [read]),
        Row("HTTP/1.0 without Host", ["GET / HTTP/1.0"], ["GET / at - in 1.0"]),
        Row("HTTP/1.0 with Host", ["GET / HTTP/1.0", host], ["GET / at a.example in 1.0"]),
        // RFC 9110 §9.1: a method is case-sensitive, so this is one of its own.
        Row("a method in small letters", ["get / HTTP/1.1", host], ["get / at a.example in 1.1"]),
        Row(
            "a method of every character of tokens",
            ["\(tokenCharacters) / HTTP/1.1", host],
            ["\(tokenCharacters) / at a.example in 1.1"]
        ),
    ]

    @Test("A parser says whether a request has begun")
    func hasBegun() throws {
        var parser = HTTPRequestParser()
        #expect(!parser.hasBegun)
        var offset = 0
        let nothing = try [UInt8]().withUnsafeBytes { try parser.parse($0, at: &offset) }
        #expect(nothing == nil)
        #expect(!parser.hasBegun)
        let unfinished = try latin1("G").withUnsafeBytes { try parser.parse($0, at: &offset) }
        #expect(unfinished == nil)
        #expect(parser.hasBegun)
        #expect(offset == 1)
    }

    @Test("A parser begins at the offset it is given")
    func offset() throws {
        var parser = HTTPRequestParser()
        let bytes = latin1("xyz" + headText([Self.start, Self.host]) + "rest")
        var offset = 3
        let head = try #require(try bytes.withUnsafeBytes { try parser.parse($0, at: &offset) })
        #expect(HTTPRequestParser.lines(head) == [Self.read])
        #expect(bytes[offset...].elementsEqual("rest".utf8))
    }
}
