public import HTTPTypes

/// Writes HTTP/1.1 heads (RFC 9112 §2–§5). What would break a line is refused, so no value that
/// passed through this program can add a field or end the head early.
public enum HTTPHeadSerializer {
    /// A request's head.
    ///
    /// - Throws: ``UsageError/invalidTarget(_:)`` for a path or authority with characters that cannot
    ///   stand there.
    public static func bytes(of request: HTTPRequest) throws(UsageError) -> [UInt8] {
        let path = request.path ?? "/"
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }), !path.isEmpty
        else {
            throw .invalidTarget(path)
        }
        var output = Array("\(request.method.rawValue) \(path) HTTP/1.1\r\n".utf8)
        if let authority = request.authority {
            guard HTTPGrammar.isAuthority(authority) else { throw .invalidTarget(authority) }
            output += "Host: \(authority)\r\n".utf8
        }
        append(request.headerFields, to: &output)
        return output
    }

    /// A response's head.
    public static func bytes(of response: HTTPResponse) -> [UInt8] {
        // HTTPResponse keeps control characters out of the reason phrase by itself.
        var output = Array("HTTP/1.1 \(response.status.code) \(response.status.reasonPhrase)\r\n".utf8)
        append(response.headerFields, to: &output)
        return output
    }

    /// Fields, and the empty line behind them.
    static func append(_ fields: HTTPFields, to output: inout [UInt8]) {
        for field in fields {
            // HTTPField turns line breaks and NULs into blanks when it is made.
            output += field.name.rawName.utf8
            output += ": ".utf8
            field.withUnsafeBytesOfValue { output.append(contentsOf: $0) }
            output += "\r\n".utf8
        }
        output += "\r\n".utf8
    }
}
