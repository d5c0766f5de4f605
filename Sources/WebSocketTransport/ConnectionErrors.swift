public import HTTPTypes
public import WebSocketProtocol

/// A message or ping that was not accepted, or whose connection ended before it was on its way.
public enum SendError: Error, Sendable, Hashable {
    /// The call broke a rule; it can be made again, put right.
    case usage(UsageError)
    /// More than ``ConnectionOptions/outboundLimit`` bytes wait already.
    case bufferFull(buffered: Int, limit: Int)
    /// The connection has ended, or ended before the message reached the operating system.
    case ended(ConnectionEnd)
}

extension SendError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .usage(let error): error.description
        case .bufferFull(let buffered, let limit): "\(buffered) bytes wait to be sent, the limit is \(limit)"
        case .ended(let end): "the connection has ended: \(end)"
        }
    }
}

/// Reading failed: the connection did not end cleanly, or two tasks read from it.
public enum ReceiveError: Error, Sendable, Hashable {
    /// The connection ended otherwise than by the closing handshake.
    case ended(ConnectionEnd)
    /// Another task waits for a message, or callbacks take them: one consumer per connection.
    case alreadyConsumed
}

extension ReceiveError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .ended(let end): "the connection ended: \(end)"
        case .alreadyConsumed: "the messages of this connection have another reader"
        }
    }
}

/// A connection that did not open, with everything that is known about why.
public struct ConnectError: Error, Sendable {
    /// What went wrong.
    public let cause: EndCause
    /// The server's answer, if it gave one; that of the proxy where ``cause`` is ``EndCause/proxyFailed(_:)``.
    public let response: HTTPResponse?
    /// The beginning of that answer's body, at most 64 KiB.
    public let body: [UInt8]

    init(_ cause: EndCause, response: HTTPResponse? = nil, body: [UInt8] = []) {
        self.cause = cause
        self.response = response
        self.body = body
    }
}

extension ConnectError: CustomStringConvertible {
    public var description: String { cause.description }
}
