public import HTTPTypes

/// A request for a WebSocket that has passed every check of RFC 6455 §4.2.1, waiting to be accepted.
///
/// The server's half of the opening handshake as pure functions: a request goes in, the response that
/// accepts or refuses it comes out.
public struct ServerHandshake: Sendable, Hashable {
    /// The request as it came.
    public var request: HTTPRequest { head.request }
    /// The subprotocols the client offers, in its order of preference.
    public let offeredSubprotocols: [String]
    /// The extensions the client offers, in its order of preference.
    public var offeredExtensions: [ExtensionElement] {
        // It has been read before.
        (try? ExtensionElement.parse(fields.texts(.extensions))) ?? []
    }
    private let head: HTTPRequestHead
    private var fields: HeadFields { head.fields }

    /// Checks a request: an upgrade of HTTP/1.1, or an extended `CONNECT` of HTTP/2 (RFC 8441 §4, §5), which has no
    /// key, and nothing to upgrade.
    ///
    /// - Throws: the ``ProtocolError`` of the first rule it breaks; ``refusal(of:)`` makes the response.
    public init(checking head: HTTPRequestHead) throws(ProtocolError) {
        let fields = head.fields
        if head.version == .http2 {
            try Self.checkConnect(head, fields)
        } else {
            try Self.checkUpgrade(head, fields)
        }
        guard fields.range(.transferEncoding) == nil,
            fields.values(.contentLength).allSatisfy({ $0.elementsEqual("0".utf8) })
        else {
            throw .bodyInUpgrade
        }
        // RFC 6455 §4.3: one number; only a server's answer holds a list.
        let version = fields.first(.version)
        guard let version, fields.count(.version) == 1, version.elementsEqual(HandshakeFields.version.utf8)
        else {
            let given = fields.texts(.version).joined(separator: ", ")
            throw .unsupportedVersion(given.isEmpty ? nil : given)
        }
        if head.version != .http2 {
            guard let key = fields.first(.key) else { throw .invalidKey("missing") }
            let keyCount = fields.count(.key)
            guard keyCount == 1 else { throw .invalidKey("given \(keyCount) times") }
            guard Base64.decodedCount(key) == 16 else { throw .invalidKey("not 16 bytes of base64") }
        }

        var subprotocols: [String] = []
        if fields.range(.subprotocols) != nil {
            subprotocols = HTTPGrammar.listElements(fields.texts(.subprotocols))
            guard !subprotocols.isEmpty else { throw .invalidSubprotocols("empty") }
            if let bad = HandshakeFields.firstInvalid(subprotocols: subprotocols) {
                throw .invalidSubprotocols("\"\(bad)\" is not a token, or is given twice")
            }
        }
        try ExtensionElement.check(fields.values(.extensions))

        self.head = head
        offeredSubprotocols = subprotocols
    }

    private static func checkUpgrade(_ head: HTTPRequestHead, _ fields: HeadFields) throws(ProtocolError) {
        // RFC 9110 §7.8: Upgrade in a request of HTTP/1.0 is ignored, so that it is an ordinary one.
        guard head.version == .http1_1 else { throw .notAnUpgrade("HTTP/1.0 has no upgrade") }
        // RFC 6455 §4.2.1: Upgrade holds "websocket", Connection holds "Upgrade", letter case aside.
        guard fields.list(.upgrade, contains: "websocket") else {
            throw .notAnUpgrade("Upgrade: websocket is missing")
        }
        guard fields.list(.connection, contains: "upgrade") else {
            throw .notAnUpgrade("Connection: Upgrade is missing")
        }
        guard head.isMethod(.get) else { throw .methodNotGet(head.request.method.rawValue) }
    }

    private static func checkConnect(_ head: HTTPRequestHead, _ fields: HeadFields) throws(ProtocolError) {
        let request = head.request
        guard request.method == .connect else { throw .methodNotConnect(request.method.rawValue) }
        guard let name = request.extendedConnectProtocol, HTTPGrammar.equalsIgnoringCase(name, "websocket")
        else {
            throw .unsupportedProtocol(request.extendedConnectProtocol)
        }
    }

    public static func == (one: Self, other: Self) -> Bool { one.head == other.head }

    public func hash(into hasher: inout Hasher) { hasher.combine(head) }

    private var key: ArraySlice<UInt8> { fields.first(.key) ?? [] }

    /// The response that accepts: 101 (RFC 6455 §4.2.2), or 200 over HTTP/2 (RFC 8441 §5).
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
        var fields: HTTPFields = [:]
        if !isHTTP2 {
            fields[.upgrade] = "websocket"
            fields[.connection] = "Upgrade"
            fields[.secWebSocketAccept] = HandshakeFields.accept(for: String(decoding: key, as: UTF8.self))
        }
        if let subprotocol {
            guard offers(subprotocol) else { throw .invalidSubprotocol(subprotocol) }
            fields[.secWebSocketProtocol] = subprotocol
        }
        if !extensions.isEmpty {
            fields[.secWebSocketExtensions] = extensions.map(\.headerValue).joined(separator: ", ")
        }
        fields.append(contentsOf: headers)
        return HTTPResponse(status: isHTTP2 ? .ok : .switchingProtocols, headerFields: fields)
    }

    private var isHTTP2: Bool { head.version == .http2 }

    /// The response of ``acceptance(subprotocol:extensions:headers:)``, and what is agreed on with it of
    /// permessage-deflate.
    ///
    /// - Parameter compression: what to agree to, or `nil` for none.
    /// - Throws: as ``acceptance(subprotocol:extensions:headers:)``.
    public func acceptance(
        subprotocol: String?,
        compression: DeflateOptions?,
        headers: HTTPFields = [:]
    ) throws(UsageError) -> (response: HTTPResponse, compression: DeflateAgreement?) {
        let agreed = compression.flatMap { DeflateAgreement.answer(to: offeredExtensions, $0) }
        let extensions = agreed.map { [$0.answer] } ?? []
        let response = try acceptance(subprotocol: subprotocol, extensions: extensions, headers: headers)
        return (response, agreed?.agreement)
    }

    /// Writes the 101 response of ``acceptance(subprotocol:extensions:headers:)`` as it goes on the wire of HTTP/1.1,
    /// and agrees on compression on the way.
    ///
    /// - Parameters:
    ///   - compression: what to agree to of permessage-deflate, or `nil` for none.
    ///   - output: what to append the response to; untouched where an error is thrown.
    /// - Returns: what was agreed on, if anything.
    /// - Throws: as ``acceptance(subprotocol:extensions:headers:)``.
    public func accept(
        subprotocol: String? = nil,
        compression: DeflateOptions? = nil,
        headers: HTTPFields = [:],
        into output: inout [UInt8]
    ) throws(UsageError) -> DeflateAgreement? {
        try HandshakeFields.checkCallerFields(headers)
        if let subprotocol, !offers(subprotocol) { throw .invalidSubprotocol(subprotocol) }
        output.append(contentsOf: Self.beginningOf101)
        HandshakeFields.appendAccept(for: key, to: &output)
        if let subprotocol {
            output.append(contentsOf: "\r\nSec-WebSocket-Protocol: ".utf8)
            output.append(contentsOf: subprotocol.utf8)
        }
        let agreed = compression.flatMap { DeflateAgreement.answer(to: fields.values(.extensions), $0) }
        if let agreed {
            output.append(contentsOf: "\r\nSec-WebSocket-Extensions: ".utf8)
            agreed.answer.append(to: &output)
        }
        output.append(contentsOf: "\r\n".utf8)
        HTTPHeadSerializer.append(headers, to: &output)
        return agreed?.agreement
    }

    private static let beginningOf101 = Array(
        """
        HTTP/1.1 101 Switching Protocols\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Accept:\u{20}
        """.utf8
    )

    /// Whether it came on a stream of HTTP/2 (RFC 8441).
    package var isStream: Bool { head.version == .http2 }

    /// Whether the client offers any extension.
    package var offersExtensions: Bool { fields.range(.extensions) != nil }

    /// The value of the first field of this name, which is given in small letters.
    package func firstValue(_ name: StaticString) -> ArraySlice<UInt8>? { head.firstValue(name) }

    /// The values of all fields of this name, which is given in small letters, in order.
    package func values(_ name: StaticString) -> [String] { head.values(name) }

    /// What was asked for: `Host`, the authority of a whole URL, or `:authority`.
    package var authority: String? { head.authority }

    /// The head's bytes, where it was read from such.
    package var bytes: [UInt8]? { head.bytes }

    /// The first of the server's subprotocols, in its order of preference, that the client offers.
    public func choose(subprotocolFrom supported: [String]) -> String? {
        offeredSubprotocols.isEmpty ? nil : supported.first(where: offers)
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
        case .methodNotConnect:
            response.headerFields[.allow] = "CONNECT"
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
        case 501: "Not Implemented"
        case 505: "HTTP Version Not Supported"
        default: "Bad Request"
        }
    }
}
