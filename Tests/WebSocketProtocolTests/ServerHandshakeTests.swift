import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("The server's half of the opening handshake", .ownThread)
struct ServerHandshakeTests {
    private func handshake(_ fields: String...) throws -> ServerHandshake {
        try #require(try serverHandshake(OpeningRequest(more: fields).head))
    }

    /// Computed with another implementation of SHA-1 and base64, the first by RFC 6455 §1.3 itself.
    @Test(
        "A key has one answer",
        arguments: [
            ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
            ("AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
            ("/////////////////////w==", "XXpj4jYzLM2yUE0C7TIgMwTQh2g="),
            ("+/+/+/+/+/+/+/+/+/+/+w==", "M0DUs3om0SqzerhOhYSMM7WQuBQ="),
            // Left-over bits that are not zero: RFC 6455 §4.2.1 asks for 16 bytes, no more, and the answer is
            // the hash of the text as it came.
            ("dGhlIHNhbXBsZSBub25jZR==", "Zgw8jYXtqX5qJr7MJ1Q/MqzeSRI="),
        ]
    )
    func accept(_ key: String, _ accept: String) throws {
        let request = OpeningRequest(key: ["Sec-WebSocket-Key: \(key)"])
        let handshake = try #require(try serverHandshake(request.head))
        #expect(try handshake.acceptance().headerFields[.secWebSocketAccept] == accept)
    }

    @Test("The request is kept as it came")
    func request() throws {
        let handshake = try handshake("Origin: https://a.example", "Cookie: b=c")
        #expect(handshake.request.method == .get)
        #expect(handshake.request.path == "/chat")
        #expect(handshake.request.authority == "server.example.com")
        #expect(handshake.request.headerFields[.origin] == "https://a.example")
        #expect(handshake.request.headerFields[.cookie] == "b=c")
    }

    @Test("The chosen subprotocol stands in the answer once, and no other field does unasked")
    func subprotocolInAnswer() throws {
        let answer = try handshake("Sec-WebSocket-Protocol: a, b").acceptance(subprotocol: "b")
        #expect(
            lines(answer) == [
                "101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol: b",
            ]
        )
    }

    @Test("Without a choice the answer names no subprotocol and no extension, though both were offered")
    func nothingChosen() throws {
        let answer = try handshake("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: x").acceptance()
        #expect(answer.headerFields[.secWebSocketProtocol] == nil)
        #expect(answer.headerFields[.secWebSocketExtensions] == nil)
    }

    @Test("The server's preference decides between subprotocols that both know")
    func preference() throws {
        let handshake = try handshake("Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Protocol: c")
        #expect(handshake.choose(subprotocolFrom: ["x", "c", "a"]) == "c")
        #expect(handshake.choose(subprotocolFrom: ["b"]) == "b")
        #expect(handshake.choose(subprotocolFrom: ["x", "A"]) == nil)
        #expect(handshake.choose(subprotocolFrom: []) == nil)
    }

    @Test("Where none was offered, none can be chosen")
    func nothingOffered() throws {
        let handshake = try handshake()
        #expect(handshake.choose(subprotocolFrom: ["a"]) == nil)
        #expect(throws: UsageError.invalidSubprotocol("a")) { try handshake.acceptance(subprotocol: "a") }
    }

    /// "\u{212A}" is the Kelvin sign, which Swift's `==` holds for equal to "K".
    @Test(
        "A subprotocol that was not offered byte by byte is not sent",
        arguments: ["x", "k", "", "K ", "\u{212A}"]
    )
    func notOffered(_ subprotocol: String) throws {
        let handshake = try handshake("Sec-WebSocket-Protocol: K")
        #expect(throws: UsageError.invalidSubprotocol(subprotocol)) {
            try handshake.acceptance(subprotocol: subprotocol)
        }
        #expect(handshake.choose(subprotocolFrom: [subprotocol]) == nil)
    }

    @Test("Further fields follow the handshake's own")
    func furtherFields() throws {
        let headers = HTTPFields([
            HTTPField(name: .setCookie, value: "a=b"), HTTPField(name: .server, value: "own"),
            HTTPField(name: .setCookie, value: "c=d"),
        ])
        let answer = try handshake().acceptance(headers: headers)
        #expect(lines(answer).suffix(3) == ["Set-Cookie: a=b", "Server: own", "Set-Cookie: c=d"])
        #expect(lines(answer).count == 7)
    }

    /// What ``ServerHandshake/accept(subprotocol:compression:headers:into:)`` writes in one go, made step by step.
    private func acceptance(
        _ handshake: ServerHandshake,
        _ subprotocol: String? = nil,
        _ compression: DeflateOptions? = nil,
        _ headers: HTTPFields = [:]
    ) throws -> (bytes: [UInt8], agreement: DeflateAgreement?) {
        let agreed = compression.flatMap { DeflateAgreement.answer(to: handshake.offeredExtensions, $0) }
        let response = try handshake.acceptance(
            subprotocol: subprotocol,
            extensions: agreed.map { [$0.answer] } ?? [],
            headers: headers
        )
        return (HTTPHeadSerializer.bytes(of: response), agreed?.agreement)
    }

    @Test("Written in one go, the answer is byte for byte the one made step by step")
    func acceptInto() throws {
        let headers: HTTPFields = [.server: "own", .setCookie: "a=b"]
        for offer in [
            "X: y", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            "Sec-WebSocket-Extensions: x-other; a=b",
        ] {
            let handshake = try handshake("Sec-WebSocket-Protocol: a, b", offer)
            for subprotocol in [nil, "a", "b"] {
                for compression in [nil, DeflateOptions(), DeflateOptions(keepsOwnContext: true)] {
                    for headers in [[:], headers] {
                        let expected = try acceptance(handshake, subprotocol, compression, headers)
                        var output: [UInt8] = [1, 2]
                        let agreement = try handshake.accept(
                            subprotocol: subprotocol,
                            compression: compression,
                            headers: headers,
                            into: &output
                        )
                        #expect(output == [1, 2] + expected.bytes)
                        #expect(agreement == expected.agreement)
                    }
                }
            }
        }
    }

    @Test("Compression is agreed on alike from the bytes of a header and from its elements")
    func agreementFromBytes() throws {
        var dice = Dice(seed: 0x7692)
        let names = ["permessage-deflate", "x-other", "permessage-deflated", "Permessage-Deflate"]
        let parameters = [
            "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits",
            "client_max_window_bits", "unknown",
        ]
        let values = ["", "", "=8", "=10", "=15", "=\"1\\5\"", "=\"9\"", "=7", "=16", "=08", "=x", "=1"]
        var agreed = 0
        for _ in 0..<3_000 {
            let elements = (0..<dice.roll(1...3)).map { _ in
                (0..<dice.roll(0...3)).reduce(dice.pick(names)) { text, _ in
                    text + dice.pick([";", " ; ", "; "]) + dice.pick(parameters) + dice.pick(values)
                }
            }
            let cut = dice.roll(0...elements.count)
            let fields = [elements[..<cut], elements[cut...]].filter { !$0.isEmpty }
                .map { "Sec-WebSocket-Extensions: " + $0.joined(separator: ",") }
            let head = OpeningRequest(more: fields).head
            let handshake = try #require(try serverHandshake(head), "\(fields)")
            let options = DeflateOptions(
                keepsOwnContext: dice.roll(0...1) == 0,
                keepsPeerContext: dice.roll(0...1) == 0,
                ownMaxWindowBits: dice.roll(8...15),
                peerMaxWindowBits: dice.roll(8...15)
            )
            let expected = try acceptance(handshake, nil, options)
            var output: [UInt8] = []
            #expect(
                try handshake.accept(compression: options, into: &output) == expected.agreement,
                "\(fields)"
            )
            #expect(output == expected.bytes, "\(fields)")
            if expected.agreement != nil { agreed += 1 }
        }
        #expect(agreed > 300 && agreed < 2_700)
    }

    @Test("An answer that cannot be written leaves nothing behind")
    func acceptRefused() throws {
        let handshake = try handshake()
        var output: [UInt8] = []
        #expect(throws: UsageError.invalidSubprotocol("a")) {
            try handshake.accept(subprotocol: "a", into: &output)
        }
        #expect(throws: UsageError.reservedHeader("Upgrade")) {
            try handshake.accept(headers: [.upgrade: "x"], into: &output)
        }
        #expect(output.isEmpty)
    }

    @Test("A request made and one read are accepted alike")
    func madeRequest() throws {
        let read = try handshake("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: permessage-deflate")
        let made = try ServerHandshake(checking: HTTPRequestHead(request: read.request))
        #expect(made == read)
        #expect(made.hashValue == read.hashValue)
        #expect(made.offeredSubprotocols == ["a"])
        #expect(made.offeredExtensions == read.offeredExtensions)
        var (one, other): ([UInt8], [UInt8]) = ([], [])
        let options = DeflateOptions()
        #expect(
            try made.accept(subprotocol: "a", compression: options, into: &one)
                == read.accept(subprotocol: "a", compression: options, into: &other)
        )
        #expect(one == other)
    }

    @Test("Fields that the handshake writes cannot be set", arguments: reservedNames)
    func reserved(_ name: String) throws {
        let field = HTTPField(name: try #require(HTTPField.Name(name)), value: "x")
        let handshake = try handshake()
        #expect(throws: UsageError.reservedHeader(name)) {
            try handshake.acceptance(headers: HTTPFields([field]))
        }
    }

    @Test("A control character in a further field is refused before anything is sent")
    func controlInFurtherField() throws {
        let handshake = try handshake()
        for byte in UInt8.min...UInt8.max {
            let field = HTTPField(name: .server, lenientValue: [0x61, byte, 0x62])
            switch byte {
            // The field type has made blanks of these.
            case 0x00, 0x0A, 0x0D:
                #expect(lines(try handshake.acceptance(headers: HTTPFields([field]))).last == "Server: a b")
            case 0x01..<0x09, 0x0B..<0x20, 0x7F:
                #expect(throws: UsageError.invalidHeader("Server"), "\(byte)") {
                    try handshake.acceptance(headers: HTTPFields([field]))
                }
            default:
                #expect(throws: Never.self, "\(byte)") {
                    try handshake.acceptance(headers: HTTPFields([field]))
                }
            }
        }
    }

    @Test(
        "Every status of a refusal comes with the name RFC 9110 gives it",
        arguments: [
            (ProtocolError.invalidKey("x"), 400, "Bad Request"),
            (.methodNotGet("PUT"), 405, "Method Not Allowed"),
            (.startLineTooLong(limit: 1), 414, "URI Too Long"), (.notAnUpgrade("x"), 426, "Upgrade Required"),
            (.headTooLarge(limit: 1), 431, "Request Header Fields Too Large"),
            (.unsupportedHTTPVersion("x"), 505, "HTTP Version Not Supported"),
            // Not about a request at all; refused all the same, should it ever come here.
            (.maskedServerFrame, 400, "Bad Request"),
        ]
    )
    func reasonPhrase(_ error: ProtocolError, _ status: Int, _ phrase: String) {
        let (response, body) = ServerHandshake.refusal(of: error)
        #expect(lines(response).first == "\(status) \(phrase)")
        #expect(body == "\(error)\n")
    }

    /// What was refused may be quoted in the reason, but never in the head.
    @Test("A refusal's head holds nothing that the client sent")
    func nothingReflected() throws {
        let request = OpeningRequest(version: ["Sec-WebSocket-Version: 8\u{E9}\tSet-Cookie: a=b"])
        let error = try #require(throws: ProtocolError.self) { _ = try serverHandshake(request.head) }
        let head = latin1Text(HTTPHeadSerializer.bytes(of: ServerHandshake.refusal(of: error).response))
        #expect(!head.contains("Set-Cookie"))
    }

    static let reservedNames = [
        "Host", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Key",
        "Sec-WebSocket-Accept", "sec-websocket-version", "SEC-WEBSOCKET-PROTOCOL", "Sec-WebSocket-Extensions",
    ]
}
