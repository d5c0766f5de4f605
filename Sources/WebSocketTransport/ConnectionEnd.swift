public import WebSocketProtocol

/// What ended a connection, or kept it from opening: a closed list, counted in metrics and named in logs.
public enum EndCause: Sendable, Hashable {
    /// The closing handshake was completed; this end began it.
    case closedByUs
    /// The closing handshake was completed; the peer began it.
    case closedByPeer
    /// The peer broke the protocol or a limit, and was told so (RFC 6455 §7.1.7).
    case protocolError(ProtocolError)
    /// The peer ended the TCP connection without a close frame.
    case endOfStream
    /// The TCP connection was reset.
    case reset
    /// This end called `abort()`.
    case aborted
    /// The peer did not answer our close frame in time.
    case closeTimeout
    /// Nothing came from the peer after a ping, in time.
    case pingTimeout
    /// This end closed because no message had passed for ``ConnectionOptions/idleTimeout``.
    case idleTimeout
    /// This end closed because the connection had been open for ``ConnectionOptions/maximumAge``.
    case maximumAge
    /// This end closed at the time set with ``WebSocketConnection/expire(after:code:reason:)``, or by what a server
    /// knows of the connection's session.
    case expired
    /// TCP did not connect in time, or the proxy did not.
    case connectTimeout
    /// The opening handshake did not finish in time.
    case handshakeTimeout
    /// The server answered the opening handshake with this status, or with a 101 that breaks a rule.
    case handshakeRefused(ProtocolError)
    /// There is no way through the proxy: it cannot be reached, refused, or broke the rules of its protocol.
    case proxyFailed(String)
    /// TLS failed: certificate, host name, version or alert.
    case tls(String)
    /// The host's name has no address.
    case nameNotFound(String)
    /// Nobody listens there.
    case connectionRefused
    /// Any other failure of the network, in the system's words.
    case network(String)

    /// A stable name without details, for metrics and logs.
    public var name: String {
        switch self {
        case .closedByUs: "closedByUs"
        case .closedByPeer: "closedByPeer"
        case .protocolError: "protocolError"
        case .endOfStream: "endOfStream"
        case .reset: "reset"
        case .aborted: "aborted"
        case .closeTimeout: "closeTimeout"
        case .pingTimeout: "pingTimeout"
        case .idleTimeout: "idleTimeout"
        case .maximumAge: "maximumAge"
        case .expired: "expired"
        case .connectTimeout: "connectTimeout"
        case .handshakeTimeout: "handshakeTimeout"
        case .handshakeRefused: "handshakeRefused"
        case .proxyFailed: "proxyFailed"
        case .tls: "tls"
        case .nameNotFound: "nameNotFound"
        case .connectionRefused: "connectionRefused"
        case .network: "network"
        }
    }
}

extension EndCause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .closedByUs: "closed by this end"
        case .closedByPeer: "closed by the peer"
        case .protocolError(let error): "the peer broke the protocol: \(error)"
        case .endOfStream: "the peer ended the connection without a close frame"
        case .reset: "the connection was reset"
        case .aborted: "aborted by this end"
        case .closeTimeout: "the peer did not answer the close frame in time"
        case .pingTimeout: "the peer did not answer a ping in time"
        case .idleTimeout: "no message for too long"
        case .maximumAge: "open for too long"
        case .expired: "its time had expired"
        case .connectTimeout: "no connection in time"
        case .handshakeTimeout: "the opening handshake did not finish in time"
        case .handshakeRefused(let error): "\(error)"
        case .proxyFailed(let what): what
        case .tls(let what): "TLS: \(what)"
        case .nameNotFound(let host): "no address found for \(host)"
        case .connectionRefused: "connection refused: nobody listens there"
        case .network(let what): "network: \(what)"
        }
    }
}

/// How a connection ended: the one terminal event that every connection has.
public struct ConnectionEnd: Sendable, Hashable {
    /// The code the application is told: that of the peer's close frame, 1005 when it held none, 1006
    /// when none arrived (RFC 6455 §7.1.5).
    public let code: CloseCode
    /// The peer's reason, or an empty text (RFC 6455 §7.1.6).
    public let reason: String
    /// Whether both close frames went through (RFC 6455 §7.1.4).
    public let wasClean: Bool
    /// What ended it.
    public let cause: EndCause
    /// The close frame this end sent, if any: one that was still waiting for the operating system to take what goes
    /// before it was not sent.
    public let sent: ClosePayload?
    /// Payload bytes that were accepted for sending and did not reach the operating system.
    public let unsentBytes: Int
}

extension ConnectionEnd: CustomStringConvertible {
    public var description: String {
        let quoted = reason.isEmpty ? "" : " \(reason.quotedInOneLine)"
        return "\(code)\(quoted), \(wasClean ? "clean" : "not clean"): \(cause)"
    }
}

extension String {
    /// In quotation marks, with all escaped that is no visible character: what a peer chose must not break a line
    /// of a log in two, colour a terminal, or turn what follows around.
    package var quotedInOneLine: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default:
                if scalar == "\"" || scalar == "\\" { text += "\\" }
                text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}

/// An end that the connection and its state share.
final class EndBox: Sendable {
    let end: ConnectionEnd
    init(_ end: ConnectionEnd) { self.end = end }
}
