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

    let state: LoopBoundCore
    /// Set once; read before every send, so without a lock.
    private let endBox = AtomicLazyReference<EndBox>()
    /// See ``outside``.
    let outsideBox = AtomicLazyReference<Outside>()
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
    func withCore(_ body: @escaping @Sendable (ConnectionCore) -> Void) {
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

extension WebSocketConnection: Hashable {
    public static func == (one: WebSocketConnection, other: WebSocketConnection) -> Bool { one === other }
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
