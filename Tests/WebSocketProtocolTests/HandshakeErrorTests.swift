import Testing

@testable import WebSocketProtocol

@Suite("What the opening handshake's errors say", .ownThread)
struct HandshakeErrorTests {
    @Test(
        "Each rule of a request has its status and its sentence",
        arguments: [
            (ProtocolError.malformedHead("x"), 400, "malformed HTTP head: x"),
            (.startLineTooLong(limit: 5), 414, "start line exceeds 5 bytes"),
            (.headTooLarge(limit: 5), 431, "HTTP head exceeds 5 bytes"),
            (.tooManyHeaderFields(limit: 5), 431, "HTTP head has more than 5 fields"),
            (.unsupportedHTTPVersion("HTTP/3.0"), 505, "HTTP/3.0 is not HTTP/1.1"),
            (.invalidHost("missing"), 400, "invalid Host: missing"),
            (.methodNotGet("PUT"), 405, "a WebSocket opens with GET, not PUT"),
            (.notAnUpgrade("x"), 426, "this address speaks WebSocket only: x"),
            (.unsupportedVersion("8"), 426, "Sec-WebSocket-Version 8 is not supported, 13 is"),
            (.unsupportedVersion(nil), 426, "Sec-WebSocket-Version is missing, 13 is expected"),
            (.invalidKey("x"), 400, "invalid Sec-WebSocket-Key: x"),
            (.invalidSubprotocols("x"), 400, "invalid Sec-WebSocket-Protocol: x"),
            (.invalidExtensions("x"), 400, "invalid Sec-WebSocket-Extensions: x"),
            (.bodyInUpgrade, 400, "an upgrade request must not have a body"),
        ]
    )
    func request(_ error: ProtocolError, _ status: Int, _ sentence: String) {
        #expect(error.httpStatus == status)
        #expect(error.description == sentence)
    }

    @Test(
        "Each rule of a response has its sentence, and no status: it is not answered",
        arguments: [
            (ProtocolError.unexpectedStatus(403), "the server answered 403, 101 was expected"),
            (.responseNotAnUpgrade("x"), "the server's 101 is no upgrade to WebSocket: x"),
            (.acceptMismatch, "Sec-WebSocket-Accept is not the hash of the key that was sent"),
            (
                .subprotocolMissing(offered: ["x", "y"]),
                "the server chose none of the subprotocols \"x, y\""
            ),
            (.subprotocolNotOffered("x"), "the server chose subprotocol \"x\", which was not offered"),
            (.extensionNotOffered("x"), "the server chose extension \"x\", which was not offered"),
        ]
    )
    func response(_ error: ProtocolError, _ sentence: String) {
        #expect(error.httpStatus == nil)
        #expect(error.description == sentence)
    }
}
