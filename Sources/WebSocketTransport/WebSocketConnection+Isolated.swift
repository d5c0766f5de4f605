import NIOCore
public import WebSocketProtocol

extension WebSocketConnection {
    /// Runs `body` on the connection's event loop.
    ///
    /// It is not run when the connection has ended.
    public func onLoop(_ body: @escaping @Sendable (Isolated) -> Void) {
        guard end == nil else { return }
        withCore { core in
            if !core.isOver { body(Isolated(core: core)) }
        }
    }

    /// A connection as seen from its own event loop: nothing here suspends. It cannot be carried to another
    /// thread.
    public struct Isolated {
        let core: ConnectionCore

        /// The same connection for use elsewhere; `nil` once its end has been told.
        public var connection: WebSocketConnection? { core.connection }

        /// Payload bytes accepted for sending and not yet taken by the operating system.
        public var bufferedAmount: Int { core.bufferedAmount }

        /// Sends a message; the bytes are copied.
        ///
        /// - Parameter compress: whether it may be compressed, where that was agreed on.
        /// - Throws: ``SendError/bufferFull(buffered:limit:)`` while more than
        ///   ``ConnectionOptions/outboundLimit`` waits, ``SendError/usage(_:)``, ``SendError/ended(_:)``.
        public func send(_ kind: MessageKind, _ bytes: RawSpan, compress: Bool = true) throws(SendError) {
            try core.send(kind, bytes, compress: compress)
        }

        /// Sends a text message. Throws as ``send(_:_:)``.
        public func send(_ text: String) throws(SendError) {
            try core.send(text)
        }

        /// Sends a message framed beforehand. Throws as ``send(_:_:)``.
        public func send(_ prepared: PreparedMessage) throws(SendError) { try core.send(prepared) }

        /// Begins to close. See ``WebSocketConnection/close(code:reason:timeout:)``.
        public func close(
            code: CloseCode = .normalClosure,
            reason: String = "",
            timeout: Duration? = nil
        ) throws(UsageError) {
            core.close(try ClosePayload(sending: code, reason: reason), timeout: timeout)
        }

        public func abort() { core.abort() }

        /// Sets, moves or takes back when the connection closes. See
        /// ``WebSocketConnection/expire(after:code:reason:)``.
        public func expire(
            after time: Duration?,
            code: CloseCode = .policyViolation,
            reason: String = "expired"
        ) throws(UsageError) {
            let payload = try ClosePayload(sending: code, reason: reason)
            core.expire(at: time.map { core.eventLoop.now + TimeAmount($0) }, payload)
        }

        /// Sends a message however much waits; it goes out when the loop's turn ends.
        package func enqueue(_ message: Message) throws(SendError) { try core.enqueue(message) }

        /// Begins to close with a payload that may be empty. See ``WebSocketConnection/close(code:reason:timeout:)``.
        package func close(_ payload: ClosePayload) { core.close(payload) }

        /// Has the socket not read until ``resumeReading()``, or until closing begins.
        package func pauseReading() { core.pauseReading() }
        package func resumeReading() { core.resumeReading() }
        package var isReadingPaused: Bool { core.isReadingPaused }
    }
}
