package import NIOCore
public import WebSocketProtocol

extension WebSocketConnection {
    /// Closes: sends what is already accepted, then a close frame, and waits for the peer's and for the end
    /// of the TCP connection; all of it at most `timeout`, whatever the peer does. Closing again waits
    /// for the same end.
    ///
    /// - Parameter timeout: default ``ConnectionOptions/closeTimeout``; zero cuts at once.
    /// - Throws: ``UsageError/closeCodeNotSendable(_:)``, ``UsageError/closeReasonTooLong(bytes:)``.
    @discardableResult
    public func close(
        code: CloseCode = .normalClosure,
        reason: String = "",
        timeout: Duration? = nil
    ) async throws(UsageError) -> ConnectionEnd {
        let payload = try ClosePayload(sending: code, reason: reason)
        if let end { return end }
        withCore { $0.close(payload, timeout: timeout) }
        return await closed
    }

    /// Has the connection close by itself when so much time has passed from now, as ``close(code:reason:timeout:)``
    /// does, with ``EndCause/expired``: when a token ends, or whatever else lets a peer stay. Calling it again moves
    /// the time; `nil` takes it back. Does nothing once closing has begun.
    ///
    /// - Throws: ``UsageError/closeCodeNotSendable(_:)``, ``UsageError/closeReasonTooLong(bytes:)``.
    public func expire(
        after time: Duration?,
        code: CloseCode = .policyViolation,
        reason: String = "expired"
    ) throws(UsageError) {
        let payload = try ClosePayload(sending: code, reason: reason)
        guard end == nil else { return }
        // From now, not from when the loop hears of it.
        let deadline = time.map { eventLoop.now + TimeAmount($0) }
        withCore { $0.expire(at: deadline, payload) }
    }

    /// ``expire(after:code:reason:)`` at a time of the loop's clock. A code or reason that cannot be sent is left
    /// out.
    package func closeAt(_ deadline: NIODeadline?, code: CloseCode, reason: String) {
        guard end == nil else { return }
        let payload = (try? ClosePayload(sending: code, reason: reason)) ?? .empty
        withCore { $0.expire(at: deadline, payload) }
    }

    /// How the connection ended; waits for it.
    public var closed: ConnectionEnd {
        get async {
            if let end { return end }
            return await withCheckedContinuation { continuation in
                withCore { $0.waitForEnd(continuation) }
            }
        }
    }

    /// Releases the connection now, without a closing handshake.
    public func abort() {
        guard end == nil else { return }
        withCore { $0.abort() }
    }
}
