import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Opening a WebSocket: requests that are accepted")
struct OpeningRequestTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let subprotocols: [String]
        let extensions: [String]

        init(
            _ name: String,
            _ request: OpeningRequest = OpeningRequest(),
            subprotocols: [String] = [],
            extensions: [String] = []
        ) {
            self.init(name, raw: request.head, subprotocols: subprotocols, extensions: extensions)
        }

        init(_ name: String, raw: String, subprotocols: [String] = [], extensions: [String] = []) {
            testDescription = name
            head = raw
            self.subprotocols = subprotocols
            self.extensions = extensions
        }
    }

    @Test("A legal request is accepted, however it is cut and spelled", arguments: table)
    func legalRequest(_ row: Row) throws {
        let bytes = latin1(row.head)
        guard case .head(_, let used) = outcomeHoweverCut(bytes, HTTPRequestParser.self) else {
            Issue.record("the head was not read")
            return
        }
        // What follows are frames already, and not ours to touch.
        #expect(used == bytes.count)
        let handshake = try #require(try serverHandshake(row.head))
        #expect(handshake.offeredSubprotocols == row.subprotocols)
        #expect(handshake.offeredExtensions.map(\.headerValue) == row.extensions)
        // RFC 6455 §1.3 prints this answer to its sample nonce.
        #expect(
            lines(try handshake.acceptance()) == [
                "101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            ]
        )
    }

    static let table: [Row] = upgrades + connections + heads + offers + clients

    private static let upgrades =
        [
            "Upgrade: WebSocket", "Upgrade: WEBSOCKET", "upgrade: websocket", "UPGRADE: websocket",
            "Upgrade:websocket", "Upgrade: \t websocket \t", "Upgrade: h2c, websocket",
            "Upgrade: websocket, h2c",
            "Upgrade: , ,websocket", "Upgrade: websocket,,", "Upgrade: h2c\t,\twebsocket",
            "Upgrade: websocket, websocket",
        ].map { Row($0, OpeningRequest(upgrade: [$0])) } + [
            Row("Upgrade twice", OpeningRequest(upgrade: ["Upgrade: h2c", "Upgrade: websocket"])),
            Row("an empty Upgrade beside", OpeningRequest(upgrade: ["Upgrade:", "upgrade: websocket"])),
        ]

    private static let connections =
        [
            "Connection: upgrade", "Connection: UPGRADE", "connection: Upgrade", "CONNECTION:Upgrade",
            "Connection: keep-alive, Upgrade", "Connection: Upgrade, keep-alive",
            "Connection: keep-alive,Upgrade",
            "Connection: keep-alive ,\tUpgrade", "Connection: ,Upgrade,", "Connection: , , Upgrade",
            // RFC 9112 §9.6: it would be closed after the answer, and is: WebSocket takes it over.
            "Connection: Upgrade, close", "Connection: TE, HTTP2-Settings, Upgrade, close",
        ].map { Row($0, OpeningRequest(connection: [$0])) } + [
            Row(
                "Connection twice",
                OpeningRequest(connection: ["Connection: keep-alive", "Connection: Upgrade"])
            ),
            Row(
                "Connection thrice, empty ones among them",
                OpeningRequest(connection: ["Connection: Upgrade", "Connection:", "Connection: ,"])
            ),
        ]

    private static let heads = [
        Row("a blank line before", raw: "\r\n" + OpeningRequest().head),
        Row("a query", OpeningRequest(line: "GET /chat?room=1&x=%20 HTTP/1.1")),
        Row("the whole URL", OpeningRequest(line: "GET http://server.example.com/chat HTTP/1.1")),
        Row("the whole URL with ws:", OpeningRequest(line: "GET ws://server.example.com HTTP/1.1")),
        Row("a port", OpeningRequest(host: ["Host: server.example.com:8080"])),
        Row("an IPv6 address", OpeningRequest(host: ["host:[2001:db8::1]:8080"])),
        Row("no blank after colons", OpeningRequest(key: ["Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ=="])),
        Row("tabs around the key", OpeningRequest(key: ["sec-websocket-key:\tdGhlIHNhbXBsZSBub25jZQ==\t"])),
        Row("blanks around the version", OpeningRequest(version: ["SEC-WEBSOCKET-VERSION:  13  "])),
        Row("a body of no bytes", OpeningRequest(more: ["Content-Length: 0"])),
        Row("bytes beyond ASCII in another field", OpeningRequest(more: ["X-Name: \u{C3}\u{A9}\u{FF}"])),
        Row("an empty field", OpeningRequest(more: ["X-Empty:"])),
        Row("a hundred fields", OpeningRequest(more: (1...95).map { "X-\($0): \($0)" })),
        Row("an Origin of null", OpeningRequest(more: ["Origin: null"])),
        Row(
            "fields backwards",
            raw: headText([
                "GET / HTTP/1.1", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Connection: Upgrade", "Upgrade: websocket", "Host: a",
            ])
        ),
    ]

    private static let offers = [
        Row("one subprotocol", offer("Sec-WebSocket-Protocol: chat"), subprotocols: ["chat"]),
        Row(
            "subprotocols in order",
            offer("Sec-WebSocket-Protocol: b.v2, a, c"),
            subprotocols: ["b.v2", "a", "c"]
        ),
        Row(
            "subprotocols in two fields",
            offer("Sec-WebSocket-Protocol: b,a", "sec-websocket-protocol:c"),
            subprotocols: ["b", "a", "c"]
        ),
        Row(
            "empty elements among subprotocols",
            offer("Sec-WebSocket-Protocol: ,a,, ,b,"),
            subprotocols: ["a", "b"]
        ),
        // RFC 6455 §4.1 wants unique strings, and letter case makes two of one word.
        Row(
            "subprotocols that differ in case",
            offer("Sec-WebSocket-Protocol: a, A"),
            subprotocols: ["a", "A"]
        ),
        Row(
            "every character of tokens",
            offer("Sec-WebSocket-Protocol: !#$%&'*+-.^_`|~09AZaz"),
            subprotocols: ["!#$%&'*+-.^_`|~09AZaz"]
        ),
        Row(
            "an extension with a parameter",
            offer("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
            extensions: ["permessage-deflate; client_max_window_bits"]
        ),
        Row(
            "extensions in two fields, a value in quotation marks",
            offer("Sec-WebSocket-Extensions: a;b=\"1\\0\" , c", "Sec-WebSocket-Extensions: a"),
            extensions: ["a; b=10", "c", "a"]
        ),
        Row(
            "an empty field of extensions beside",
            offer("Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: a"),
            extensions: ["a"]
        ),
    ]

    private static let clients = [
        Row(
            "a browser's",
            OpeningRequest(
                connection: ["Connection: keep-alive, Upgrade"],
                more: [
                    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                    "Accept: */*", "Accept-Language: en-US,en;q=0.5",
                    "Accept-Encoding: gzip, deflate, br, zstd",
                    "Origin: https://example.com", "Sec-WebSocket-Extensions: permessage-deflate",
                    "Cookie: a=b; c=\"d, e\"", "Sec-Fetch-Dest: empty", "Pragma: no-cache",
                    "Cache-Control: no-cache",
                ]
            ),
            extensions: ["permessage-deflate"]
        ),
        Row(
            "a proxy's",
            OpeningRequest(more: [
                "X-Forwarded-For: 203.0.113.7, 198.51.100.1", "X-Forwarded-Proto: https",
                "Forwarded: for=\"[2001:db8::1]\";proto=https", "Via: 1.1 proxy", "X-Real-IP: 203.0.113.7",
            ])
        ),
    ]

    private static func offer(_ fields: String...) -> OpeningRequest { OpeningRequest(more: fields) }
}
