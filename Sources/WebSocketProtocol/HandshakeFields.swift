import Crypto
import HTTPTypes

/// What the two halves of the opening handshake share (RFC 6455 §1.3, §4).
package enum HandshakeFields {
    /// The version of RFC 6455.
    static let version = "13"

    /// The value of `Sec-WebSocket-Accept` that answers a key: base64 of SHA-1 of the key and a fixed
    /// GUID (RFC 6455 §4.2.2).
    package static func accept(for key: String) -> String {
        var text: [UInt8] = []
        appendAccept(for: Array(key.utf8)[...], to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// See ``accept(for:)``.
    static func appendAccept(for key: ArraySlice<UInt8>, to output: inout [UInt8]) {
        var hash = Insecure.SHA1()
        key.withUnsafeBytes { hash.update(bufferPointer: $0) }
        guid.withUnsafeBytes { hash.update(bufferPointer: $0) }
        hash.finalize().withUnsafeBytes { Base64.append($0, to: &output) }
    }

    private static let guid = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

    /// Whether the fields grant the change to WebSocket. Says what is wrong otherwise.
    static func whyNotAnUpgrade(response fields: HTTPFields) -> String? {
        // RFC 6455 §4.1: Upgrade is "websocket"; a list could name protocols nobody asked for.
        let upgrades = fields[values: .upgrade]
        guard let upgrade = upgrades.first else { return "Upgrade: websocket is missing" }
        guard upgrades.count == 1, HTTPGrammar.equalsIgnoringCase(upgrade, "websocket") else {
            return "Upgrade is \"\(upgrades.joined(separator: ", "))\", not websocket"
        }
        guard HTTPGrammar.list(fields[values: .connection], contains: "upgrade") else {
            return "Connection: Upgrade is missing"
        }
        return nil
    }

    /// Fields the handshake writes itself, and those that say how HTTP frames a message.
    private static let reserved: Set<String> = [
        "host", "connection", "upgrade", "content-length", "transfer-encoding", "sec-websocket-key",
        "sec-websocket-accept", "sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions",
    ]

    static func checkCallerFields(_ fields: HTTPFields) throws(UsageError) {
        for field in fields {
            guard !reserved.contains(field.name.canonicalName) else {
                throw .reservedHeader(field.name.rawName)
            }
            // HTTPField keeps line breaks out, but its lenient initialiser lets other controls in.
            guard field.withUnsafeBytesOfValue({ $0.allSatisfy(HTTPGrammar.isFieldValueByte) }) else {
                throw .invalidHeader(field.name.rawName)
            }
        }
    }

    /// Each a token, none twice (RFC 6455 §4.1).
    static func firstInvalid(subprotocols: [String]) -> String? {
        var seen: Set<String> = []
        return subprotocols.first { !HTTPGrammar.isToken($0) || !seen.insert($0).inserted }
    }
}
