import HTTPTypes

extension HTTPRequestHead {
    /// The head of a request as HTTP/2 brings it: a list of fields, those first that stand for HTTP/1.1's start line
    /// (RFC 9113 §8.3), with `:protocol` for an extended `CONNECT` (RFC 8441 §4).
    ///
    /// - Parameters:
    ///   - fields: in the order they came, not checked yet.
    ///   - limits: ``Limits/maxHeadSize`` for names, values and four bytes for each field, which is what they take
    ///     in HTTP/1.1; ``Limits/maxHeadFields``.
    /// - Throws: a ``ProtocolError`` with the HTTP status to refuse it with.
    public init(
        http2 fields: some Sequence<(name: String, value: String)>,
        limits: Limits = Limits()
    ) throws(ProtocolError) {
        var reader = HTTP2FieldReader(limits)
        for (name, value) in fields { try reader.read(name, value) }
        self.init(request: try reader.request(), version: .http2)
    }
}

/// Takes a head's fields one by one, strictly: RFC 9113 §8.2 and §8.3 call malformed whatever this refuses.
private struct HTTP2FieldReader {
    private enum Pseudo: String, CaseIterable {
        case method = ":method"
        case scheme = ":scheme"
        case authority = ":authority"
        case path = ":path"
        case `protocol` = ":protocol"
    }

    private let maxSize: Int
    private let maxFields: Int
    private var size = 0
    private var pseudo: [Pseudo: String] = [:]
    private var fields = HTTPFields()
    private var count = 0
    private var host: String?

    init(_ limits: Limits) {
        maxSize = limits.maxHeadSize
        // HTTPFields ends the program at 65,535 fields, whatever the limit is set to.
        maxFields = min(limits.maxHeadFields, Int(UInt16.max) - 1)
    }

    mutating func read(_ name: String, _ value: String) throws(ProtocolError) {
        size += name.utf8.count + value.utf8.count + 4
        guard size <= maxSize else {
            throw name == Pseudo.path.rawValue && value.utf8.count > maxSize
                ? .startLineTooLong(limit: maxSize) : .headTooLarge(limit: maxSize)
        }
        guard value.utf8.allSatisfy(HTTPGrammar.isFieldValueByte) else {
            throw .malformedHead("a control character in the value of a field")
        }
        if let first = value.utf8.first, let last = value.utf8.last {
            guard !HTTPGrammar.isBlank(first), !HTTPGrammar.isBlank(last) else {
                throw .malformedHead("a field's value begins or ends with a blank")
            }
        }
        if name.utf8.first == UInt8(ascii: ":") {
            try readPseudo(name, value)
        } else {
            try readField(name, value)
        }
    }

    private mutating func readPseudo(_ name: String, _ value: String) throws(ProtocolError) {
        guard count == 0, host == nil else { throw .malformedHead("\(name) stands behind other fields") }
        guard let known = Pseudo(rawValue: name) else {
            throw .malformedHead("a field with a colon in front that no request has")
        }
        guard pseudo.updateValue(value, forKey: known) == nil else {
            throw .malformedHead("\(name) is given twice")
        }
    }

    private mutating func readField(_ name: String, _ value: String) throws(ProtocolError) {
        guard HTTPGrammar.isToken(name),
            !name.utf8.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
        else { throw .malformedHead("a field's name is not a token of small letters") }
        switch name {
        case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
            // RFC 9113 §8.2.2.
            throw .malformedHead("\(name) has no place in HTTP/2")
        case "te" where value != "trailers":
            throw .malformedHead("te is not \"trailers\"")
        case "host":
            guard host == nil else { throw .invalidHost("given twice") }
            host = value
        default:
            guard count < maxFields else { throw .tooManyHeaderFields(limit: maxFields) }
            count += 1
            // It is a token, which is all that a name must be.
            guard let known = HTTPField.Name(name) else { return }
            fields.append(HTTPField(name: known, lenientValue: Array(value.utf8)))
        }
    }

    func request() throws(ProtocolError) -> HTTPRequest {
        guard let name = pseudo[.method], HTTPGrammar.isToken(name), let method = HTTPRequest.Method(name)
        else {
            throw .malformedHead(":method is missing or not a token")
        }
        let isOrdinaryConnect = method == .connect && pseudo[.protocol] == nil
        guard method == .connect || pseudo[.protocol] == nil else {
            throw .malformedHead(":protocol with a method other than CONNECT")
        }
        if isOrdinaryConnect {
            // RFC 9113 §8.5.
            guard pseudo[.scheme] == nil, pseudo[.path] == nil else {
                throw .malformedHead("CONNECT has an authority and no path")
            }
        } else {
            try checkTarget(method)
        }
        try HeadFields(fields).checkBodyFraming()
        var request = HTTPRequest(
            method: method,
            scheme: pseudo[.scheme],
            authority: try authority(isRequired: method == .connect),
            path: pseudo[.path],
            headerFields: fields
        )
        if let name = pseudo[.protocol] { request.extendedConnectProtocol = name }
        return request
    }

    private func checkTarget(_ method: HTTPRequest.Method) throws(ProtocolError) {
        // RFC 8441 §5: "http" or "https" for WebSockets too. Others could be asked for by no URL we serve.
        guard let scheme = pseudo[.scheme], scheme == "https" || scheme == "http" else {
            throw .malformedHead(":scheme is neither http nor https")
        }
        guard let path = pseudo[.path] else { throw .malformedHead(":path is missing") }
        // RFC 3986 §2: printable ASCII; a fragment is never sent.
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw .malformedHead("the target has characters that a URL cannot hold")
        }
        guard path.utf8.first == UInt8(ascii: "/") || path == "*" && method == .options else {
            throw .malformedHead("the target is not a path")
        }
    }

    /// RFC 9113 §8.3.1: `host` may stand in for `:authority`, and must not differ from it.
    private func authority(isRequired: Bool) throws(ProtocolError) -> String {
        let given = pseudo[.authority]
        guard let authority = isRequired ? given : given ?? host else { throw .invalidHost("missing") }
        guard HTTPGrammar.isAuthority(authority) else { throw .invalidHost("not a host") }
        if let host, !HTTPGrammar.equalsIgnoringCase(host, authority) {
            throw .invalidHost("host is not what :authority is")
        }
        return authority
    }
}
