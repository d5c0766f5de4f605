import WebSocketProtocol
import WebSocketTransport

/// Why a ``WebSocketStream`` ended otherwise than cleanly (WebSocketStream, `WebSocketError`).
public struct WebSocketError: Error, Sendable {
    /// What happened, in a sentence; may be empty.
    public let message: String
    /// The close code, if there is one.
    public let closeCode: UInt16?
    /// The close reason, or an empty text.
    public let reason: String
    /// The true cause, which a browser keeps from the page. Not part of the standard.
    public let failure: WebSocketFailure?

    /// An error of a program's own.
    ///
    /// - Parameters:
    ///   - message: what happened.
    ///   - closeCode: 1000, or 3000 to 4999. With a reason and no code, the code is 1000.
    ///   - reason: at most 123 bytes of UTF-8.
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/invalidAccess`` or ``DOMException/Name/syntax``.
    public init(_ message: String = "", closeCode: UInt16? = nil, reason: String = "") throws(DOMException) {
        _ = try CloseArguments.check(code: closeCode, reason: reason)
        self.init(
            message: message,
            closeCode: closeCode ?? (reason.isEmpty ? nil : 1000),
            reason: reason,
            failure: nil
        )
    }

    init(message: String, closeCode: UInt16?, reason: String, failure: WebSocketFailure?) {
        self.message = message
        self.closeCode = closeCode
        self.reason = reason
        self.failure = failure
    }

    init(_ failure: WebSocketFailure) {
        self.init(message: failure.description, closeCode: nil, reason: "", failure: failure)
    }

    /// A connection that was open and ended otherwise than cleanly.
    init(_ end: ConnectionEnd) {
        let message =
            end.wasClean ? "not all that was written could be sent" : end.cause.description
        self.init(
            message: message,
            closeCode: end.code.rawValue,
            reason: end.reason,
            failure: .ended(end.cause)
        )
    }
}

extension WebSocketError: CustomStringConvertible {
    public var description: String {
        let code = closeCode.map { " (\($0)\(reason.isEmpty ? "" : " " + reason))" } ?? ""
        return "WebSocketError: \(message)\(code)"
    }
}
