public import HTTPTypes
import WebSocketProtocol

/// An answer to a plain HTTP request. The connection is closed after it.
public struct HTTPAnswer: Sendable, Hashable {
    public var status: HTTPResponse.Status
    /// `Date`, `Connection` and, unless given, `Content-Length` are added.
    public var headers: HTTPFields
    public var body: [UInt8]

    public init(status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A short text.
    public static func text(_ status: HTTPResponse.Status, _ text: String) -> HTTPAnswer {
        HTTPAnswer(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8"],
            body: Array(text.utf8)
        )
    }

    /// The refusal of an opening handshake.
    init(refusing error: ProtocolError) {
        let (response, body) = ServerHandshake.refusal(of: error)
        self.init(status: response.status, headers: response.headerFields, body: Array(body.utf8))
    }

    /// The answer to `HEAD`: as to `GET`, without the content (RFC 9110 §9.3.2).
    var withoutContent: HTTPAnswer {
        var answer = self
        if answer.headers[.contentLength] == nil { answer.headers[.contentLength] = String(body.count) }
        answer.body = []
        return answer
    }

    /// The answer as it goes on the wire.
    func bytes(date: String) -> [UInt8] {
        var fields = headers
        fields[.date] = date
        // RFC 9112 §9.6: says that nothing sent behind this request will be answered.
        if fields[.connection] == nil { fields[.connection] = "close" }
        if fields[.contentLength] == nil { fields[.contentLength] = String(body.count) }
        return HTTPHeadSerializer.bytes(of: HTTPResponse(status: status, headerFields: fields)) + body
    }
}
