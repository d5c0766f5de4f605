import HTTPTypes

@testable import WebSocketProtocol

/// The request of RFC 6455 §1.2, each part of which a test can replace.
struct OpeningRequest: Sendable {
    var line = "GET /chat HTTP/1.1"
    var host = ["Host: server.example.com"]
    var upgrade = ["Upgrade: websocket"]
    var connection = ["Connection: Upgrade"]
    var key = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    var version = ["Sec-WebSocket-Version: 13"]
    var more: [String] = []

    var head: String { headText([line] + host + upgrade + connection + key + version + more) }
}

/// What a server makes of a request: parsed, then checked. `nil` while the head is unfinished.
func serverHandshake(_ head: String) throws(ProtocolError) -> ServerHandshake? {
    var parser = HTTPRequestParser()
    let parsed = latin1(head).withUnsafeBytes { bytes in
        Result { () throws(ProtocolError) in
            var offset = 0
            return try parser.parse(bytes, at: &offset)
        }
    }
    guard let head = try parsed.get() else { return nil }
    return try ServerHandshake(checking: head)
}

/// A response as the lines of its head.
func lines(_ response: HTTPResponse) -> [String] { HTTPResponseParser.lines(response) }
