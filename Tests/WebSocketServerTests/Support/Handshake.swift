/// An opening handshake as a client writes it, byte for byte (RFC 6455 §1.2).
enum Handshake {
    static func request(_ path: String, fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: example.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(fields)\r\n"
    }

    /// The answer to the key of ``request(_:fields:)``.
    static let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

    /// A masked text frame, below 126 bytes.
    static func frame(_ text: String) -> [UInt8] { masked(opcode: 0x1, Array(text.utf8)) }

    /// A masked close frame.
    static func close(_ code: UInt16) -> [UInt8] {
        masked(opcode: 0x8, [UInt8(code >> 8), UInt8(code & 0xFF)])
    }

    private static func masked(opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let key: [UInt8] = [1, 2, 3, 4]
        return [0x80 | opcode, 0x80 | UInt8(payload.count)] + key
            + payload.enumerated().map { $1 ^ key[$0 & 3] }
    }
}
