public import HTTPTypes

/// A request for a WebSocket that has passed every check of RFC 6455 §4.2.1, waiting to be accepted.
///
/// The server's half of the opening handshake as pure functions: a request goes in, the response that
/// accepts or refuses it comes out.
public struct ServerHandshake: Sendable, Hashable {
    /// The request as it came.
    public let request: HTTPRequest
    /// The subprotocols the client offers, in its order of preference.
    public let offeredSubprotocols: [String]
    /// The extensions the client offers, in its order of preference.
    public let offeredExtensions: [ExtensionElement]
    private let key: String

    /// Checks a request.
    ///
    /// - Throws: the ``ProtocolError`` of the first rule it breaks; ``refusal(of:)`` makes the response.
    public init(checking head: HTTPRequestHead) throws(ProtocolError) {
        let request = head.request
        let fields = request.headerFields
        // RFC 9110 §7.8: Upgrade in a request of HTTP/1.0 is ignored, so that it is an ordinary one.
        guard head.version == .http1_1 else { throw .notAnUpgrade("HTTP/1.0 has no upgrade") }
        if let missing = HandshakeFields.whyNotAnUpgrade(request: fields) { throw .notAnUpgrade(missing) }
        guard request.method == .get else { throw .methodNotGet(request.method.rawValue) }
        guard fields[.transferEncoding] == nil, fields[values: .contentLength].allSatisfy({ $0 == "0" })
        else {
            throw .bodyInUpgrade
        }
        // RFC 6455 §4.3: one number; only a server's answer holds a list.
        let versions = fields[values: .secWebSocketVersion]
        guard versions == [HandshakeFields.version] else {
            let given = versions.joined(separator: ", ")
            throw .unsupportedVersion(given.isEmpty ? nil : given)
        }
        let keys = fields[values: .secWebSocketKey]
        guard let key = keys.first else { throw .invalidKey("missing") }
        guard keys.count == 1 else { throw .invalidKey("given \(keys.count) times") }
        guard Base64.decodedCount(key) == 16 else { throw .invalidKey("not 16 bytes of base64") }

        let protocolFields = fields[values: .secWebSocketProtocol]
        let subprotocols = HTTPGrammar.listElements(protocolFields)
        guard protocolFields.isEmpty || !subprotocols.isEmpty else { throw .invalidSubprotocols("empty") }
        if let bad = HandshakeFields.firstInvalid(subprotocols: subprotocols) {
            throw .invalidSubprotocols("\"\(bad)\" is not a token, or is given twice")
        }
        let extensionFields = fields[values: .secWebSocketExtensions]

        self.request = request
        self.key = key
        offeredSubprotocols = subprotocols
        offeredExtensions = extensionFields.isEmpty ? [] : try ExtensionElement.parse(extensionFields)
    }

    /// The 101 response (RFC 6455 §4.2.2).
    ///
    /// - Parameters:
    ///   - subprotocol: one of ``offeredSubprotocols``, or `nil` for none.
    ///   - extensions: the answers to ``offeredExtensions``, such as
    ///     ``DeflateAgreement/answer(to:_:)`` gives, in the order they are applied.
    ///   - headers: further fields for the response.
    /// - Throws: ``UsageError/invalidSubprotocol(_:)`` for one that was not offered,
    ///   ``UsageError/reservedHeader(_:)``, ``UsageError/invalidHeader(_:)``.
    public func acceptance(
        subprotocol: String? = nil,
        extensions: [ExtensionElement] = [],
        headers: HTTPFields = [:]
    ) throws(UsageError) -> HTTPResponse {
        try HandshakeFields.checkCallerFields(headers)
        var fields: HTTPFields = [
            .upgrade: "websocket",
            .connection: "Upgrade",
            .secWebSocketAccept: HandshakeFields.accept(for: key),
        ]
        if let subprotocol {
            guard offers(subprotocol) else { throw .invalidSubprotocol(subprotocol) }
            fields[.secWebSocketProtocol] = subprotocol
        }
        if !extensions.isEmpty {
            fields[.secWebSocketExtensions] = extensions.map(\.headerValue).joined(separator: ", ")
        }
        fields.append(contentsOf: headers)
        return HTTPResponse(status: .switchingProtocols, headerFields: fields)
    }

    /// The first of the server's subprotocols, in its order of preference, that the client offers.
    public func choose(subprotocolFrom supported: [String]) -> String? {
        supported.first(where: offers)
    }

    private func offers(_ subprotocol: String) -> Bool {
        offeredSubprotocols.contains { HTTPGrammar.equals($0, subprotocol) }
    }

    /// The response that refuses a request: its status, what the standard wants beside it, and the
    /// reason as text. It ends the connection, so that nothing sent behind it is read as a request.
    public static func refusal(of error: ProtocolError) -> (response: HTTPResponse, body: String) {
        let body = error.description + "\n"
        var response = HTTPResponse(
            status: .init(code: error.httpStatus ?? 400, reasonPhrase: reasonPhrase(error.httpStatus ?? 400))
        )
        response.headerFields = [
            .connection: "close",
            .contentType: "text/plain; charset=utf-8",
            .contentLength: String(body.utf8.count),
        ]
        switch error {
        case .methodNotGet:
            response.headerFields[.allow] = "GET"
        case .notAnUpgrade, .unsupportedVersion:
            // RFC 9110 §15.5.22: a 426 must say what to upgrade to; RFC 6455 §4.4: and the version.
            response.headerFields[.upgrade] = "websocket"
            response.headerFields[.connection] = "Upgrade, close"
            response.headerFields[.secWebSocketVersion] = HandshakeFields.version
        default:
            break
        }
        return (response, body)
    }

    private static func reasonPhrase(_ status: Int) -> String {
        switch status {
        case 405: "Method Not Allowed"
        case 414: "URI Too Long"
        case 426: "Upgrade Required"
        case 431: "Request Header Fields Too Large"
        case 505: "HTTP Version Not Supported"
        default: "Bad Request"
        }
    }
}
