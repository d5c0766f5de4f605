import WebSocketProtocol

extension WebURL {
    /// The user and password of the URL as `Authorization: Basic` has them (RFC 7617 §2).
    var basicCredentials: String {
        let parts = [username, password].map { PercentEncoding.decode(Array($0.utf8)[...]) }
        return Base64.encode(Array(parts.joined(separator: ":".utf8)))
    }
}
