public import HTTPTypes

/// The minor version of an HTTP/1 message.
public enum HTTPVersion: Sendable, Hashable {
    case http1_0
    case http1_1
    case http2
}

/// Reads one HTTP/1.1 head from bytes cut anywhere (RFC 9112 §2–§5), strictly: what two parsers could
/// read in two ways is refused.
///
/// Each byte is looked at a bounded number of times however the input is cut, and no more than
/// ``Limits/maxHeadSize`` bytes are kept. What comes in one piece, as nearly all heads do, is read where it lies.
struct HTTPHeadParser: Sendable {
    /// HTTPFields ends the program at 65,535 fields, whatever the limit is set to.
    private static let maxFieldsEver = Int(UInt16.max) - 1

    private let maxSize: Int
    private let maxFields: Int
    /// What has been read of the head; all of it, once it is complete.
    private var bytes: [UInt8] = []
    private var size = 0
    private var lineStart = 0
    /// Where in `bytes` the start line lies, once it is complete.
    private var startLine: Range<Int>?
    private var fields: [HeadFields.Field] = []

    init(limits: Limits) {
        maxSize = limits.maxHeadSize
        maxFields = min(limits.maxHeadFields, Self.maxFieldsEver)
    }

    /// Whether any byte has arrived.
    var hasBegun: Bool { size > 0 }

    /// Reads on from `offset`, moving it past the bytes used; what follows the head is left alone.
    ///
    /// - Returns: the start line and the fields, once the head is complete.
    mutating func parse(
        _ input: UnsafeRawBufferPointer,
        at offset: inout Int
    ) throws(ProtocolError) -> (startLine: Range<Int>, fields: HeadFields)? {
        guard offset < input.count else { return nil }
        let before = size
        defer { offset += size - before }
        let rest = UnsafeRawBufferPointer(rebasing: input[offset...])
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(max(maxSize - size, 0)))
        let isDone: Bool
        if bytes.isEmpty {
            isDone = try scan(Span(_unsafeBytes: piece))
            bytes = [UInt8](piece.prefix(size))
        } else {
            // Taken out while it is read, so that this may change meanwhile.
            var held: [UInt8] = []
            swap(&held, &bytes)
            held.append(contentsOf: piece)
            isDone = try scan(held.span)
            bytes = isDone ? [UInt8](held[..<size]) : held
        }
        if isDone, let startLine { return (startLine, HeadFields(bytes: bytes, fields: fields)) }
        guard piece.count == rest.count else {
            throw startLine == nil ? .startLineTooLong(limit: maxSize) : .headTooLarge(limit: maxSize)
        }
        return nil
    }

    /// Reads what is new in `text`, which is the head from its first byte on.
    ///
    /// - Returns: whether the head is complete.
    private mutating func scan(_ text: Span<UInt8>) throws(ProtocolError) -> Bool {
        // A CR that came last is read again, with what follows it.
        if size > lineStart, text[size - 1] == UInt8(ascii: "\r") { size -= 1 }
        while true {
            size = HTTPGrammar.firstControl(in: text, from: size)
            guard size < text.count else { return false }
            let byte = text[size]
            size += 1
            guard byte == UInt8(ascii: "\r") else {
                // RFC 9112 §2.2: a line ends in CRLF. A lone LF is where request smuggling begins.
                let isLF = byte == UInt8(ascii: "\n")
                throw .malformedHead(isLF ? "a line ends in LF without CR" : "control character \(byte)")
            }
            guard size < text.count else { return false }
            size += 1
            guard text[size - 1] == UInt8(ascii: "\n") else { throw .malformedHead("CR without LF") }
            if try endLine(text, lineStart..<(size - 2)) { return true }
            lineStart = size
        }
    }

    private mutating func endLine(
        _ text: Span<UInt8>,
        _ line: Range<Int>
    ) throws(ProtocolError) -> Bool {
        guard startLine != nil else {
            // RFC 9112 §2.2: ignore an empty line before the start line (one is enough).
            if line.isEmpty, size == 2 { return false }
            guard !line.isEmpty else { throw .malformedHead("empty start line") }
            startLine = line
            return false
        }
        guard !line.isEmpty else { return true }
        guard fields.count < maxFields else { throw .tooManyHeaderFields(limit: maxFields) }
        // RFC 9112 §5.2: a line that begins with a blank would fold into the one before; refused.
        guard !HTTPGrammar.isBlank(text[line.lowerBound]) else { throw .malformedHead("folded header line") }
        var colon = line.lowerBound
        while colon < line.upperBound, HTTPGrammar.isTokenByte(text[colon]) { colon += 1 }
        // RFC 9112 §5.1: no blank between name and colon. A blank is no token byte, and neither is a colon.
        guard colon < line.upperBound, text[colon] == UInt8(ascii: ":"), colon > line.lowerBound else {
            let hasColon = line.contains { text[$0] == UInt8(ascii: ":") }
            throw .malformedHead(hasColon ? "header name is not a token" : "header line without a colon")
        }
        let name = line.lowerBound..<colon
        if fields.isEmpty { fields.reserveCapacity(16) }
        fields.append(
            HeadFields.Field(
                name: HeadFields.Name(of: text, name),
                nameRange: name,
                valueRange: HTTPGrammar.trimmed(text, (colon + 1)..<line.upperBound)
            )
        )
        return false
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
        guard let (line, fields) = try head.parse(input, at: &offset) else { return nil }
        guard let (method, target, version) = Self.parts(fields.bytes.span, line) else {
            throw .malformedHead("a request line is a method, a target and a version, one space apart")
        }
        guard HTTPGrammar.isToken(fields.bytes.span, method) else {
            throw .malformedHead("the method is not a token")
        }
        let number = try Self.version(fields.bytes[version])
        let host = try Self.host(fields, number)
        let read = HTTPRequestHead.Read(
            fields: fields,
            method: method,
            version: number,
            host: host,
            target: try Self.target(fields.bytes[target], method: fields.bytes[method])
        )
        try fields.checkBodyFraming()
        return HTTPRequestHead(read)
    }

    /// Where the method, the target and the version lie, which are one space apart.
    private static func parts(
        _ text: Span<UInt8>,
        _ line: Range<Int>
    ) -> (method: Range<Int>, target: Range<Int>, version: Range<Int>)? {
        let space = UInt8(ascii: " ")
        guard let first = line.first(where: { text[$0] == space }),
            let second = ((first + 1)..<line.upperBound).first(where: { text[$0] == space }),
            !((second + 1)..<line.upperBound).contains(where: { text[$0] == space })
        else { return nil }
        return (line.lowerBound..<first, (first + 1)..<second, (second + 1)..<line.upperBound)
    }

    private static func version(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> HTTPVersion {
        if bytes.elementsEqual("HTTP/1.1".utf8) { return .http1_1 }
        if bytes.elementsEqual("HTTP/1.0".utf8) { return .http1_0 }
        let other = String(decoding: bytes, as: UTF8.self)
        let digits = Array(other.utf8)
        guard digits.count == 8, other.hasPrefix("HTTP/"), HTTPGrammar.isDigit(digits[5]),
            digits[6] == UInt8(ascii: "."), HTTPGrammar.isDigit(digits[7])
        else { throw .malformedHead("the request line does not end in an HTTP version") }
        throw .unsupportedHTTPVersion(other)
    }

    private static func host(
        _ fields: HeadFields,
        _ version: HTTPVersion
    ) throws(ProtocolError) -> Range<Int>? {
        guard let host = fields.range(.host) else {
            // RFC 9112 §3.2: a request of HTTP/1.1 without Host must be answered 400.
            guard version == .http1_0 else { throw .invalidHost("missing") }
            return nil
        }
        let count = fields.count(.host)
        guard count == 1 else { throw .invalidHost("given \(count) times") }
        guard HTTPGrammar.isAuthority(fields.bytes[host]) else { throw .invalidHost("not a host") }
        return host
    }

    private static func target(
        _ bytes: ArraySlice<UInt8>,
        method: ArraySlice<UInt8>
    ) throws(ProtocolError) -> HTTPRequestHead.Read.Target {
        // RFC 3986 §2: printable ASCII; a fragment is never sent.
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw .malformedHead("the target has characters that a URL cannot hold")
        }
        if bytes.first == UInt8(ascii: "/") { return .path(bytes.indices) }
        let text = String(decoding: bytes, as: UTF8.self)
        if text == "*", method.elementsEqual("OPTIONS".utf8) { return .path(bytes.indices) }
        if method.elementsEqual("CONNECT".utf8), HTTPGrammar.isAuthority(bytes) {
            return .url(authority: text, path: "")
        }
        // RFC 9112 §3.2.2: a server must accept the absolute form, and use its host.
        for scheme in ["http://", "https://", "ws://", "wss://"] where text.lowercased().hasPrefix(scheme) {
            let rest = text.dropFirst(scheme.count)
            let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) ?? rest.endIndex
            let authority = String(rest[..<end])
            guard HTTPGrammar.isAuthority(authority) else { throw .invalidHost("not a host") }
            let path = String(rest[end...])
            return .url(authority: authority, path: path.hasPrefix("/") ? path : "/" + path)
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
        guard let (startLine, fields) = try head.parse(input, at: &offset) else { return nil }
        let line = fields.bytes[startLine]
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
        try fields.checkBodyFraming()
        let reason = parts.count == 3 ? String(decoding: parts[2], as: UTF8.self) : ""
        // A reason phrase above ASCII cannot be held by the type; it means nothing either (§4).
        let isASCII = reason.utf8.allSatisfy { $0 < 0x80 }
        return HTTPResponse(
            status: .init(code: code, reasonPhrase: isASCII ? reason : ""),
            headerFields: fields.httpFields(without: .host)
        )
    }
}
