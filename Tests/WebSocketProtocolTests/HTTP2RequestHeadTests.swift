import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("Requests of HTTP/2, and the WebSockets they open", .ownThread)
struct HTTP2RequestHeadTests {
    typealias Fields = [(name: String, value: String)]

    /// The request of RFC 8441 §5.1.
    private static let connect: Fields = [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat"),
        (":authority", "server.example.com"), ("sec-websocket-protocol", "chat, superchat"),
        ("sec-websocket-extensions", "permessage-deflate"), ("sec-websocket-version", "13"),
        ("origin", "http://www.example.com"),
    ]
    private static let get: Fields = [
        (":method", "GET"), (":scheme", "https"), (":authority", "a.example"), (":path", "/?q"),
    ]

    private static func with(_ fields: Fields, _ name: String, _ value: String?) -> Fields {
        var changed = fields.filter { $0.name != name }
        // Pseudo-fields stand before the others.
        if let value { changed.insert((name, value), at: name.hasPrefix(":") ? 0 : changed.count) }
        return changed
    }

    private static func handshake(_ fields: Fields) throws -> ServerHandshake {
        try ServerHandshake(checking: HTTPRequestHead(http2: fields))
    }

    @Test("The standard's example opens, with 200 and nothing of an upgrade")
    func example() throws {
        let handshake = try Self.handshake(Self.connect)
        let request = handshake.request
        #expect(request.method == .connect)
        #expect(request.extendedConnectProtocol == "websocket")
        #expect(request.scheme == "https")
        #expect(request.authority == "server.example.com")
        #expect(request.path == "/chat")
        #expect(request.headerFields[.origin] == "http://www.example.com")
        #expect(handshake.offeredSubprotocols == ["chat", "superchat"])
        #expect(handshake.offersExtensions)
        let (answer, deflate) = try handshake.acceptance(
            subprotocol: "chat",
            compression: DeflateOptions(keepsOwnContext: true, keepsPeerContext: true),
            headers: [.setCookie: "a=b"]
        )
        #expect(deflate != nil)
        #expect(answer.status == .ok)
        #expect(
            Array(answer.headerFields) == [
                HTTPField(name: .secWebSocketProtocol, value: "chat"),
                HTTPField(name: .secWebSocketExtensions, value: "permessage-deflate"),
                HTTPField(name: .setCookie, value: "a=b"),
            ]
        )
        #expect(throws: UsageError.self) { try handshake.acceptance(subprotocol: "other", compression: nil) }
    }

    @Test("A key is not asked for, and of no effect")
    func key() throws {
        let answer = try Self.handshake(Self.connect + [("sec-websocket-key", "x")]).acceptance()
        #expect(answer.headerFields[.secWebSocketAccept] == nil)
    }

    @Test("Fields are kept as they came, in their order; cookies may come apart")
    func fields() throws {
        let head = try HTTPRequestHead(http2: Self.get + [("cookie", "a=b"), ("x", ""), ("cookie", "c=d")])
        #expect(head.version == .http2)
        #expect(head.request.method == .get)
        #expect(head.request.headerFields.map(\.name.rawName) == ["cookie", "x", "cookie"])
        #expect(head.request.headerFields[.cookie] == "a=b; c=d")
        #expect(Array(head.target) == Array("/?q".utf8))
        #expect(!head.asksForWebSocket)
        #expect(try HTTPRequestHead(http2: Self.connect).asksForWebSocket)
    }

    @Test("`host` stands in for :authority, and must not differ from it")
    func host() throws {
        let without = Self.with(Self.get, ":authority", nil)
        #expect(
            try HTTPRequestHead(http2: without + [("host", "b.example:80")]).request.authority
                == "b.example:80"
        )
        #expect(throws: ProtocolError.invalidHost("missing")) { try HTTPRequestHead(http2: without) }
        #expect(
            try HTTPRequestHead(http2: Self.get + [("host", "A.example")]).request.authority == "a.example"
        )
        #expect(throws: ProtocolError.invalidHost("host is not what :authority is")) {
            try HTTPRequestHead(http2: Self.get + [("host", "b.example")])
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let fields: Fields
        let status: Int
        var testDescription: String {
            fields.map { "\($0.name)=\($0.value.prefix(20))" }.joined(separator: " ")
        }
    }

    static let refusals: [Row] =
        [
            (with(get, ":method", nil), 400), (with(get, ":method", "G T"), 400),
            (with(get, ":scheme", nil), 400),
            (with(get, ":scheme", "ftp"), 400), (with(get, ":path", nil), 400), (with(get, ":path", ""), 400),
            (with(get, ":path", "chat"), 400), (with(get, ":path", "*"), 400),
            (with(get, ":path", "/a#b"), 400),
            (with(get, ":path", "/ä"), 400), (with(get, ":path", "/a b"), 400),
            (with(get, ":authority", "user@a.example"), 400), (with(get, ":authority", ""), 400),
            (with(get, ":protocol", "websocket"), 400), (with(get, ":status", "200"), 400),
            (with(get, ":", "x"), 400), (get + [(":path", "/")], 400),
            (get + [("x", "y"), (":late", "z")], 400),
            ([("x", "y")] + get, 400), ([("host", "a.example")] + get, 400), (get + [("X", "y")], 400),
            (get + [("x y", "z")], 400), (get + [("", "z")], 400), (get + [("x", "a\r\nb")], 400),
            (get + [("x", "a\0")], 400), (get + [("x", " a")], 400), (get + [("x", "a\t")], 400),
            (get + [("connection", "x")], 400), (get + [("upgrade", "websocket")], 400),
            (get + [("transfer-encoding", "chunked")], 400), (get + [("keep-alive", "x")], 400),
            (get + [("proxy-connection", "x")], 400), (get + [("te", "gzip")], 400),
            (get + [("host", "a.example"), ("host", "a.example")], 400),
            (get + [("content-length", "1"), ("content-length", "2")], 400),
            (get + [("x", String(repeating: "x", count: 16_384))], 431),
            (with(get, ":path", "/" + String(repeating: "x", count: 16_384)), 414),
            (get + (0...100).map { ("x\($0)", "") }, 431),
            (with(connect, ":scheme", nil), 400), (with(connect, ":path", nil), 400),
            (with(connect, ":authority", nil) + [("host", "server.example.com")], 400),
            (with(connect, ":protocol", "connect-udp"), 501),
            ([(":method", "CONNECT"), (":authority", "a.example:443")], 501),
            ([(":method", "CONNECT"), (":authority", "a.example:443"), (":path", "/")], 400),
            (get, 405), (with(get, ":method", "POST"), 405),
            (with(connect, "sec-websocket-version", nil), 426),
            (with(connect, "sec-websocket-version", "8"), 426),
            (connect + [("sec-websocket-version", "13")], 426),
            (with(connect, "sec-websocket-protocol", "a, a"), 400),
            (with(connect, "sec-websocket-extensions", "a;"), 400),
            (connect + [("content-length", "5")], 400),
        ].map { Row(fields: $0.0, status: $0.1) }

    @Test("Each rule that is broken has its status", arguments: refusals)
    func refusal(row: Row) {
        let error = #expect(throws: ProtocolError.self) { try Self.handshake(row.fields) }
        #expect(error?.httpStatus == row.status, "\(String(describing: error))")
    }

    @Test("What is allowed though it is rare")
    func rare() throws {
        _ = try HTTPRequestHead(http2: Self.get + [("te", "trailers")])
        _ = try HTTPRequestHead(http2: Self.with(Self.with(Self.get, ":method", "OPTIONS"), ":path", "*"))
        _ = try HTTPRequestHead(http2: Self.get + (1...100).map { ("x\($0)", "") })
        _ = try Self.handshake(Self.with(Self.connect, ":protocol", "WebSocket"))
        _ = try Self.handshake(Self.with(Self.connect, ":scheme", "http"))
        _ = try Self.handshake(Self.connect + [("content-length", "0")])
    }

    @Test("The errors that only HTTP/2 has, and what an answer to them holds")
    func errors() {
        let method = ProtocolError.methodNotConnect("GET")
        #expect(method.description == "over HTTP/2 a WebSocket opens with CONNECT, not GET")
        #expect(ServerHandshake.refusal(of: method).response.headerFields[.allow] == "CONNECT")
        let other = ProtocolError.unsupportedProtocol("x")
        #expect(other.description == "CONNECT for \"x\" is not served, for websocket it is")
        #expect(ServerHandshake.refusal(of: other).response.status.reasonPhrase == "Not Implemented")
        #expect(
            ProtocolError.unsupportedProtocol(nil).description
                == "CONNECT is served with :protocol websocket only"
        )
        let ended = ProtocolError.streamEndedInRequest
        #expect(ended.httpStatus == 400)
        #expect(ended.description == "the request ended its stream, on which the WebSocket was to be")
    }
}
