public import WebSocketProtocol

extension WebSocketConnection {
    /// Sends one message in pieces, as they become known. Other messages wait until it is done; pings and
    /// the closing handshake go between the pieces.
    ///
    /// - Parameter compress: whether it may be compressed, piece by piece, where that was agreed on.
    ///
    /// When `body` throws, or leaves text that ends inside a character, the message cannot be ended: the
    /// connection is closed with 1011 and the error thrown on. A piece of text that is not UTF-8 is refused by
    /// itself; `body` may go on without it.
    ///
    /// - Throws: ``SendError`` as ``send(_:)-(Message)``, or what `body` throws.
    public func sendMessage(
        _ kind: MessageKind,
        compress: Bool = true,
        _ body: (MessageWriter) async throws -> Void
    ) async throws {
        if let end { throw SendError.ended(end) }
        let stream = try await onCore { core in
            Result { () throws(SendError) in try core.beginStream(kind, compress: compress) }
        }.get()
        let writer = MessageWriter(connection: self, stream: stream)
        do {
            try await body(writer)
            try await writer.write([], isLast: true)
        } catch {
            withCore { $0.close(.internalErrorInStream) }
            throw error
        }
    }

    /// Writes the pieces of one message. See ``WebSocketConnection/sendMessage(_:_:)``.
    public struct MessageWriter: Sendable {
        let connection: WebSocketConnection
        let stream: UInt64

        /// Sends a piece. Text may be cut anywhere, inside a character too.
        ///
        /// - Throws: ``SendError``.
        public func write(_ bytes: [UInt8]) async throws(SendError) { try await write(bytes, isLast: false) }

        /// Sends a piece of text.
        ///
        /// - Throws: ``SendError``.
        public func write(_ text: String) async throws(SendError) { try await write(Array(text.utf8)) }

        func write(_ bytes: [UInt8], isLast: Bool) async throws(SendError) {
            let stream = stream
            let result = await connection.onCore { core -> Result<Bool, SendError> in
                Result { () throws(SendError) in
                    try core.append(bytes, toStream: stream, isLast: isLast)
                    return core.mustWaitToSend(stream)
                }
            }
            if try result.get() { try await connection.waitToSend(stream: stream) }
        }
    }
}
