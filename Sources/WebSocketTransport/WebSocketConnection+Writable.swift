package import WebSocketProtocol

// Reading and writing as the web's streams name them: what `WebSocketStream` hands out for a client, a server's sockets
// have as well.

extension WebSocketConnection {
    /// The messages as they come. The same as ``messages``.
    public var readable: Messages { messages }

    /// Where messages are written to.
    public var writable: Writable { Writable(connection: self) }

    /// Writes messages with backpressure: each `write` suspends while the peer takes no more.
    ///
    /// Any number of tasks may write at once; each message goes out whole.
    public struct Writable: Sendable {
        private let connection: WebSocketConnection
        /// What must live while there may be a writer, and is told of failures.
        private let owner: (any WriteObserver)?

        package init(connection: WebSocketConnection, owner: (any WriteObserver)? = nil) {
            self.connection = connection
            self.owner = owner
        }

        /// Writes a text message. See ``write(_:)-(Message)``.
        public nonisolated(nonsending) func write(_ text: String) async throws(SendError) {
            try await write(Message(text))
        }

        /// Writes a binary message. See ``write(_:)-(Message)``.
        public nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws(SendError) {
            try await write(Message(bytes))
        }

        /// Writes a message; suspends while more than ``ConnectionOptions/outboundHighWaterMark`` bytes wait.
        ///
        /// - Throws: ``SendError``, as ``WebSocketConnection/send(_:)-(Message)``.
        public nonisolated(nonsending) func write(_ message: Message) async throws(SendError) {
            do throws(SendError) {
                try await connection.send(message)
            } catch {
                owner?.writeFailed()
                throw error
            }
        }

        /// Closes the connection behind what has been written, without a status code, and waits for its end.
        @discardableResult
        public func close() async -> ConnectionEnd {
            connection.beginClosing(.empty)
            return await connection.closed
        }

        /// Releases the connection now; what waits to be written is lost.
        public func abort() { connection.abort() }
    }

    /// Is told when something could not be written.
    package protocol WriteObserver: AnyObject, Sendable {
        func writeFailed()
    }

    /// Begins to close with a payload that may be empty, without waiting.
    package func beginClosing(_ payload: ClosePayload) { onLoop { $0.close(payload) } }
}
