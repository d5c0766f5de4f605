import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Reading a request's head: what is refused")
struct HTTPRequestParserRefusalTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let status: Int
        let reason: String

        init(_ name: String, _ head: [String], _ reason: String, status: Int = 400) {
            self.init(name, raw: headText(head), reason, status: status)
        }

        init(_ name: String, raw: String, _ reason: String, status: Int = 400) {
            testDescription = name
            head = raw
            self.status = status
            self.reason = reason
        }
    }

    @Test("An illegal head is refused with a status and a reason, however it is cut", arguments: table)
    func illegalHead(_ row: Row) throws {
        let outcome = outcomeHoweverCut(latin1(row.head), HTTPRequestParser.self)
        guard case .refused(let error, let used) = outcome else {
            Issue.record("not refused: \(outcome)")
            return
        }
        #expect(error.description == row.reason)
        #expect(error.httpStatus == row.status)
        #expect(used <= row.head.unicodeScalars.count)
    }

    private static let start = "GET / HTTP/1.1"
    private static let host = "Host: a.example"

    static let table: [Row] = lineEnds + startLines + targets + fields + hosts + framing + otherProtocols

    private static let lineEnds = [
        Row("a bare LF after the request line", raw: "GET / HTTP/1.1\nHost: a\r\n\r\n", lone),
        Row("a bare LF after a field", raw: "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", lone),
        Row("a bare LF for the last line", raw: "GET / HTTP/1.1\r\nHost: a\r\n\n", lone),
        Row("a bare LF first", raw: "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", lone),
        Row("a bare CR in a value", raw: "GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n", return_),
        Row("a bare CR in the target", raw: "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", return_),
        Row("two CRs at a line's end", raw: "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", return_),
        Row("a bare CR for the last line", raw: "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", return_),
        Row("LF CR", raw: "GET / HTTP/1.1\n\rHost: a\r\n\r\n", lone),
        Row(
            "two blank lines first",
            raw: "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            bad("empty start line")
        ),
    ]

    private static let startLines = [
        Row("HTTP/0.9's request line", ["GET /"], parts),
        Row("a method alone", ["GET"], parts),
        Row("a blank before the method", [" \(start)", host], parts),
        Row("two blanks after the method", ["GET  / HTTP/1.1", host], parts),
        Row("two blanks before the version", ["GET /  HTTP/1.1", host], parts),
        Row("a blank after the version", ["\(start) ", host], parts),
        Row("a blank in the target", ["GET /a b HTTP/1.1", host], parts),
        Row("tabs for blanks", ["GET\t/\tHTTP/1.1", host], parts),
        Row("a tab in the method", ["GE\tT / HTTP/1.1", host], bad("the method is not a token")),
        Row("an empty method", [" / HTTP/1.1", host], bad("the method is not a token")),
        Row("brackets in the method", ["G(E)T / HTTP/1.1", host], bad("the method is not a token")),
        Row("a method beyond ASCII", ["G\u{C3}\u{8B}T / HTTP/1.1", host], bad("the method is not a token")),
        Row("http/1.1 in small letters", ["GET / http/1.1", host], version),
        Row("a version without its minor", ["GET / HTTP/1", host], version),
        Row("a version of three digits", ["GET / HTTP/1.10", host], version),
        Row("a version of digits beyond ASCII", ["GET / HTTP/1.\u{B9}", host], version),
        Row("a version of letters", ["GET / HTTP/a.b", host], version),
        Row("a version with a comma", ["GET / HTTP/1,1", host], version),
        Row("another protocol's version", ["GET / RTSP/1.0", host], version),
        Row("HTTP/1.2", ["GET / HTTP/1.2", host], "HTTP/1.2 is not HTTP/1.1", status: 505),
        Row("HTTP/0.9 by name", ["GET / HTTP/0.9", host], "HTTP/0.9 is not HTTP/1.1", status: 505),
        Row("HTTP/3.0", ["GET / HTTP/3.0", host], "HTTP/3.0 is not HTTP/1.1", status: 505),
    ]

    private static let targets = [
        Row("an empty target", ["GET  HTTP/1.1", host], bad("the target is neither a path nor a URL")),
        Row(
            "a target without a slash",
            ["GET a HTTP/1.1", host],
            bad("the target is neither a path nor a URL")
        ),
        Row("an asterisk for GET", ["GET * HTTP/1.1", host], bad("the target is neither a path nor a URL")),
        Row(
            "an authority for GET",
            ["GET a:80 HTTP/1.1", host],
            bad("the target is neither a path nor a URL")
        ),
        Row(
            "another scheme",
            ["GET ftp://a/ HTTP/1.1", host],
            bad("the target is neither a path nor a URL")
        ),
        Row(
            "a broken authority",
            ["CONNECT [::1 HTTP/1.1", host],
            bad("the target is neither a path nor a URL")
        ),
        Row(
            "a fragment",
            ["GET /#a HTTP/1.1", host],
            bad("the target has characters that a URL cannot hold")
        ),
        Row(
            "UTF-8",
            ["GET /\u{C3}\u{A9} HTTP/1.1", host],
            bad("the target has characters that a URL cannot hold")
        ),
        Row("a tab", ["GET /\ta HTTP/1.1", host], bad("the target has characters that a URL cannot hold")),
        Row("a URL with a user", ["GET http://u:p@a/ HTTP/1.1", host], "invalid Host: not a host"),
        Row("a URL without a host", ["GET http:///a HTTP/1.1", host], "invalid Host: not a host"),
        Row("a URL with a broken port", ["GET ws://a:b/ HTTP/1.1", host], "invalid Host: not a host"),
    ]

    private static let fields = [
        Row("a folded line", [start, host, "A: b", " c"], bad("folded header line")),
        Row("a line folded with a tab", [start, host, "A: b", "\tc"], bad("folded header line")),
        Row("a blank before the first field", [start, " \(host)"], bad("folded header line")),
        Row("a line of one blank", [start, host, " "], bad("folded header line")),
        Row("a blank before the colon", [start, "Host : a"], bad("header name is not a token")),
        Row("a tab before the colon", [start, "Host\t: a"], bad("header name is not a token")),
        Row("an empty name", [start, host, ": a"], bad("header name is not a token")),
        Row("a blank in a name", [start, host, "A B: c"], bad("header name is not a token")),
        Row("brackets in a name", [start, host, "A(b): c"], bad("header name is not a token")),
        Row("a name beyond ASCII", [start, host, "\u{C3}\u{A9}: c"], bad("header name is not a token")),
        Row("no colon", [start, host, "A"], bad("header line without a colon")),
        Row("a NUL", [start, host, "A: \u{0}"], bad("control character 0")),
        Row("a DEL", [start, host, "A: \u{7F}"], bad("control character 127")),
    ]

    private static let hosts =
        [
            Row("no Host", [start], "invalid Host: missing"),
            Row("no Host beside a URL", ["GET http://a/ HTTP/1.1"], "invalid Host: missing"),
            Row("two Hosts", [start, "Host: a", "Host: b"], "invalid Host: given 2 times"),
            Row("the same Host twice", [start, "Host: a", "host: a"], "invalid Host: given 2 times"),
            Row(
                "two Hosts in HTTP/1.0",
                ["GET / HTTP/1.0", "Host: a", "Host: b"],
                "invalid Host: given 2 times"
            ),
        ]
        + [
            "", "a b", "a/b", "a?b", "a#b", "u@a", "a:b", "a:-1", "a:+80", "a:65536", "a:1:2", "a:8 0", ":80",
            "[::1",
            "::1", "[]", "[::1]x", "[::1]:x", "[a]", "[1:2]", "[1.2.3.4]", "[:::]", "[1::2::3]",
            "[1:2:3:4:5:6:7:8:9]",
            "[1:2:3:4:5:6:7:]", "[12345::]", "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]", "[::1.2.3.4:5]",
            "[fe80::1%25en0]",
            "[::g]", "a%", "a%4", "a%zz", "a\\b", "\"a\"", "<a>", "\u{E9}",
        ].map { Row("Host: \($0)", [start, "Host: \($0)"], "invalid Host: not a host") }

    /// Desynchronisation begins where two parsers tell a body's length in two ways (RFC 9112 §11.2).
    private static let framing =
        [
            Row("two lengths", [start, host, "Content-Length: 5", "Content-Length: 6"], length),
            Row("the same length twice", [start, host, "Content-Length: 5", "content-length: 5"], length),
            Row(
                "a length and chunks",
                [start, host, "Content-Length: 5", "Transfer-Encoding: chunked"],
                bad("both Content-Length and Transfer-Encoding")
            ),
            Row(
                "chunks and a length of nothing",
                [start, host, "Transfer-Encoding: x", "Content-Length: 0"],
                bad("both Content-Length and Transfer-Encoding")
            ),
        ]
        + ["", "5, 5", "-1", "+1", "0x5", "1.0", "1e1", "5 5", "five", "\u{B2}"].map {
            Row("Content-Length: \($0)", [start, host, "Content-Length: \($0)"], length)
        }

    private static let otherProtocols = [
        Row(
            "HTTP/2's preface",
            raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "HTTP/2.0 is not HTTP/1.1",
            status: 505
        ),
        Row("a TLS greeting", raw: "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", bad("control character 22")),
        Row(
            "a WebSocket frame",
            raw: "\u{81}\u{85}\u{37}\u{FA}\u{21}\u{3D}\u{7F}",
            bad("control character 127")
        ),
    ]

    private static let lone = bad("a line ends in LF without CR")
    private static let return_ = bad("CR without LF")
    private static let parts = bad("a request line is a method, a target and a version, one space apart")
    private static let version = bad("the request line does not end in an HTTP version")
    private static let length = bad("Content-Length is not one number")

    private static func bad(_ rule: String) -> String { "malformed HTTP head: \(rule)" }
}
