public import HTTPTypes
public import NIOCore
import Synchronization
public import WebSocketProtocol

/// One live WebSocket connection, of either role.
///
/// It lives on one event loop, where all its state is touched. Every method can be called from any task
/// in any state; what cannot be done any more throws a typed error or does nothing, as its comment says.
///
/// There are two faces, and a connection uses one of them for reading:
/// - **async**: ``messages`` with real backpressure, and `send` methods that suspend;
/// - **callbacks** (``setCallbacks(_:)``): synchronous, on the event loop, nothing allocated per message.
///
/// Whatever arrives before either is chosen waits, in order.
public final class WebSocketConnection: Sendable {
    /// Distinguishes connections of this process.
    public let id: UInt64
    public let role: Role
    /// The loop this connection lives on.
    public let eventLoop: any EventLoop
    /// The subprotocol agreed on, or `nil`.
    public let subprotocol: String?
    /// What was agreed on for compression, or `nil`.
    public var compression: DeflateAgreement? { terms?.agreement }
    /// The request that opened the connection, as sent or received. Read anew from its bytes each time it is
    /// asked for, where it was received.
    public var request: HTTPRequest { opening.request }
    /// The peer's address, if the transport has such a thing.
    public var remoteAddress: SocketAddress? { peer.address }
    /// What a server keeps with the connection; connections of which it knows the same may share one.
    package let attachment: (any AnyObject & Sendable)?
    /// When the opening handshake was over.
    package let openedAt = NIODeadline.now()

    private let terms: DeflateTerms?
    private let opening: OpeningRequest
    private let peer: PeerAddress

    private let state: LoopBoundCore
    /// Set once; read before every send, so without a lock.
    private let endBox = AtomicLazyReference<EndBox>()
    /// See ``outside``.
    private let outsideBox = AtomicLazyReference<Outside>()
    private static let lastID = Atomic<UInt64>(0)

    /// Puts a connection on a transport. To be called on `eventLoop`, after the opening handshake.
    ///
    /// - Returns: the connection, and the input to feed with what the transport receives.
    public static func start(
        on transport: any ByteTransport,
        role: Role,
        request: HTTPRequest,
        subprotocol: String? = nil,
        compression: DeflateAgreement? = nil,
        remoteAddress: SocketAddress? = nil,
        options: ConnectionOptions = .init(),
        eventLoop: any EventLoop
    ) -> (connection: WebSocketConnection, input: any ConnectionInput) {
        start(
            on: transport,
            role: role,
            request: .whole(request),
            subprotocol: subprotocol,
            compression: compression,
            peer: PeerAddress(remoteAddress),
            options: options,
            eventLoop: eventLoop
        )
    }

    /// - Parameters:
    ///   - answer: what has yet to be sent of the opening handshake; it goes out first.
    ///   - attachment: see the property of the same name.
    ///   - traffic: where it is counted, if anywhere; of the loop's own.
    package static func start(
        on transport: any ByteTransport,
        role: Role,
        request: OpeningRequest,
        subprotocol: String?,
        compression: DeflateAgreement?,
        peer: PeerAddress,
        options: ConnectionOptions,
        eventLoop: any EventLoop,
        answer: [UInt8] = [],
        attachment: (any AnyObject & Sendable)? = nil,
        traffic: LoopTraffic? = nil
    ) -> (connection: WebSocketConnection, input: any ConnectionInput) {
        let core = ConnectionCore(
            role: role,
            options: options,
            compression: compression,
            eventLoop: eventLoop,
            traffic: traffic
        )
        let connection = WebSocketConnection(
            core: core,
            request: request,
            subprotocol: subprotocol,
            peer: peer,
            attachment: attachment
        )
        core.connection = connection
        core.start(transport, answer: answer)
        return (connection, core)
    }

    private init(
        core: ConnectionCore,
        request: OpeningRequest,
        subprotocol: String?,
        peer: PeerAddress,
        attachment: (any AnyObject & Sendable)?
    ) {
        self.attachment = attachment
        terms = core.deflate?.terms
        id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
        role = core.endpoint.role
        eventLoop = core.eventLoop
        self.subprotocol = subprotocol
        opening = request
        self.peer = peer
        state = LoopBoundCore(core)
    }

    func ended(_ end: EndBox) { _ = endBox.storeIfNil(end) }

    /// How the connection ended, or `nil` while it lives.
    public var end: ConnectionEnd? { endBox.load()?.end }

    /// Runs `body` with the connection's state: at once when already on its loop, else by way of a hop.
    private func withCore(_ body: @escaping @Sendable (ConnectionCore) -> Void) {
        if let core = state.ifOnLoop {
            body(core)
        } else {
            let state = state
            eventLoop.execute { if let core = state.ifOnLoop { body(core) } }
        }
    }

    /// The connection's state, to whoever is on its loop.
    var coreOnLoop: ConnectionCore? { state.ifOnLoop }

    func onCore<Value: Sendable>(_ body: @escaping @Sendable (ConnectionCore) -> Value) async -> Value {
        if let core = state.ifOnLoop { return body(core) }
        return await withCheckedContinuation { continuation in
            withCore { continuation.resume(returning: body($0)) }
        }
    }
}

// MARK: - Receiving

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

    /// Where tasks beyond the loop read and send; made when the first one does.
    private var outside: Outside {
        outsideBox.load() ?? outsideBox.storeIfNil(Outside(state.options))
    }

    /// The next message for a task beyond the loop: without asking the loop, if there is one.
    private func receiveOutside() async throws -> Message? {
        let outside = outside
        switch outside.read() {
        case .nothing: break
        case .unasked:
            guard await onCore({ $0.read(by: outside) }) else { throw ReceiveError.alreadyConsumed }
        case let read: return try told(read).get()
        }
        let reader = Reader()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let read = outside.wait(continuation, reader: reader) {
                    continuation.resume(with: told(read))
                } else if reader.isCancelled.load(ordering: .acquiring) {
                    cancel(reader, outside)
                }
            }
        } onCancel: {
            reader.isCancelled.store(true, ordering: .releasing)
            cancel(reader, outside)
        }
    }

    /// What is read comes to whom it is told.
    private func told(_ read: Outside.Read) -> Result<Message?, any Error> {
        switch read {
        case .message(let message, let resumes):
            if resumes { withCore { $0.resumeReading() } }
            return .success(message)
        case .end(let end): return end.wasClean ? .success(nil) : .failure(ReceiveError.ended(end))
        case .taken, .unasked, .nothing: return .failure(ReceiveError.alreadyConsumed)
        }
    }

    /// Nobody will read on, so the peer is told goodbye. A reader that was refused does not speak for another.
    private func cancel(_ reader: Reader, _ outside: Outside) {
        guard let waiter = outside.takeWaiter(ifReader: reader) else { return }
        waiter.resume(throwing: CancellationError())
        withCore { $0.close(.goingAwayByCancellation) }
    }

    /// One wait for a message.
    private final class Reader: Sendable {
        let isCancelled = Atomic(false)
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

/// What a connection calls on its event loop. A callback must not block: it holds up every connection of
/// the loop.
public struct ConnectionCallbacks: Sendable {
    typealias OnMessage = @Sendable (WebSocketConnection.Isolated, MessageKind, RawSpan) -> Void

    /// A message. The bytes are gone when the call returns; text has been checked to be UTF-8.
    public var onMessage: @Sendable (WebSocketConnection.Isolated, MessageKind, RawSpan) -> Void
    /// The connection ended. Called once, and last.
    public var onEnd: @Sendable (WebSocketConnection.Isolated, ConnectionEnd) -> Void
    /// What else a client's own face wants to know.
    package var observer: ConnectionObserver?

    public init(
        onMessage: @escaping @Sendable (WebSocketConnection.Isolated, MessageKind, RawSpan) -> Void,
        onEnd: @escaping @Sendable (WebSocketConnection.Isolated, ConnectionEnd) -> Void = { _, _ in }
    ) {
        self.onMessage = onMessage
        self.onEnd = onEnd
    }
}

/// What a connection tells beside messages and its end, on its event loop.
package final class ConnectionObserver: Sendable {
    /// The peer began the closing handshake, or broke the protocol: no message comes any more, and none goes.
    let onPeerClosing: @Sendable () -> Void
    /// The payload bytes that wait to be taken by the operating system, each time that their number may have changed.
    let onBuffered: @Sendable (Int) -> Void
    /// How long a ping and its pong took.
    let onRoundTrip: (@Sendable (Duration) -> Void)?

    package init(
        onPeerClosing: @escaping @Sendable () -> Void,
        onBuffered: @escaping @Sendable (Int) -> Void,
        onRoundTrip: (@Sendable (Duration) -> Void)? = nil
    ) {
        self.onPeerClosing = onPeerClosing
        self.onBuffered = onBuffered
        self.onRoundTrip = onRoundTrip
    }
}

// MARK: - Sending

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

    /// Sends from beyond the loop, which is asked the first time only.
    ///
    /// - Returns: whether the sender should wait.
    private nonisolated(nonsending) func sendOutside(_ message: Message) async throws(SendError) -> Bool {
        let outside = outside
        while true {
            switch try outside.send(message) {
            case .accepted(let tellsLoop, let mustWait):
                if tellsLoop { withCore { $0.takeOrders(of: outside) } }
                return mustWait
            case .unasked: await onCore { $0.meet(outside) }
            }
        }
    }

    private func waitToSend(stream: UInt64? = nil) async throws(SendError) {
        let error = await withCheckedContinuation { continuation in
            withCore { $0.waitToSend(continuation, stream: stream) }
        }
        if let error { throw error }
    }

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

// MARK: - Closing

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

// MARK: - On the loop

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

extension WebSocketConnection: Hashable {
    public static func == (one: WebSocketConnection, other: WebSocketConnection) -> Bool { one === other }
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
