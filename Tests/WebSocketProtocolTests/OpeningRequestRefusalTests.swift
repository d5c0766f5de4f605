import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Opening a WebSocket: requests that are refused")
struct OpeningRequestRefusalTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let status: Int
        let reason: String

        init(_ name: String, _ request: OpeningRequest, _ status: Int, _ reason: String) {
            testDescription = name
            head = request.head
            self.status = status
            self.reason = reason
        }
    }

    /// The fields beside `Content-Type` and `Content-Length`, by status.
    private func expectedFields(_ status: Int) -> [String] {
        switch status {
        // RFC 9110 §15.5.6: a 405 says what is allowed.
        case 405: ["Connection: close", "Allow: GET"]
        // RFC 9110 §15.5.22: a 426 says what to change to; RFC 6455 §4.4: and the version.
        case 426: ["Connection: Upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        default: ["Connection: close"]
        }
    }

    @Test("An illegal request is refused with its status, its fields and a reason", arguments: table)
    func illegalRequest(_ row: Row) throws {
        _ = outcomeHoweverCut(latin1(row.head), HTTPRequestParser.self)
        let error = try #require(throws: ProtocolError.self) { _ = try serverHandshake(row.head) }
        let (response, body) = ServerHandshake.refusal(of: error)
        #expect(response.status.code == row.status)
        #expect(body == row.reason + "\n")
        let fields =
            expectedFields(row.status) + [
                "Content-Type: text/plain; charset=utf-8", "Content-Length: \(row.reason.utf8.count + 1)",
            ]
        #expect(lines(response).dropFirst().sorted() == fields.sorted())
    }

    static let table: [Row] =
        methods + upgrades + versions + keys + bodies + subprotocols + extensions + heads

    private static let methods =
        ["POST", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "get", "Get"].map {
            Row(
                $0,
                OpeningRequest(line: "\($0) /chat HTTP/1.1"),
                405,
                "a WebSocket opens with GET, not \($0)"
            )
        } + [
            Row(
                "OPTIONS *",
                OpeningRequest(line: "OPTIONS * HTTP/1.1"),
                405,
                "a WebSocket opens with GET, not OPTIONS"
            ),
            Row(
                "CONNECT",
                OpeningRequest(line: "CONNECT a:80 HTTP/1.1"),
                405,
                "a WebSocket opens with GET, not CONNECT"
            ),
            // RFC 9110 §7.8: Upgrade in HTTP/1.0 is ignored.
            Row("HTTP/1.0", OpeningRequest(line: "GET / HTTP/1.0"), 426, only("HTTP/1.0 has no upgrade")),
        ]

    private static let upgrades =
        [
            "Upgrade:", "Upgrade: h2c", "Upgrade: websockets", "Upgrade: web socket", "Upgrade: websocket/13",
            "Upgrade: \"websocket\"", "Upgrade: web,socket", "Upgrade: websocket;q=1", "X-Upgrade: websocket",
            "Upgrade: websoc\u{E2}\u{84}\u{AA}et",
        ].map { Row($0, OpeningRequest(upgrade: [$0]), 426, only("Upgrade: websocket is missing")) }
        + [
            "Connection:", "Connection: keep-alive", "Connection: close", "Connection: Upgraded",
            "Connection: \"Upgrade\"", "Connection: Up, grade", "Connection: Upgrade;q=1",
            "Connection: websocket",
            "Proxy-Connection: Upgrade",
        ].map { Row($0, OpeningRequest(connection: [$0]), 426, only("Connection: Upgrade is missing")) } + [
            Row("no Upgrade", OpeningRequest(upgrade: []), 426, only("Upgrade: websocket is missing")),
            Row("no Connection", OpeningRequest(connection: []), 426, only("Connection: Upgrade is missing")),
        ]

    private static let versions =
        [
            "8", "12", "14", "0", "7", "013", "13.0", "+13", "1 3", "\"13\"", "13, 8", "8, 13", ",13", "13,",
            "x",
        ].map {
            Row(
                "version \($0)",
                OpeningRequest(version: ["Sec-WebSocket-Version: \($0)"]),
                426,
                "Sec-WebSocket-Version \($0) is not supported, 13 is"
            )
        } + [
            Row(
                "no version",
                OpeningRequest(version: []),
                426,
                "Sec-WebSocket-Version is missing, 13 is expected"
            ),
            Row(
                "an empty version",
                OpeningRequest(version: ["Sec-WebSocket-Version:"]),
                426,
                "Sec-WebSocket-Version is missing, 13 is expected"
            ),
            Row(
                "two versions",
                OpeningRequest(version: ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"]),
                426,
                "Sec-WebSocket-Version 13, 13 is not supported, 13 is"
            ),
        ]

    private static let keys =
        [
            "", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZSA=", "dGhlIHNhbXBsZSBub25jZSBhbmQgbW9y",
            "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
            "dGhlIHNhbXBsZSBub25jZQ= =",
            "=dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25j====",
            "dGhlIHNhbXBsZSB=b25jZQ==",
            "dGhl-HNhbXBsZSBub25jZQ==", "dGhl_HNhbXBsZSBub25jZQ==", "dGhl HNhbXBsZSBub25jZQ==",
            "dGhl,HNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", "\"dGhlIHNhbXBsZSBub25jZQ==\"",
            "the sample nonce",
            "dGhl\u{E9}HNhbXBsZSBub25jZQ==",
        ].map {
            Row(
                "key \($0)",
                OpeningRequest(key: ["Sec-WebSocket-Key: \($0)"]),
                400,
                "invalid Sec-WebSocket-Key: not 16 bytes of base64"
            )
        } + [
            Row("no key", OpeningRequest(key: []), 400, "invalid Sec-WebSocket-Key: missing"),
            Row(
                "the same key twice",
                OpeningRequest(key: [
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
                ]),
                400,
                "invalid Sec-WebSocket-Key: given 2 times"
            ),
        ]

    private static let bodies = [
        "Content-Length: 5", "Content-Length: 00", "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity", "Transfer-Encoding:",
    ].map { Row($0, OpeningRequest(more: [$0]), 400, "an upgrade request must not have a body") }

    private static let subprotocols =
        [
            ("", "empty"), (", ,", "empty"), ("a b", "\"a b\" is not a token, or is given twice"),
            ("a, b;v=1", "\"b;v=1\" is not a token, or is given twice"),
            ("a, b, a", "\"a\" is not a token, or is given twice"),
            ("\"a\"", "\"\"a\"\" is not a token, or is given twice"),
            ("a/b", "\"a/b\" is not a token, or is given twice"),
            ("a\tb", "\"a\tb\" is not a token, or is given twice"),
        ].map {
            Row(
                "subprotocols \($0.0)",
                OpeningRequest(more: ["Sec-WebSocket-Protocol: \($0.0)"]),
                400,
                "invalid Sec-WebSocket-Protocol: \($0.1)"
            )
        } + [
            Row(
                "the same subprotocol in two fields",
                OpeningRequest(more: ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b, a"]),
                400,
                "invalid Sec-WebSocket-Protocol: \"a\" is not a token, or is given twice"
            )
        ]

    private static let extensions = [
        ("", "empty"), (",", "empty"), (";a", "extension name missing at \";a\""),
        ("a;", "parameter name missing at \"\""),
        ("a; =1", "parameter name missing at \"=1\""), ("a; b=", "parameter value missing at \"\""),
        ("a; b=;c", "parameter value missing at \";c\""),
        ("a b", "\"b\" where a comma or semicolon is expected"),
        ("a=1", "\"=1\" where a comma or semicolon is expected"),
        ("a; b=\"c", "quotation mark without its twin"),
        ("a; b=\"", "quotation mark without its twin"), ("a; b=\"c\\", "quotation mark without its twin"),
        ("a; b=\"c\\\"", "quotation mark without its twin"),
        ("a; b=\"\"", "a quoted value that is not a token"),
        ("a; b=\"c d\"", "a quoted value that is not a token"),
        ("a; b=\"c,d\"", "a quoted value that is not a token"),
        ("a; b=\"c\\\"d\"", "a quoted value that is not a token"),
        ("a; b=\"c\\\\d\"", "a quoted value that is not a token"),
        ("a; b=\"c\"d", "\"d\" where a comma or semicolon is expected"),
        ("\"a\"", "extension name missing at \"\"a\"\""),
    ].map {
        Row(
            "extensions \($0.0)",
            OpeningRequest(more: ["Sec-WebSocket-Extensions: \($0.0)"]),
            400,
            "invalid Sec-WebSocket-Extensions: \($0.1)"
        )
    }

    private static let heads = [
        Row("no Host", OpeningRequest(host: []), 400, "invalid Host: missing"),
        Row("two Hosts", OpeningRequest(host: ["Host: a", "Host: a"]), 400, "invalid Host: given 2 times"),
        Row(
            "a folded Connection",
            OpeningRequest(connection: ["Connection:", " Upgrade"]),
            400,
            head("folded header line")
        ),
        Row(
            "a blank before the colon",
            OpeningRequest(upgrade: ["Upgrade : websocket"]),
            400,
            head("header name is not a token")
        ),
        Row(
            "a bare CR in a key",
            OpeningRequest(key: ["Sec-WebSocket-Key: dGhl\rHNhbXBsZSBub25jZQ=="]),
            400,
            head("CR without LF")
        ),
        Row(
            "a second head in a key",
            OpeningRequest(key: ["Sec-WebSocket-Key: a\n\nGET / HTTP/1.1"]),
            400,
            head("a line ends in LF without CR")
        ),
        Row(
            "two lengths",
            OpeningRequest(more: ["Content-Length: 0", "Content-Length: 0"]),
            400,
            head("Content-Length is not one number")
        ),
        Row(
            "a length and chunks",
            OpeningRequest(more: ["Content-Length: 0", "Transfer-Encoding: chunked"]),
            400,
            head("both Content-Length and Transfer-Encoding")
        ),
        Row("HTTP/2.0", OpeningRequest(line: "GET / HTTP/2.0"), 505, "HTTP/2.0 is not HTTP/1.1"),
        Row(
            "a fragment",
            OpeningRequest(line: "GET /#a HTTP/1.1"),
            400,
            head("the target has characters that a URL cannot hold")
        ),
        Row(
            "2,000 fields",
            OpeningRequest(more: (0..<2_000).map { "a: \($0 % 10)" }),
            431,
            "HTTP head has more than 100 fields"
        ),
        Row(
            "a field of 16 KiB",
            OpeningRequest(more: ["a: " + String(repeating: "b", count: 16 << 10)]),
            431,
            "HTTP head exceeds 16384 bytes"
        ),
        Row(
            "a target of 16 KiB",
            OpeningRequest(line: "GET /" + String(repeating: "b", count: 16 << 10) + " HTTP/1.1"),
            414,
            "start line exceeds 16384 bytes"
        ),
    ]

    private static func only(_ what: String) -> String { "this address speaks WebSocket only: \(what)" }
    private static func head(_ rule: String) -> String { "malformed HTTP head: \(rule)" }
}
