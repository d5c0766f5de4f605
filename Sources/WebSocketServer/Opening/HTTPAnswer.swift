public import HTTPTypes
import WebSocketProtocol

/// An answer to a plain HTTP request. The connection is closed after it.
public struct HTTPAnswer: Sendable, Hashable {
    public var status: HTTPResponse.Status
    /// `Date`, `Connection` and, unless given, `Content-Length` are added.
    public var headers: HTTPFields
    /// The content, where it is in memory; empty where a file is the content.
    public var body: [UInt8] {
        get { if case .bytes(let bytes) = content { bytes } else { [] } }
        set { content = .bytes(newValue) }
    }
    /// What is sent behind the head.
    var content: Content

    enum Content: Sendable, Hashable {
        case bytes([UInt8])
        /// Read piece by piece while it is sent.
        case source(any BodySource)

        var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .source(let source): source.count
            }
        }

        static func == (one: Content, two: Content) -> Bool {
            switch (one, two) {
            case (.bytes(let one), .bytes(let two)): one == two
            case (.source(let one), .source(let two)): one === two
            default: false
            }
        }

        func hash(into hasher: inout Hasher) {
            switch self {
            case .bytes(let bytes): hasher.combine(bytes)
            case .source(let source): hasher.combine(ObjectIdentifier(source))
            }
        }
    }

    public init(status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        content = .bytes(body)
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
        answer.setLength()
        answer.body = []
        return answer
    }

    /// The answer as it goes on the wire, without what is read while it is sent.
    func bytes(date: String) -> [UInt8] {
        var answer = self
        answer.setLength()
        answer.headers[.date] = date
        // RFC 9112 §9.6: says that nothing sent behind this request will be answered.
        if headers[.connection] == nil { answer.headers[.connection] = "close" }
        return HTTPHeadSerializer.bytes(of: HTTPResponse(status: status, headerFields: answer.headers)) + body
    }

    /// Says how long the content is, if that is not said and may be: a 304 has none, and what it would say is the
    /// length of another answer's (RFC 9110 §8.6).
    mutating func setLength() {
        guard headers[.contentLength] == nil, status != .notModified, status != .noContent else { return }
        headers[.contentLength] = String(content.count)
    }
}
