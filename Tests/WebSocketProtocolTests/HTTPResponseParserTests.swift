import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Reading a response's head")
struct HTTPResponseParserTests {
    struct Legal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let lines: [String]

        init(_ name: String, _ head: [String], _ lines: [String]) {
            testDescription = name
            self.head = headText(head)
            self.lines = lines
        }
    }

    @Test("A legal head is read the same however it is cut, and not a byte further", arguments: legal)
    func legalHead(_ row: Legal) {
        let bytes = latin1(row.head)
        #expect(outcomeHoweverCut(bytes, HTTPResponseParser.self) == .head(row.lines, used: bytes.count))
    }

    static let legal = [
        Legal("a status and a reason", ["HTTP/1.1 404 Not Found"], ["404 Not Found"]),
        Legal("an empty reason", ["HTTP/1.1 101 "], ["101 "]),
        Legal("no reason and no blank", ["HTTP/1.1 101"], ["101 "]),
        Legal("a reason with blanks and a tab", ["HTTP/1.1 200 a  b\tc "], ["200 a  b\tc "]),
        Legal("a reason beyond ASCII, which is dropped", ["HTTP/1.1 200 \u{FC}ber"], ["200 "]),
        Legal("HTTP/1.0", ["HTTP/1.0 403 Forbidden"], ["403 Forbidden"]),
        Legal(
            "an interim answer",
            ["HTTP/1.1 103 Early Hints", "Link: </a>"],
            ["103 Early Hints", "Link: </a>"]
        ),
        Legal("a status nobody has defined", ["HTTP/1.1 999 ?"], ["999 ?"]),
        Legal(
            "fields in order",
            ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "connection:Upgrade"],
            ["101 Switching Protocols", "Upgrade: websocket", "connection: Upgrade"]
        ),
        Legal("a length", ["HTTP/1.1 403 No", "Content-Length: 12"], ["403 No", "Content-Length: 12"]),
        Legal(
            "chunks",
            ["HTTP/1.1 403 No", "Transfer-Encoding: chunked"],
            ["403 No", "Transfer-Encoding: chunked"]
        ),
    ]

    struct Illegal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let reason: String

        init(_ head: String..., refused reason: String) {
            testDescription = head.joined(separator: " / ")
            self.head = headText(head)
            self.reason = reason
        }
    }

    @Test("An illegal head is refused with a reason, however it is cut", arguments: illegal)
    func illegalHead(_ row: Illegal) {
        let outcome = outcomeHoweverCut(latin1(row.head), HTTPResponseParser.self)
        guard case .refused(let error, _) = outcome else {
            Issue.record("not refused: \(outcome)")
            return
        }
        #expect(error.description == row.reason)
    }

    private static let noStatus = "malformed HTTP head: the status is not three digits"
    private static let notHTTP = "malformed HTTP head: the answer is not HTTP"
    private static let noLength = "malformed HTTP head: Content-Length is not one number"

    static let illegal = [
        Illegal("ICY 200 OK", refused: notHTTP),
        Illegal("http/1.1 200 OK", refused: notHTTP),
        Illegal(" HTTP/1.1 200 OK", refused: notHTTP),
        Illegal("SSH-2.0-x", refused: notHTTP),
        Illegal("220 mail", refused: notHTTP),
        Illegal("HTTP/2 200", refused: "HTTP/2 is not HTTP/1.1"),
        Illegal("HTTP/2.0 200 OK", refused: "HTTP/2.0 is not HTTP/1.1"),
        Illegal("HTTP/1.2 200 OK", refused: "HTTP/1.2 is not HTTP/1.1"),
        Illegal("HTTP/1.1", refused: noStatus),
        Illegal("HTTP/1.1  101 two blanks", refused: noStatus),
        Illegal("HTTP/1.1 1011", refused: noStatus),
        Illegal("HTTP/1.1 10", refused: noStatus),
        Illegal("HTTP/1.1 099", refused: noStatus),
        Illegal("HTTP/1.1 +10", refused: noStatus),
        Illegal("HTTP/1.1 -10", refused: noStatus),
        Illegal("HTTP/1.1 1o1", refused: noStatus),
        Illegal("HTTP/1.1 OK", refused: noStatus),
        // RFC 9110 §15.2: HTTP/1.0 knows no 1xx.
        Illegal("HTTP/1.0 101 Switching Protocols", refused: "HTTP/1.0 is not HTTP/1.1"),
        Illegal("HTTP/1.0 100 Continue", refused: "HTTP/1.0 is not HTTP/1.1"),
        // RFC 9112 §6.3: a length that is none makes the response unusable.
        Illegal("HTTP/1.1 403 No", "Content-Length: -5", refused: noLength),
        Illegal("HTTP/1.1 403 No", "Content-Length: 5, 5", refused: noLength),
        Illegal("HTTP/1.1 403 No", "Content-Length: 5", "Content-Length: 5", refused: noLength),
        Illegal("HTTP/1.1 403 No", "Content-Length:", refused: noLength),
        Illegal(
            "HTTP/1.1 403 No",
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
            refused: "malformed HTTP head: both Content-Length and Transfer-Encoding"
        ),
        Illegal("HTTP/1.1 200 OK", "A: b", " c", refused: "malformed HTTP head: folded header line"),
        Illegal("HTTP/1.1 200 OK", "A : b", refused: "malformed HTTP head: header name is not a token"),
        Illegal("HTTP/1.1 200 OK", "A", refused: "malformed HTTP head: header line without a colon"),
        Illegal("HTTP/1.1 200 OK", "A: \u{1}", refused: "malformed HTTP head: control character 1"),
        Illegal("HTTP/1.1 200 O\u{7F}K", refused: "malformed HTTP head: control character 127"),
        Illegal("HTTP/1.1 200 OK\nA: b", refused: "malformed HTTP head: a line ends in LF without CR"),
        Illegal("HTTP/1.1 200 OK\rA: b", refused: "malformed HTTP head: CR without LF"),
    ]
}
