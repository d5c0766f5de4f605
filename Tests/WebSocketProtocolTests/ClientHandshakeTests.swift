import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("The client's half of the opening handshake: the request")
struct ClientHandshakeTests {
    /// RFC 6455 §1.3's nonce.
    static let sampleNonce = RandomSource { buffer in
        buffer.copyBytes(from: "the sample nonce".utf8.prefix(buffer.count))
    }

    private func request(
        _ url: String = "ws://server.example.com/chat",
        subprotocols: [String] = [],
        headers: HTTPFields = [:]
    ) throws -> String {
        let handshake = try ClientHandshake(
            url: WebSocketURL(url),
            subprotocols: subprotocols,
            headers: headers,
            random: Self.sampleNonce
        )
        return latin1Text(try HTTPHeadSerializer.bytes(of: handshake.request))
    }

    @Test("The least a client sends")
    func leastRequest() throws {
        #expect(
            try request()
                == headText([
                    "GET /chat HTTP/1.1", "Host: server.example.com", "Upgrade: websocket",
                    "Connection: Upgrade",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
                ])
        )
    }

    @Test("Subprotocols and further fields, in their order")
    func wholeRequest() throws {
        var headers: HTTPFields = [.origin: "https://example.com", .authorization: "Bearer a.b-c"]
        headers.append(HTTPField(name: try #require(HTTPField.Name("x-Own")), value: "caf\u{E9}"))
        #expect(
            try request("wss://server.example.com/", subprotocols: ["b.v2", "a"], headers: headers)
                == headText([
                    "GET / HTTP/1.1", "Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Protocol: b.v2, a", "Origin: https://example.com",
                    "Authorization: Bearer a.b-c",
                    "x-Own: caf\u{C3}\u{A9}",
                ])
        )
    }

    @Test(
        "Host names the port only when it is not the scheme's own",
        arguments: [
            ("ws://a.example", "a.example"), ("ws://a.example:80/", "a.example"),
            ("ws://a.example:443", "a.example:443"),
            ("wss://a.example:443/b", "a.example"), ("wss://a.example:80", "a.example:80"),
            ("ws://[::1]/", "[::1]"),
            ("ws://[2001:db8::1]:8080/", "[2001:db8::1]:8080"), ("wss://192.0.2.1:8443", "192.0.2.1:8443"),
        ]
    )
    func host(_ url: String, _ host: String) throws {
        #expect(try request(url).split(separator: "\r\n").contains("Host: \(host)"))
    }

    @Test("The key is sixteen bytes of the random source, drawn anew for each handshake")
    func key() throws {
        let counting = RandomSource { buffer in
            for index in buffer.indices { buffer[index] = UInt8(0xF0 + index) }
        }
        let url = try WebSocketURL("ws://a")
        let known = try ClientHandshake(url: url, random: counting)
        #expect(known.request.headerFields[.secWebSocketKey] == "8PHy8/T19vf4+fr7/P3+/w==")

        var keys: Set<String> = []
        for _ in 0..<100 {
            let key = try #require(try ClientHandshake(url: url).request.headerFields[.secWebSocketKey])
            #expect(key.utf8.count == 24 && key.hasSuffix("=="))
            keys.insert(key)
        }
        #expect(keys.count == 100)
    }

    @Test("Fields that the handshake writes cannot be set", arguments: ServerHandshakeTests.reservedNames)
    func reserved(_ name: String) throws {
        let field = HTTPField(name: try #require(HTTPField.Name(name)), value: "x")
        #expect(throws: UsageError.reservedHeader(name)) { try request(headers: HTTPFields([field])) }
    }

    @Test("No byte of a further field's value can add a line, and controls are refused")
    func controlInValue() throws {
        for byte in UInt8.min...UInt8.max {
            let lenient = HTTPField(name: .cookie, lenientValue: [0x61, byte, 0x62])
            switch byte {
            // The field type has made blanks of these.
            case 0x00, 0x0A, 0x0D:
                #expect(
                    try request(headers: HTTPFields([lenient])).hasSuffix("\r\nCookie: a b\r\n\r\n"),
                    "\(byte)"
                )
            case 0x01..<0x09, 0x0B..<0x20, 0x7F:
                #expect(throws: UsageError.invalidHeader("Cookie"), "\(byte)") {
                    try request(headers: HTTPFields([lenient]))
                }
            default:
                let end = "\r\nCookie: a\(latin1Text([byte]))b\r\n\r\n"
                #expect(try request(headers: HTTPFields([lenient])).hasSuffix(end), "\(byte)")
            }
        }
    }

    @Test("No name that is not a token can be made into a field at all")
    func names() {
        for scalar in latin1Scalars {
            let isToken = tokenCharacters.unicodeScalars.contains(scalar)
            #expect((HTTPField.Name("a\(Character(scalar))b") != nil) == isToken, "\(scalar.value)")
        }
    }

    @Test("A subprotocol that is not a token is refused, whichever byte breaks it")
    func subprotocolBytes() throws {
        for scalar in latin1Scalars {
            let name = "a\(Character(scalar))b"
            if tokenCharacters.unicodeScalars.contains(scalar) {
                #expect(
                    try request(subprotocols: [name]).hasSuffix("\r\nSec-WebSocket-Protocol: \(name)\r\n\r\n")
                )
            } else {
                #expect(throws: UsageError.invalidSubprotocol(name), "\(scalar.value)") {
                    try request(subprotocols: ["x", name])
                }
            }
        }
    }

    @Test(
        "A list of subprotocols with an empty or a repeated one is refused",
        arguments: [["a", ""], ["", "a"]]
    )
    func emptySubprotocol(_ subprotocols: [String]) {
        #expect(throws: UsageError.invalidSubprotocol("")) { try request(subprotocols: subprotocols) }
        #expect(throws: UsageError.invalidSubprotocol("b")) { try request(subprotocols: ["b", "c", "b"]) }
    }

    @Test("No byte of a URL can break out of the request line")
    func urlBytes() throws {
        for scalar in latin1Scalars {
            for url in [
                "ws://a/b\(Character(scalar))c", "ws://a/?b\(Character(scalar))c",
                "ws://a\(Character(scalar))c/",
            ] {
                guard let text = try? request(url) else { continue }
                let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
                #expect(lines.count == 8, "\(scalar.value)")
                #expect(lines.first?.split(separator: " ").count == 3)
                #expect(text.utf8.allSatisfy { $0 == 0x0D || $0 == 0x0A || (0x20...0x7E).contains($0) })
            }
        }
    }

    @Test(
        "What this program did wrong is said in a sentence",
        arguments: [
            (UsageError.reservedHeader("Host"), "header Host is written by the handshake and cannot be set"),
            (.invalidHeader("Cookie"), "the value of header Cookie has a control character"),
            (.invalidSubprotocol("a b"), "subprotocol \"a b\" is not a token, or is given twice"),
            (.invalidTarget("/a b"), "\"/a b\" cannot stand in an HTTP request line"),
            (.invalidURL("no"), "no"),
        ]
    )
    func sentences(_ error: UsageError, _ sentence: String) {
        #expect(error.description == sentence)
    }
}
