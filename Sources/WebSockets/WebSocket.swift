import NIOConcurrencyHelpers
import WebSocketProtocol
package import WebSocketTransport

/// A connection to a WebSocket server, as a page in a browser has it (WHATWG WebSockets §3).
///
/// ```swift
/// let socket = try WebSocket("wss://example.org/chat", protocols: ["v2.chat"])
/// socket.onopen = { _ in try socket.send("hello") }
/// socket.onmessage = { event in print(event.data) }
/// socket.onclose = { event in print(event.code, event.reason, event.wasClean) }
/// ```
///
/// **Where events come.** On the actor that created the socket, in order, one at a time, and never while code of that
/// actor runs: handlers that are set in the same go as the socket is created miss nothing. It is used there, too: a
/// socket is no more `Sendable` than a browser's can be handed to a worker.
///
/// Created outside of any actor, a socket has its events on a serial executor of its own. Handlers then run beside the
/// task that created it, so what they share with it has to be `Sendable`. Since that task may not have got as far as
/// setting a handler when its event comes, the first events of each type wait for their first listener.
///
/// **How long it lives.** As long as somebody holds it, and as long as a listener may be called yet, whoever holds it.
/// After the `close` event all listeners are let go. A socket that goes while it is open closes the connection without a
/// status code, behind what was sent.
public final class WebSocket: EventTarget {
    private let core: ClientSocket
    private let onUncaughtError: (@Sendable (any Error) -> Void)?
    private let origin: String
    /// Whether events wait for their first listener.
    private let isPatient: Bool
    /// Touched where events are told, and nowhere else.
    private var unheard: [Event] = []
    // These are locked for sockets without an actor, whose handlers run beside the task that made them.
    private let binaryTypeBox = NIOLockedValueBox(BinaryType.blob)
    /// Held from looking at the listeners until what was seen is known, so that it is always the latest.
    private let lifeLock = NIOLock()

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - url: `ws:` or `wss:`; `http:` and `https:` are taken for these. Relative only where the environment has a
    ///     ``WebSocketEnvironment/Configuration-swift.struct/baseURL``. A user and password go into `Authorization`.
    ///   - protocols: subprotocols, in order of preference; tokens, none twice.
    ///   - environment: settings that sockets share.
    ///   - isolation: where events come; by itself the caller's actor.
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/syntax`` for a URL or a subprotocol that is none.
    ///   Everything else that keeps a socket from opening is told by `error` and `close`.
    public init(
        _ url: String,
        protocols: [String] = [],
        environment: WebSocketEnvironment = .shared,
        isolation: isolated (any Actor)? = #isolation
    ) throws(DOMException) {
        let request = try SocketRequest(url, protocols: protocols, environment: environment)
        core = ClientSocket(request)
        origin = request.url.origin
        isPatient = isolation == nil
        onUncaughtError = environment.configuration.onUncaughtError
        super.init()
        core.start(self, isolation: isolation)
    }

    /// Begins to connect, asking for one subprotocol. See
    /// ``init(_:protocols:environment:isolation:)-(_,[String],_,_)``.
    public convenience init(
        _ url: String,
        protocols: String,
        environment: WebSocketEnvironment = .shared,
        isolation: isolated (any Actor)? = #isolation
    ) throws(DOMException) {
        try self.init(url, protocols: [protocols], environment: environment, isolation: isolation)
    }

    deinit { core.abandon() }

    // MARK: The state

    /// How far the connection has come.
    public enum ReadyState: UInt16, Sendable, Hashable {
        /// 0: the connection is being made.
        case connecting = 0
        /// 1: messages go both ways.
        case open = 1
        /// 2: one side has begun to close.
        case closing = 2
        /// 3: closed, or never opened.
        case closed = 3
    }

    public static let CONNECTING = ReadyState.connecting
    public static let OPEN = ReadyState.open
    public static let CLOSING = ReadyState.closing
    public static let CLOSED = ReadyState.closed

    /// How far the connection has come. Changes just before the event that tells of it.
    public var readyState: ReadyState { ReadyState(rawValue: core.readyState.rawValue) ?? .closed }

    /// The URL, as it was understood.
    public var url: String { core.url.href }

    /// The subprotocol the server chose, or an empty text.
    public var `protocol`: String { core.subprotocol }

    /// The extensions in use, as the server wrote them, or an empty text.
    public var extensions: String { core.extensions }

    /// Bytes of messages accepted by `send` that have not been handed to the operating system. Framing and compression
    /// count nothing. It does not fall while code of the creating actor runs, and a close does not reset it.
    public var bufferedAmount: Int { core.bufferedAmount }

    /// How binary messages are handed out. Default ``BinaryType/blob``, as in browsers.
    public var binaryType: BinaryType {
        get { binaryTypeBox.withLockedValue(\.self) }
        set { binaryTypeBox.withLockedValue { $0 = newValue } }
    }

    /// Why the socket failed, once it has: what the browser's `error` event keeps to itself. Not part of the standard.
    public var failure: WebSocketFailure? { core.failure }

    // MARK: Handlers

    /// Called when the connection is open.
    public var onopen: ((Event) throws -> Void)? {
        get { handler(.open) }
        set { setHandler(.open, newValue) }
    }

    /// Called for each message.
    public var onmessage: ((MessageEvent) throws -> Void)? {
        get { handler(.message) }
        set { setHandler(.message, newValue) }
    }

    /// Called when the connection failed, before ``onclose``.
    public var onerror: ((ErrorEvent) throws -> Void)? {
        get { handler(.error) }
        set { setHandler(.error, newValue) }
    }

    /// Called once, last of all, when the connection is closed or could not be opened.
    public var onclose: ((CloseEvent) throws -> Void)? {
        get { handler(.close) }
        set { setHandler(.close, newValue) }
    }

    // MARK: Sending and closing

    /// Sends a text message.
    ///
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/invalidState`` while the socket is connecting. When it
    ///   is closing or closed the message only counts in ``bufferedAmount``.
    public func send(_ data: String) throws(DOMException) { try core.send(Message(data)) }

    /// Sends a binary message. Throws as ``send(_:)-(String)``.
    public func send(_ data: [UInt8]) throws(DOMException) { try core.send(Message(data)) }

    /// Sends bytes as a binary message: a slice, a buffer, `Data`. Throws as ``send(_:)-(String)``.
    public func send(_ data: some Sequence<UInt8>) throws(DOMException) {
        try core.send(Message(Array(data)))
    }

    /// Sends the bytes of a span as a binary message. Throws as ``send(_:)-(String)``.
    public func send(_ data: RawSpan) throws(DOMException) {
        try core.send(Message(received: .binary, data))
    }

    /// Sends the contents of a blob as a binary message. Throws as ``send(_:)-(String)``.
    public func send(_ data: Blob) throws(DOMException) { try core.send(Message(data.contents)) }

    /// Begins to close, behind what has been sent. Does nothing if that has begun. While the socket is connecting it
    /// fails instead.
    ///
    /// - Parameters:
    ///   - code: 1000, or 3000 to 4999; `nil` sends none, and the server sees 1005.
    ///   - reason: at most 123 bytes of UTF-8. Given without a code, the code is 1000.
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/invalidAccess`` for another code,
    ///   ``DOMException/Name/syntax`` for a longer reason.
    public func close(code: UInt16? = nil, reason: String? = nil) throws(DOMException) {
        core.close(try CloseArguments.check(code: code, reason: reason))
    }

    /// Begins to close, as one writes it for a browser: `socket.close(3000, "enough")`. See ``close(code:reason:)``.
    public func close(_ code: UInt16, _ reason: String = "") throws(DOMException) {
        try close(code: code, reason: reason)
    }

    /// Begins to close without a code. See ``close(code:reason:)``.
    public func close() { core.close(.empty) }

    /// Waits until the socket is closed and its `close` event has been told. Not part of the standard: a page lives on by
    /// itself, a command-line program ends with its last line.
    public nonisolated(nonsending) func waitUntilClosed() async { await core.waitForEnd() }

    // MARK: Lifetime

    /// WebSockets §7: a socket lives while one of these may be called yet.
    private var isLive: Bool {
        let types: [String] =
            switch core.readyState {
            case .connecting: ["open", "message", "error", "close"]
            case .open: ["message", "error", "close"]
            case .closing: ["error", "close"]
            case .closed: []
            }
        return types.contains(where: hasListener)
    }

    private func lookAtLife() {
        lifeLock.withLock { core.listenersChanged(isLive: isLive) }
    }

    override func listenersChanged() {
        lookAtLife()
        if isPatient { core.recheck() }
    }

    /// What a listener throws goes to the environment's
    /// ``WebSocketEnvironment/Configuration-swift.struct/onUncaughtError``, or else to standard error.
    public override func reportUncaught(_ error: any Error, from event: Event) {
        if let onUncaughtError { onUncaughtError(error) } else { super.reportUncaught(error, from: event) }
    }

    /// Tells listeners, or keeps the event for the first of them.
    private func tell(_ event: Event) {
        if isPatient, !hasListener(event.type) {
            unheard.append(event)
        } else {
            fire(event)
        }
    }
}

extension WebSocket: SocketSink {
    package func opened() {
        lookAtLife()
        tell(Event("open"))
    }

    package func received(_ message: Message) -> Bool {
        guard hasListener("message") else { return !isPatient }
        let data: MessageData =
            switch (message.kind, binaryType) {
            case (.text, _): .text(String(decoding: message.bytes, as: UTF8.self))
            case (.binary, .arraybuffer): .arrayBuffer(message.bytes)
            case (.binary, .blob): .blob(Blob(bytes: message.bytes))
            }
        fire(MessageEvent("message", data: data, origin: origin))
        return true
    }

    package func closed(_ code: UInt16, _ reason: String, wasClean: Bool, failed: Bool) {
        if failed {
            let failure = core.failure
            tell(ErrorEvent("error", message: failure?.description ?? "", error: failure))
        }
        tell(CloseEvent("close", wasClean: wasClean, code: code, reason: reason))
        letGo()
    }

    /// No event comes any more but those that nobody has heard: a listener for one of these may be there already.
    private func letGo() { removeAllListeners(except: unheard.map(\.type)) }

    package func rechecked() {
        // Looked at once: a listener may come at any moment.
        let types = Set(unheard.map(\.type).filter(hasListener))
        let heard = unheard.filter { types.contains($0.type) }
        unheard.removeAll { types.contains($0.type) }
        for event in heard { fire(event) }
        if !heard.isEmpty, core.readyState == .closed { letGo() }
    }
}
