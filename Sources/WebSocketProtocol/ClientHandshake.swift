public import HTTPTypes

/// The client's half of the opening handshake as pure functions: ``request`` is what to send,
/// ``check(_:)`` judges the answer (RFC 6455 §4.1).
public struct ClientHandshake: Sendable, Hashable {
    /// The request to send.
    public let request: HTTPRequest
    private let key: String
    private let subprotocols: [String]
    private let requiresSubprotocol: Bool
    private let extensionNames: Set<String>

    /// - Parameters:
    ///   - url: where to.
    ///   - subprotocols: offered, in order of preference.
    ///   - requiresSubprotocol: whether a server that chooses none of those offered is refused, as browsers do (WHATWG
    ///     WebSockets §2); RFC 6455 leaves that to the client.
    ///   - extensions: offered, in order of preference, such as ``DeflateAgreement/offer(_:)``.
    ///   - headers: further fields for the request, such as `Origin`, `Cookie` or `Authorization`.
    ///   - random: where the nonce of 16 bytes comes from.
    /// - Throws: ``UsageError/invalidSubprotocol(_:)``, ``UsageError/reservedHeader(_:)``,
    ///   ``UsageError/invalidHeader(_:)``.
    public init(
        url: WebSocketURL,
        subprotocols: [String] = [],
        requiresSubprotocol: Bool = false,
        extensions: [ExtensionElement] = [],
        headers: HTTPFields = [:],
        random: RandomSource = .system
    ) throws(UsageError) {
        try HandshakeFields.checkCallerFields(headers)
        if let bad = HandshakeFields.firstInvalid(subprotocols: subprotocols) {
            throw .invalidSubprotocol(bad)
        }
        key = Base64.encode(random.bytes(16))
        self.subprotocols = subprotocols
        self.requiresSubprotocol = requiresSubprotocol
        extensionNames = Set(extensions.map(\.name))
        var fields: HTTPFields = [
            .upgrade: "websocket",
            .connection: "Upgrade",
            .secWebSocketKey: key,
            .secWebSocketVersion: HandshakeFields.version,
        ]
        if !subprotocols.isEmpty { fields[.secWebSocketProtocol] = subprotocols.joined(separator: ", ") }
        if !extensions.isEmpty {
            fields[.secWebSocketExtensions] = extensions.map(\.headerValue).joined(separator: ", ")
        }
        fields.append(contentsOf: headers)
        request = HTTPRequest(
            method: .get,
            scheme: nil,
            authority: url.authority,
            path: url.pathAndQuery,
            headerFields: fields
        )
    }

    /// What the server agreed to.
    public struct Agreement: Sendable, Hashable {
        /// The subprotocol chosen, or `nil` for none.
        public let subprotocol: String?
        /// The server's answers to the extensions offered, each of another name. Whether their parameters
        /// fit the offer is for the extension to judge.
        public let extensions: [ExtensionElement]
        /// The server's answer.
        public let response: HTTPResponse
    }

    /// Checks the answer.
    ///
    /// - Throws: the ``ProtocolError`` of the first rule of RFC 6455 §4.1 it breaks;
    ///   ``ProtocolError/unexpectedStatus(_:)`` for anything but 101.
    public func check(_ response: HTTPResponse) throws(ProtocolError) -> Agreement {
        let fields = response.headerFields
        guard response.status.code == 101 else { throw .unexpectedStatus(response.status.code) }
        if let missing = HandshakeFields.whyNotAnUpgrade(response: fields) {
            throw .responseNotAnUpgrade(missing)
        }
        let accepts = fields[values: .secWebSocketAccept]
        guard accepts.count == 1, HTTPGrammar.equals(accepts[0], HandshakeFields.accept(for: key)) else {
            throw .acceptMismatch
        }
        let extensions = try checkExtensions(fields[values: .secWebSocketExtensions])
        let chosen = fields[values: .secWebSocketProtocol]
        guard let subprotocol = chosen.first else {
            guard subprotocols.isEmpty || !requiresSubprotocol else {
                throw .subprotocolMissing(offered: subprotocols)
            }
            return Agreement(subprotocol: nil, extensions: extensions, response: response)
        }
        // RFC 6455 §4.1: exactly one, of those offered.
        guard chosen.count == 1, subprotocols.contains(where: { HTTPGrammar.equals($0, subprotocol) }) else {
            throw .subprotocolNotOffered(chosen.joined(separator: ", "))
        }
        return Agreement(subprotocol: subprotocol, extensions: extensions, response: response)
    }

    private func checkExtensions(_ fields: [String]) throws(ProtocolError) -> [ExtensionElement] {
        let elements = fields.isEmpty ? [] : try ExtensionElement.parse(fields)
        var seen: Set<String> = []
        for element in elements {
            // RFC 6455 §4.1: one that was not offered fails the connection.
            guard extensionNames.contains(element.name) else { throw .extensionNotOffered(element.name) }
            // RFC 7692 §5: only one use of it can have been accepted.
            guard seen.insert(element.name).inserted else {
                throw .invalidExtensions("\"\(element.name)\" is answered twice")
            }
        }
        return elements
    }
}
