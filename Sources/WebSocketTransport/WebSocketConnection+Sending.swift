import WebSocketProtocol

extension WebSocketConnection {
    /// Sends a text message. See ``send(_:)-(Message)``.
    public nonisolated(nonsending) func send(_ text: String) async throws(SendError) {
        try await send(Message(text))
    }

    /// Sends a binary message. See ``send(_:)-(Message)``.
    public nonisolated(nonsending) func send(_ bytes: [UInt8]) async throws(SendError) {
        try await send(Message(bytes))
    }

    /// Sends a message: accepted whole and in order, or refused with an error.
    ///
    /// Suspends while more than ``ConnectionOptions/outboundHighWaterMark`` bytes wait to be sent, so that
    /// a peer that does not read slows its sender down. Cancelling the waiting task does not take an
    /// accepted message back.
    ///
    /// - Throws: ``SendError/usage(_:)`` when the connection is closing or the text is not UTF-8,
    ///   ``SendError/ended(_:)`` when it has ended, or ends while this waits.
    // Inlinable, so that it costs no asynchronous call where there is nothing to wait for: in a task on the
    // connection's own loop.
    @inlinable
    public nonisolated(nonsending) func send(_ message: Message) async throws(SendError) {
        if try sendAtHand(message) { return }
        try await sendAndWait(message)
    }

    /// Sends a message if the caller is on the loop and need not wait afterwards.
    ///
    /// - Returns: whether it has been sent.
    @usableFromInline
    func sendAtHand(_ message: Message) throws(SendError) -> Bool {
        try state.ifOnLoop { core throws(SendError) in
            guard !core.mustWaitToSend(with: message.bytes.count) else { return false }
            try core.enqueue(message)
            return true
        } ?? false
    }

    @usableFromInline
    nonisolated(nonsending) func sendAndWait(_ message: Message) async throws(SendError) {
        if let end { throw .ended(end) }
        let mustWait: Bool
        if let core = state.ifOnLoop {
            try core.enqueue(message)
            mustWait = core.mustWaitToSend()
        } else {
            mustWait = try await sendOutside(message)
        }
        if mustWait { try await waitToSend() }
    }

    func waitToSend(stream: UInt64? = nil) async throws(SendError) {
        let error = await withCheckedContinuation { continuation in
            withCore { $0.waitToSend(continuation, stream: stream) }
        }
        if let error { throw error }
    }

    /// Pings the peer.
    ///
    /// - Returns: the time until its pong.
    /// - Throws: ``SendError``.
    public func ping() async throws(SendError) -> Duration {
        if let end { throw .ended(end) }
        let result = await withCheckedContinuation { continuation in
            withCore { $0.ping(continuation) }
        }
        return try result.get()
    }

    /// Payload bytes accepted for sending and not yet taken by the operating system.
    public var bufferedAmount: Int {
        get async { end == nil ? await onCore(\.bufferedAmount) : 0 }
    }
}
