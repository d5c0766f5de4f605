public import HTTPTypes

/// The minor version of an HTTP/1 message.
public enum HTTPVersion: Sendable, Hashable {
    case http1_0
    case http1_1
}

/// A request's head, with the version it was written in.
public struct HTTPRequestHead: Sendable, Hashable {
    public var request: HTTPRequest
    public var version: HTTPVersion

    public init(request: HTTPRequest, version: HTTPVersion = .http1_1) {
        self.request = request
        self.version = version
    }
}

/// Reads one HTTP/1.1 head from bytes cut anywhere (RFC 9112 §2–§5), strictly: what two parsers could
/// read in two ways is refused.
///
/// Each byte is looked at a bounded number of times however the input is cut, and no more than
/// ``Limits/maxHeadSize`` bytes are kept.
struct HTTPHeadParser: Sendable {
    /// HTTPFields ends the program at 65,535 fields, whatever the limit is set to.
    private static let maxFieldsEver = Int(UInt16.max) - 1

    private let limits: Limits
    private var line: [UInt8] = []
    private var size = 0
    private var startLine: [UInt8]?
    private(set) var fields = HTTPFields()
    /// The values of `Host`, which HTTPRequest keeps as its authority and not among the fields.
    private(set) var hosts: [String] = []

    init(limits: Limits) { self.limits = limits }

    /// Whether any byte has arrived.
    var hasBegun: Bool { size > 0 }

    /// Reads on from `offset`, moving it past the bytes used; what follows the head is left alone.
    ///
    /// - Returns: the start line, once the head is complete.
    mutating func parse(
        _ input: UnsafeRawBufferPointer,
        at offset: inout Int
    ) throws(ProtocolError) -> [UInt8]? {
        while offset < input.count {
            let byte = input[offset]
            guard size < limits.maxHeadSize else {
                throw startLine == nil
                    ? .startLineTooLong(limit: limits.maxHeadSize) : .headTooLarge(limit: limits.maxHeadSize)
            }
            offset += 1
            size += 1
            let afterReturn = line.last == UInt8(ascii: "\r")
            if byte == UInt8(ascii: "\n") {
                // RFC 9112 §2.2: a line ends in CRLF. A lone LF is where request smuggling begins.
                guard afterReturn else { throw .malformedHead("a line ends in LF without CR") }
                line.removeLast()
                if let done = try endLine() { return done }
            } else {
                guard !afterReturn else { throw .malformedHead("CR without LF") }
                guard HTTPGrammar.isFieldValueByte(byte) || byte == UInt8(ascii: "\r") else {
                    throw .malformedHead("control character \(byte)")
                }
                line.append(byte)
            }
        }
        return nil
    }

    private mutating func endLine() throws(ProtocolError) -> [UInt8]? {
        defer { line.removeAll(keepingCapacity: true) }
        guard let startLine else {
            // RFC 9112 §2.2: ignore an empty line before the start line (one is enough).
            if line.isEmpty, size == 2 { return nil }
            guard !line.isEmpty else { throw .malformedHead("empty start line") }
            self.startLine = line
            return nil
        }
        guard !line.isEmpty else { return startLine }
        let maxFields = min(limits.maxHeadFields, Self.maxFieldsEver)
        guard fields.count + hosts.count < maxFields else { throw .tooManyHeaderFields(limit: maxFields) }
        // RFC 9112 §5.2: a line that begins with a blank would fold into the one before; refused.
        guard let first = line.first, !HTTPGrammar.isBlank(first) else {
            throw .malformedHead("folded header line")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw .malformedHead("header line without a colon")
        }
        // RFC 9112 §5.1: no blank between name and colon. A blank is no token byte.
        guard HTTPGrammar.isToken(line[..<colon]),
            let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self))
        else { throw .malformedHead("header name is not a token") }
        let value = HTTPGrammar.trimmed(line[(colon + 1)...])
        if name.canonicalName == "host" {
            hosts.append(String(decoding: value, as: UTF8.self))
        } else {
            fields.append(HTTPField(name: name, lenientValue: value))
        }
        return nil
    }

    /// RFC 9112 §6.3: a message whose length can be told in two ways is an attack or a mistake.
    func checkBodyFraming() throws(ProtocolError) {
        let lengths = fields[values: .contentLength]
        guard lengths.count <= 1,
            lengths.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(HTTPGrammar.isDigit) })
        else { throw .malformedHead("Content-Length is not one number") }
        guard lengths.isEmpty || fields[.transferEncoding] == nil else {
            throw .malformedHead("both Content-Length and Transfer-Encoding")
        }
    }
}

/// Reads a request's head (RFC 9112 §3).
public struct HTTPRequestParser: Sendable {
    private var head: HTTPHeadParser

    public init(limits: Limits = Limits()) { head = HTTPHeadParser(limits: limits) }

    /// Whether any byte of a request has arrived.
    public var hasBegun: Bool { head.hasBegun }

    /// Reads on from `offset`, moving it past the bytes used; what follows the head is left alone.
    ///
    /// - Returns: the head, once it is complete.
    /// - Throws: a ``ProtocolError`` with the HTTP status to refuse it with. The parser must not be used on.
    public mutating func parse(
        _ input: UnsafeRawBufferPointer,
        at offset: inout Int
    ) throws(ProtocolError) -> HTTPRequestHead? {
        guard let line = try head.parse(input, at: &offset) else { return nil }
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw .malformedHead("a request line is a method, a target and a version, one space apart")
        }
        guard HTTPGrammar.isToken(parts[0]),
            let method = HTTPRequest.Method(String(decoding: parts[0], as: UTF8.self))
        else { throw .malformedHead("the method is not a token") }
        let version = try Self.version(parts[2])
        let host = try host(version: version)
        let target = try Self.target(parts[1], method: method)
        let request = HTTPRequest(
            method: method,
            scheme: nil,
            authority: target.authority ?? host,
            path: target.path,
            headerFields: head.fields
        )
        try head.checkBodyFraming()
        return HTTPRequestHead(request: request, version: version)
    }

    private static func version(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> HTTPVersion {
        switch String(decoding: bytes, as: UTF8.self) {
        case "HTTP/1.1": return .http1_1
        case "HTTP/1.0": return .http1_0
        case let other:
            let digits = Array(other.utf8)
            guard digits.count == 8, other.hasPrefix("HTTP/"), HTTPGrammar.isDigit(digits[5]),
                digits[6] == UInt8(ascii: "."), HTTPGrammar.isDigit(digits[7])
            else { throw .malformedHead("the request line does not end in an HTTP version") }
            throw .unsupportedHTTPVersion(other)
        }
    }

    private func host(version: HTTPVersion) throws(ProtocolError) -> String? {
        let hosts = head.hosts
        guard hosts.count <= 1 else { throw .invalidHost("given \(hosts.count) times") }
        guard let host = hosts.first else {
            // RFC 9112 §3.2: a request of HTTP/1.1 without Host must be answered 400.
            guard version == .http1_0 else { throw .invalidHost("missing") }
            return nil
        }
        guard HTTPGrammar.isAuthority(host) else { throw .invalidHost("not a host") }
        return host
    }

    private static func target(
        _ bytes: ArraySlice<UInt8>,
        method: HTTPRequest.Method
    ) throws(ProtocolError) -> (authority: String?, path: String) {
        // RFC 3986 §2: printable ASCII; a fragment is never sent.
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw .malformedHead("the target has characters that a URL cannot hold")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasPrefix("/") { return (nil, text) }
        if text == "*", method == .options { return (nil, text) }
        if method == .connect, HTTPGrammar.isAuthority(text) { return (text, "") }
        // RFC 9112 §3.2.2: a server must accept the absolute form, and use its host.
        for scheme in ["http://", "https://", "ws://", "wss://"] where text.lowercased().hasPrefix(scheme) {
            let rest = text.dropFirst(scheme.count)
            let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) ?? rest.endIndex
            let authority = String(rest[..<end])
            guard HTTPGrammar.isAuthority(authority) else { throw .invalidHost("not a host") }
            let path = String(rest[end...])
            return (authority, path.hasPrefix("/") ? path : "/" + path)
        }
        throw .malformedHead("the target is neither a path nor a URL")
    }
}

/// Reads a response's head (RFC 9112 §4).
public struct HTTPResponseParser: Sendable {
    private var head: HTTPHeadParser

    public init(limits: Limits = Limits()) { head = HTTPHeadParser(limits: limits) }

    /// Reads on from `offset`, moving it past the bytes used; what follows the head is left alone.
    ///
    /// - Returns: the head, once it is complete.
    /// - Throws: ``ProtocolError``. The parser must not be used on.
    public mutating func parse(
        _ input: UnsafeRawBufferPointer,
        at offset: inout Int
    ) throws(ProtocolError) -> HTTPResponse? {
        guard let line = try head.parse(input, at: &offset) else { return nil }
        // RFC 9112 §4: version SP three digits SP reason; the reason may be empty.
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        let version = String(decoding: parts[0], as: UTF8.self)
        guard version.hasPrefix("HTTP/") else { throw .malformedHead("the answer is not HTTP") }
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else { throw .unsupportedHTTPVersion(version) }
        guard parts.count >= 2, parts[1].count == 3, parts[1].allSatisfy(HTTPGrammar.isDigit),
            let code = Int(String(decoding: parts[1], as: UTF8.self)), code >= 100
        else { throw .malformedHead("the status is not three digits") }
        // RFC 9110 §15.2: HTTP/1.0 has no 1xx, so that none of it can change the protocol.
        guard version == "HTTP/1.1" || code >= 200 else { throw .unsupportedHTTPVersion(version) }
        try head.checkBodyFraming()
        let reason = parts.count == 3 ? String(decoding: parts[2], as: UTF8.self) : ""
        // A reason phrase above ASCII cannot be held by the type; it means nothing either (§4).
        let isASCII = reason.utf8.allSatisfy { $0 < 0x80 }
        return HTTPResponse(
            status: .init(code: code, reasonPhrase: isASCII ? reason : ""),
            headerFields: head.fields
        )
    }
}
