import Synchronization
import WebSocketProtocol

extension WebSocketConnection {
    /// The messages as they come. One reader at a time: a second one gets
    /// ``ReceiveError/alreadyConsumed``.
    ///
    /// While nobody reads, at most ``ConnectionOptions/inboundHighWaterMark`` waits here; beyond it the
    /// socket is not read and the peer is slowed down by TCP. Ends after the closing handshake; throws
    /// ``ReceiveError/ended(_:)`` when the connection ends otherwise. Cancelling the reading task closes the
    /// connection with 1001.
    public var messages: Messages { Messages(connection: self) }

    /// See ``WebSocketConnection/messages``.
    public struct Messages: AsyncSequence, Sendable {
        public typealias Element = Message
        let connection: WebSocketConnection
        /// What must live while there may be a reader.
        let owner: (any AnyObject & Sendable)?

        package init(connection: WebSocketConnection, owner: (any AnyObject & Sendable)? = nil) {
            self.connection = connection
            self.owner = owner
        }

        public struct AsyncIterator: AsyncIteratorProtocol {
            @usableFromInline let connection: WebSocketConnection
            private let owner: (any AnyObject & Sendable)?

            init(connection: WebSocketConnection, owner: (any AnyObject & Sendable)?) {
                self.connection = connection
                self.owner = owner
            }

            public mutating func next() async throws -> Message? { try await connection.receive() }

            // Runs where its caller does, which nearly always is on the loop, and looks for another place only
            // when it has to wait. Inlinable, so that a message at hand costs its reader no asynchronous call.
            @inlinable
            public mutating func next(
                isolation actor: isolated (any Actor)? = #isolation
            ) async throws -> Message? {
                if let message = connection.messageAtHand { return message }
                return try await connection.receive()
            }
        }

        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(connection: connection, owner: owner)
        }
    }

    /// The next message, or `nil` after the closing handshake. See ``messages``.
    public func receive() async throws -> Message? {
        if let message = messageAtHand { return message }
        if outsideBox.load() != nil || state.ifOnLoop == nil { return try await receiveOutside() }
        // The cancellation may reach the loop before the reader does: the flag tells the reader then.
        let reader = Reader()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                withCore {
                    $0.nextMessage(continuation, reader: reader)
                    if reader.isCancelled.load(ordering: .relaxed) { $0.readerCancelled(reader) }
                }
            }
        } onCancel: {
            reader.isCancelled.store(true, ordering: .relaxed)
            withCore { $0.readerCancelled(reader) }
        }
    }

    /// A message that waits, if the caller is on the loop.
    @usableFromInline
    var messageAtHand: Message? { state.ifOnLoop { $0.popMessage() } ?? nil }

    /// Takes messages and the end by callbacks, on the event loop, from here on; those that wait come
    /// first. Not to be mixed with ``messages``.
    public func setCallbacks(_ callbacks: ConnectionCallbacks) {
        withCore { $0.setCallbacks(callbacks) }
    }
}
