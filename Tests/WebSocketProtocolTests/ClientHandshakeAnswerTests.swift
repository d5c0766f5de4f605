import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("The client's half of the opening handshake: judging the answer", .ownThread)
struct ClientHandshakeAnswerTests {
    /// The answer of RFC 6455 §1.2, each part of which a test can replace.
    struct Answer: Sendable {
        var line = "HTTP/1.1 101 Switching Protocols"
        var upgrade = ["Upgrade: websocket"]
        var connection = ["Connection: Upgrade"]
        var accept = ["Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
        var more: [String] = []

        var head: String { headText([line] + upgrade + connection + accept + more) }
    }

    private func check(_ answer: Answer, offered: [String]) throws -> ClientHandshake.Agreement {
        let handshake = try ClientHandshake(
            url: WebSocketURL("ws://a"),
            subprotocols: offered,
            random: ClientHandshakeTests.sampleNonce
        )
        var parser = HTTPResponseParser()
        let parsed = latin1(answer.head).withUnsafeBytes { bytes in
            Result { () throws(ProtocolError) in
                var offset = 0
                return try parser.parse(bytes, at: &offset)
            }
        }
        return try handshake.check(try #require(try parsed.get()))
    }

    @Test("A server that chooses none of the subprotocols is refused where that is asked for, and only there")
    func requiredSubprotocol() throws {
        for (offered, isRequired, isRefused) in [
            (["a"], true, true), (["a"], false, false), ([], true, false),
        ] {
            let handshake = try ClientHandshake(
                url: WebSocketURL("ws://a"),
                subprotocols: offered,
                requiresSubprotocol: isRequired,
                random: ClientHandshakeTests.sampleNonce
            )
            let response = HTTPResponse(
                status: 101,
                headerFields: [
                    .upgrade: "websocket", .connection: "Upgrade",
                    .secWebSocketAccept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                ]
            )
            if isRefused {
                #expect(throws: ProtocolError.subprotocolMissing(offered: ["a"])) {
                    try handshake.check(response)
                }
            } else {
                #expect(try handshake.check(response).subprotocol == nil)
            }
        }
    }

    struct Legal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: Answer
        let offered: [String]
        let subprotocol: String?

        init(_ name: String, _ answer: Answer = Answer(), offered: [String] = [], chosen: String? = nil) {
            testDescription = name
            self.answer = answer
            self.offered = offered
            subprotocol = chosen
        }
    }

    @Test("A legal answer is agreed to, however it is cut and spelled", arguments: legal)
    func legalAnswer(_ row: Legal) throws {
        let bytes = latin1(row.answer.head)
        guard case .head(let lines, let used) = outcomeHoweverCut(bytes, HTTPResponseParser.self) else {
            Issue.record("the head was not read")
            return
        }
        #expect(used == bytes.count)
        let agreement = try check(row.answer, offered: row.offered)
        #expect(agreement.subprotocol == row.subprotocol)
        #expect(HTTPResponseParser.lines(agreement.response) == lines)
    }

    static let legal =
        [
            Legal("the RFC's"),
            Legal("no reason phrase", Answer(line: "HTTP/1.1 101 ")),
            Legal("another reason phrase", Answer(line: "HTTP/1.1 101 Web Socket Protocol Handshake")),
            Legal(
                "blanks around the hash",
                Answer(accept: ["sec-websocket-accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t"])
            ),
            Legal(
                "further fields",
                Answer(more: ["Server: x", "Set-Cookie: a=b", "Set-Cookie: c=d", "Date:"])
            ),
            Legal(
                "a subprotocol",
                protocolAnswer("Sec-WebSocket-Protocol: b"),
                offered: ["a", "b"],
                chosen: "b"
            ),
            Legal("none of the subprotocols offered", offered: ["a"]),
        ]
        + ["WebSocket", "WEBSOCKET", "\twebsocket "].map {
            Legal("Upgrade: \($0)", Answer(upgrade: ["Upgrade:\($0)"]))
        }
        + ["upgrade", "UPGRADE", "keep-alive, Upgrade", ",Upgrade,,", "Upgrade , close"].map {
            Legal("Connection: \($0)", Answer(connection: ["Connection: \($0)"]))
        } + [Legal("Connection twice", Answer(connection: ["Connection: keep-alive", "connection:upgrade"]))]

    struct Illegal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: Answer
        let offered: [String]
        let reason: String

        init(_ name: String, _ answer: Answer, offered: [String] = [], _ reason: String) {
            testDescription = name
            self.answer = answer
            self.offered = offered
            self.reason = reason
        }
    }

    @Test("An illegal answer is refused with a reason", arguments: illegal)
    func illegalAnswer(_ row: Illegal) throws {
        let error = try #require(throws: ProtocolError.self) { try check(row.answer, offered: row.offered) }
        #expect(error.description == row.reason)
    }

    static let illegal = statuses + upgrades + connections + accepts + subprotocols + extensions

    private static let statuses =
        [100, 102, 103, 200, 204, 301, 302, 307, 400, 401, 403, 404, 407, 426, 429, 500, 503, 999].map {
            Illegal(
                "status \($0)",
                Answer(line: "HTTP/1.1 \($0) x"),
                "the server answered \($0), 101 was expected"
            )
        } + [
            Illegal(
                "status 200 of HTTP/1.0",
                Answer(line: "HTTP/1.0 200 x"),
                "the server answered 200, 101 was expected"
            ),
            Illegal("status 101 of HTTP/1.0", Answer(line: "HTTP/1.0 101 x"), "HTTP/1.0 is not HTTP/1.1"),
        ]

    private static let upgrades =
        [
            Illegal("no Upgrade", Answer(upgrade: []), no("Upgrade: websocket is missing")),
            Illegal(
                "two Upgrades",
                Answer(upgrade: ["Upgrade: websocket", "Upgrade: websocket"]),
                no("Upgrade is \"websocket, websocket\", not websocket")
            ),
        ]
        + ["", "h2c", "websockets", "websocket/13", "\"websocket\"", "h2c, websocket", "websocket,"].map {
            Illegal(
                "Upgrade: \($0)",
                Answer(upgrade: ["Upgrade: \($0)"]),
                no("Upgrade is \"\($0)\", not websocket")
            )
        }

    private static let connections =
        [Illegal("no Connection", Answer(connection: []), no("Connection: Upgrade is missing"))]
        + ["", "close", "keep-alive", "Upgraded", "\"Upgrade\"", "Up, grade"].map {
            Illegal(
                "Connection: \($0)",
                Answer(connection: ["Connection: \($0)"]),
                no("Connection: Upgrade is missing")
            )
        }

    private static let accepts =
        [
            Illegal("no hash", Answer(accept: []), hash),
            Illegal(
                "the hash twice",
                Answer(accept: [
                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                ]),
                hash
            ),
        ]
        + [
            "", "S3PPLMBITXAQ9KYGZZHZRBK+XOO=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==",
            "s3pPLMBiTxaQ9kYGzzhZRbK xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=",
            "\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"",
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "dGhlIHNhbXBsZSBub25jZQ==",
            "HSmrc0sMlYUkAGmm5OPpG2HaGWk=",
            // The Kelvin sign for K: canonically equivalent, and still other bytes.
            "s3pPLMBiTxaQ9kYGzzhZRb\u{E2}\u{84}\u{AA}+xOo=",
        ].map { Illegal("hash \($0)", Answer(accept: ["Sec-WebSocket-Accept: \($0)"]), hash) }

    private static let subprotocols = [
        Illegal("one unasked", protocolAnswer("Sec-WebSocket-Protocol: a"), chose("a")),
        Illegal("one not offered", protocolAnswer("Sec-WebSocket-Protocol: b"), offered: ["a"], chose("b")),
        Illegal(
            "another letter case",
            protocolAnswer("Sec-WebSocket-Protocol: A"),
            offered: ["a"],
            chose("A")
        ),
        Illegal("an empty one", protocolAnswer("Sec-WebSocket-Protocol:"), offered: ["a"], chose("")),
        Illegal(
            "a list",
            protocolAnswer("Sec-WebSocket-Protocol: a, b"),
            offered: ["a", "b"],
            chose("a, b")
        ),
        Illegal(
            "two fields",
            protocolAnswer("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"),
            offered: ["a", "b"],
            chose("a, b")
        ),
        Illegal(
            "the same twice",
            protocolAnswer("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"),
            offered: ["a"],
            chose("a, a")
        ),
        Illegal(
            "the Kelvin sign for K",
            protocolAnswer("Sec-WebSocket-Protocol: \u{E2}\u{84}\u{AA}"),
            offered: ["K"],
            chose("\u{212A}")
        ),
    ]

    private static let extensions = [
        Illegal(
            "an extension",
            Answer(more: ["Sec-WebSocket-Extensions: permessage-deflate; a=1"]),
            "the server chose extension \"permessage-deflate\", which was not offered"
        ),
        Illegal(
            "extensions, the first field empty",
            Answer(more: ["Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: a, b"]),
            "the server chose extension \"a\", which was not offered"
        ),
        Illegal(
            "an empty list",
            Answer(more: ["Sec-WebSocket-Extensions: ,"]),
            "invalid Sec-WebSocket-Extensions: empty"
        ),
        Illegal(
            "a broken list",
            Answer(more: ["Sec-WebSocket-Extensions: a;"]),
            "invalid Sec-WebSocket-Extensions: parameter name missing at \"\""
        ),
    ]

    private static func protocolAnswer(_ fields: String...) -> Answer { Answer(more: fields) }
    private static func no(_ what: String) -> String {
        "the server's 101 is no upgrade to WebSocket: \(what)"
    }
    private static func chose(_ name: String) -> String {
        "the server chose subprotocol \"\(name)\", which was not offered"
    }
    private static let hash = "Sec-WebSocket-Accept is not the hash of the key that was sent"

    @Test("A client of ours and a server of ours agree")
    func bothHalves() throws {
        let url = try WebSocketURL("wss://a.example/b?c=\u{E9}")
        for _ in 0..<20 {
            let client = try ClientHandshake(url: url, subprotocols: ["x", "y"])
            let request = latin1Text(try HTTPHeadSerializer.bytes(of: client.request))
            let server = try #require(try serverHandshake(request))
            #expect(server.request.path == "/b?c=%C3%A9")
            let chosen = server.choose(subprotocolFrom: ["z", "y", "x"])
            let agreement = try client.check(try server.acceptance(subprotocol: chosen))
            #expect(agreement.subprotocol == "y")
            // Another handshake's answer is refused: each has a key of its own.
            let other = try ClientHandshake(url: url, subprotocols: ["x", "y"])
            #expect(throws: ProtocolError.acceptMismatch) { try other.check(try server.acceptance()) }
        }
    }
}
