public import HTTPTypes
public import WebSocketTransport

/// Why a socket failed: what a browser knows and keeps from the page, and a developer has to know.
public struct WebSocketFailure: Error, Sendable {
    private let kind: Kind
    /// The server's answer to the opening handshake, if it refused; that of the proxy where ``cause`` is
    /// `EndCause.proxyFailed`.
    public let response: HTTPResponse?
    /// The beginning of that answer's body, at most 64 KiB.
    public let body: [UInt8]

    private enum Kind: Sendable {
        case ended(EndCause)
        case tooManyConnections(limit: Int)
        case blockedPort(Int)
        case closedBeforeOpen
        case bufferFull(limit: Int)
        case request(String)
        case cookies(String)
    }

    /// What ended the connection or kept it from opening, as the transport saw it; `nil` if it never got that far.
    public var cause: EndCause? {
        if case .ended(let cause) = kind { cause } else { nil }
    }

    private init(_ kind: Kind, response: HTTPResponse? = nil, body: [UInt8] = []) {
        self.kind = kind
        self.response = response
        self.body = body
    }

    static func ended(_ cause: EndCause) -> WebSocketFailure { WebSocketFailure(.ended(cause)) }
    static func tooManyConnections(limit: Int) -> WebSocketFailure {
        WebSocketFailure(.tooManyConnections(limit: limit))
    }
    static func blockedPort(_ port: Int) -> WebSocketFailure { WebSocketFailure(.blockedPort(port)) }
    static let closedBeforeOpen = WebSocketFailure(.closedBeforeOpen)
    static func bufferFull(limit: Int) -> WebSocketFailure { WebSocketFailure(.bufferFull(limit: limit)) }
    static func cookies(_ error: any Error) -> WebSocketFailure { WebSocketFailure(.cookies("\(error)")) }

    /// What connecting threw.
    init(_ error: any Error) {
        switch error {
        case let error as ConnectError:
            self.init(.ended(error.cause), response: error.response, body: error.body)
        case let error as WebSocketFailure: self = error
        case is CancellationError: self = .closedBeforeOpen
        default: self.init(.request("\(error)"))
        }
    }
}

extension WebSocketFailure: CustomStringConvertible {
    public var description: String {
        switch kind {
        case .ended(let cause): cause.description
        case .tooManyConnections(let limit): "\(limit) sockets live already, and that is the limit"
        case .blockedPort(let port): "port \(port) is one that browsers do not connect to"
        case .closedBeforeOpen: "closed before the connection was open"
        case .bufferFull(let limit): "more than \(limit) bytes would wait to be sent, and that is the limit"
        case .request(let what): what
        case .cookies(let what): "the cookies for the request could not be had: \(what)"
        }
    }
}
