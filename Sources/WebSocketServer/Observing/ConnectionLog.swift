import HTTPTypes
import Logging
import NIOCore
import WebSocketProtocol
import WebSocketTransport

/// The lines that a server writes about its connections: one when a WebSocket opens, one when it ends, one when a request
/// for it is refused, all at `info`.
///
/// Nothing that may be a secret comes into them: no query, no value of any header field, no message. Of the
/// subprotocol that was agreed on it is told only if the route lists it, since browsers' clients put tokens there.
struct ConnectionLog: Sendable {
    let logger: Logger
    private let refusals = LogThrottle(limit: ConnectionLog.mostRefusals)

    /// Lines about refusals in a second.
    static let mostRefusals = 20
    /// Bytes of a path.
    static let mostPath = 256

    init(_ logger: Logger) { self.logger = logger }

    private var isOn: Bool { logger.logLevel <= .info }

    func opened(_ socket: WebSocketConnection, _ acceptance: Acceptance, by carrier: any OpeningCarrier) {
        guard isOn else { return }
        var fields: Logger.Metadata = [
            "connection": "\(socket.id)",
            "peer": "\(carrier.peer)",
            "path": "\(Self.path(of: acceptance.target))",
            "route": "\(acceptance.route.path)",
            "http": "\(carrier.httpVersion.name)",
            "secure": "\(carrier.isSecure)",
        ]
        if let subprotocol = acceptance.subprotocol {
            let isListed = acceptance.route.subprotocols.contains(subprotocol)
            fields["subprotocol"] = isListed ? "\(subprotocol)" : "(not one of the route's)"
        }
        if let compression = socket.compression { fields["extensions"] = "\(Self.text(of: compression))" }
        logger.info("opened", metadata: fields)
    }

    func closed(_ socket: WebSocketConnection, _ end: ConnectionEnd) {
        guard isOn else { return }
        let lifetime = NIODeadline.now() - socket.openedAt
        var fields: Logger.Metadata = [
            "connection": "\(socket.id)",
            "code": "\(end.code.rawValue)",
            "cause": "\(end.cause.name)",
            "wasClean": "\(end.wasClean)",
            "durationMs": "\(lifetime.nanoseconds / 1_000_000)",
            "unsentBytes": "\(end.unsentBytes)",
        ]
        if !end.reason.isEmpty { fields["reason"] = "\(end.reason.quotedInOneLine)" }
        switch end.cause {
        // What the name does not say. The sentences have numbers in them, and nothing of a message.
        case .protocolError, .tls, .network: fields["detail"] = "\("\(end.cause)".quotedInOneLine)"
        default: break
        }
        logger.info("closed", metadata: fields)
    }

    /// - Parameters:
    ///   - status: `nil` where nothing was answered.
    ///   - target: of the request, as far as that is known.
    func refused(
        _ reason: RefusalReason,
        status: Int?,
        peer: PeerAddress,
        target: ArraySlice<UInt8>?,
        on eventLoop: any EventLoop
    ) {
        guard isOn else { return }
        switch refusals.judge(at: .now()) {
        case .log: break
        case .leaveOut(isFirst: false): return
        case .leaveOut(isFirst: true):
            _ = eventLoop.scheduleTask(in: .seconds(1)) { self.tellWhatWasLeftOut() }
            return
        }
        var fields: Logger.Metadata = ["peer": "\(peer)", "rule": "\(reason.rawValue)"]
        if let status { fields["status"] = "\(status)" }
        if let target { fields["path"] = "\(Self.path(of: target))" }
        logger.info("refused", metadata: fields)
    }

    /// Says how many lines about refusals there would have been besides those that there are.
    func tellWhatWasLeftOut() {
        let count = refusals.takeLeftOut()
        guard count > 0 else { return }
        logger.info("refused more", metadata: ["count": "\(count)"])
    }
}

// MARK: - In one line

extension ConnectionLog {
    /// A request's path without the query, cut short; what is no visible character of ASCII is percent-encoded.
    static func path(of target: ArraySlice<UInt8>) -> String {
        var text = ""
        for (count, byte) in target.enumerated() {
            if byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") { break }
            guard count < mostPath else { return text + "…" }
            if (0x21...0x7E).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }

    private static func text(of compression: DeflateAgreement) -> String {
        var text = "permessage-deflate"
        if !compression.server.keepsContext { text += "; server_no_context_takeover" }
        if !compression.client.keepsContext { text += "; client_no_context_takeover" }
        if compression.server.windowBits != 15 {
            text += "; server_max_window_bits=\(compression.server.windowBits)"
        }
        if compression.client.windowBits != 15 {
            text += "; client_max_window_bits=\(compression.client.windowBits)"
        }
        return text
    }
}

extension HTTPVersion {
    /// As logs, metrics and traces have it.
    var name: String {
        switch self {
        case .http1_0: "1.0"
        case .http1_1: "1.1"
        case .http2: "2"
        }
    }
}
