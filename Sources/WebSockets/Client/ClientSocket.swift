import NIOConcurrencyHelpers
package import WebSocketProtocol
package import WebSocketTransport

/// Whom a socket's events go to, called where the socket was created, one event at a time.
package protocol SocketSink: AnyObject {
    /// The connection is open.
    func opened()
    /// A message came.
    ///
    /// - Returns: false to be given it again, behind ``ClientSocket/listenersChanged(isLive:)``.
    func received(_ message: Message) -> Bool
    /// The connection is closed; nothing comes any more.
    ///
    /// - Parameter failed: whether that is a failure, which is told before the end.
    func closed(_ code: UInt16, _ reason: String, wasClean: Bool, failed: Bool)
    /// Somebody may listen now who did not before.
    func rechecked()
}

/// What is behind the web's `WebSocket`, in Swift and in JavaScript: its states, its counting, and the way between the
/// connection's event loop and the place where the socket was created.
///
/// In the standard, what happens on the network is queued as tasks on the page's event loop. Here the creating actor
/// takes that place. A task of Swift's runs on it (the pump, `ClientSocket+Pump.swift`) while there may be something to
/// tell; it ends when nobody listens, so that a socket nobody hears keeps nothing alive.
package final class ClientSocket: @unchecked Sendable {
    // Sendable: everything that changes is in `state`, which the lock guards. The sink is called by the pump only, on
    // the actor that the sink belongs to. Internal for the pump's file.
    let lock = NIOLock()
    var state = State()
    private let request: SocketRequest

    package enum ReadyState: UInt16, Sendable {
        case connecting, open, closing, closed
    }

    /// What the owner has to be told.
    enum Notice {
        case opened
        case message(Message)
        case peerIsClosing
        case closed(code: UInt16, reason: String, wasClean: Bool, failed: Bool)
        case recheck
    }

    /// What the owner wants of the connection.
    enum Order {
        case send(Message)
        case close(ClosePayload)
    }

    struct State {
        var readyState = ReadyState.connecting
        var failure: WebSocketFailure?
        var subprotocol = ""
        var extensions = ""
        /// The server's choice of both, until the owner is told that the connection is open.
        var agreed: (subprotocol: String, extensions: String)?
        var connection: WebSocketConnection?
        var dialling: Task<Void, Never>?
        /// Whether the end has been noticed; nothing is noticed behind it.
        var isOver = false
        /// Whether the environment counts this socket among the live ones.
        var isCounted = false
        /// WebSockets §3.1: a `send` found the buffer full. The close that follows is a failure.
        var isFull = false

        var notices = NoticeQueue()
        var pump = Pump.none
        var isReadingPaused = false

        var orders: [Order] = []
        var isOrderTaken = false
        var count = SendCount()

        /// Who waits until the end has been told.
        var endWaiters: [CheckedContinuation<Void, Never>] = []
        var isEndTold = false

        weak var sink: (any SocketSink)?
        /// The sink, while it must live though nobody else holds it.
        var retained: (any SocketSink)?
        weak var owner: (any Actor)?
        var ownActor: SocketActor?
    }

    enum Pump {
        case none
        case running
        case waiting(CheckedContinuation<Void, Never>)
    }

    package init(_ request: SocketRequest) { self.request = request }

    // MARK: Looking

    package var readyState: ReadyState { lock.withLock { state.readyState } }
    package var failure: WebSocketFailure? { lock.withLock { state.failure } }
    package var subprotocol: String { lock.withLock { state.subprotocol } }
    package var extensions: String { lock.withLock { state.extensions } }
    package var url: WebURL { request.url }

    package var bufferedAmount: Int {
        let (amount, wake) = lock.withLock { () -> (Int, Wake) in
            // What cannot fall need not be kept from it.
            let wake = state.count.isFalling ? look() : {}
            return (state.count.buffered, wake)
        }
        wake()
        return amount
    }

    /// The owner looks at what waits: until its turn is over, which the pump notices, that does not fall. To be called
    /// with the lock held.
    private func look() -> Wake {
        // Nobody would end the turn of an owner that is gone.
        guard !state.count.isInTurn, state.owner != nil else { return {} }
        state.count.look()
        return wakePump()
    }

    // MARK: Beginning

    /// Begins to connect. Events go to `sink` on `isolation`, or on an actor of this socket's own.
    package func start(_ sink: any SocketSink, isolation: (any Actor)?) {
        lock.withLock {
            state.sink = sink
            if isolation == nil { state.ownActor = SocketActor() }
            state.owner = isolation ?? state.ownActor
        }
        guard request.environment.slots.enter() else {
            let limit = request.environment.configuration.maxConnections
            return over(because: .tooManyConnections(limit: limit))
        }
        lock.withLock { state.isCounted = true }
        let task = Task { await self.dial() }
        let isGone = lock.withLock {
            state.dialling = task
            return state.readyState != .connecting
        }
        if isGone { task.cancel() }
    }

    private func dial() async {
        do {
            answered(try await request.dial(callbacks))
        } catch {
            over(because: WebSocketFailure(error))
            leave()
        }
    }

    private var callbacks: ConnectionCallbacks {
        // These hold the socket for as long as the connection lives, and no longer.
        var callbacks = ConnectionCallbacks(
            onMessage: { isolated, kind, bytes in self.received(kind, bytes, isolated) },
            onEnd: { _, end in self.ended(end) }
        )
        callbacks.observer = ConnectionObserver(
            onPeerClosing: { self.notice(.peerIsClosing) },
            onBuffered: { bytes in self.lock.withLock { self.state.count.isHolding(bytes) } }
        )
        return callbacks
    }

    /// There is no connection, or not any more.
    private func leave() {
        let wasCounted = lock.withLock {
            defer { state.isCounted = false }
            return state.isCounted
        }
        if wasCounted { request.environment.slots.leave() }
    }

    private func answered(_ opened: WebSocketConnection.Opened) {
        let (wake, isUnwanted) = lock.withLock { () -> (Wake, Bool) in
            state.dialling = nil
            state.connection = state.isOver ? nil : opened.connection
            state.agreed = (opened.connection.subprotocol ?? "", opened.extensions)
            // What came right behind the answer is here already.
            state.notices.begin(with: .opened)
            return (wakePump(), state.readyState != .connecting)
        }
        wake()
        // Closed while it opened.
        if isUnwanted { opened.connection.abort() }
    }

    /// The end has come: tells it once.
    ///
    /// - Parameter isUnopened: whether there was no connection, or nobody wants one. The end of one may be here before
    ///   whoever connected has been told of it.
    private func over(
        because failure: WebSocketFailure?,
        isUnopened: Bool = true,
        code: UInt16 = CloseCode.abnormalClosure.rawValue,
        reason: String = "",
        wasClean: Bool = false
    ) {
        let wake = lock.withLock { () -> Wake in
            guard !state.isOver else {
                guard isUnopened else { return {} }
                // Given up when it had just opened and ended: the end need not wait for the opening any more.
                state.notices.opensNoMore()
                return wakePump()
            }
            state.isOver = true
            state.failure = state.failure ?? failure
            state.dialling = nil
            state.connection = nil
            // Counted, and gone nowhere.
            state.orders = []
            state.notices.end(
                with: .closed(
                    code: code,
                    reason: reason,
                    wasClean: wasClean,
                    failed: failure != nil || state.isFull
                ),
                isUnopened: isUnopened
            )
            return wakePump()
        }
        wake()
    }
}

// MARK: - What the owner wants

extension ClientSocket {
    /// Accepts a message for sending; in a socket that is closing or closed it is counted and goes nowhere.
    ///
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/invalidState`` while connecting.
    package func send(_ message: Message) throws(DOMException) {
        let size = message.bytes.count
        let limit = request.environment.configuration.maxBufferedAmount
        var wake: Wake = {}
        var connection: WebSocketConnection?
        let isTooEarly = lock.withLock {
            if state.readyState == .open { wake = look() }
            switch state.readyState {
            case .connecting: return true
            case .closing, .closed:
                state.count.lose(size)
            case .open where size > limit - min(limit, state.count.waiting):
                state.count.lose(size)
                state.isFull = true
                state.failure = .bufferFull(limit: limit)
                state.readyState = .closing
                connection = order(.close(.empty))
            case .open:
                state.count.accept(size)
                connection = order(.send(message))
            }
            return false
        }
        if isTooEarly {
            throw DOMException("the socket is still connecting: wait for \"open\"", name: .invalidState)
        }
        wake()
        connection?.onLoop { self.carryOut($0) }
    }

    /// Begins to close; does nothing if that has begun.
    package func close(_ payload: ClosePayload) {
        let (dialling, connection, isUnopened) = lock.withLock {
            () -> (Task<Void, Never>?, WebSocketConnection?, Bool) in
            switch state.readyState {
            case .closing, .closed: return (nil, nil, false)
            case .connecting:
                state.readyState = .closing
                return (state.dialling, state.connection, true)
            case .open:
                state.readyState = .closing
                return (nil, order(.close(payload)), false)
            }
        }
        dialling?.cancel()
        guard isUnopened else {
            connection?.onLoop { self.carryOut($0) }
            return
        }
        over(because: .closedBeforeOpen)
        connection?.abort()
    }

    /// Nobody holds the sink any more (WebSockets §7: a socket that is collected while it is open begins the closing
    /// handshake, without a status code).
    package func abandon() { close(.empty) }

    /// Listeners came or went.
    ///
    /// - Parameter isLive: whether the sink must live because they may be called yet.
    package func listenersChanged(isLive: Bool) {
        let (wake, released) = lock.withLock { () -> (Wake, (any SocketSink)?) in
            let released = isLive ? nil : state.retained
            state.retained = isLive ? state.sink : nil
            state.notices.listenersChanged()
            return (wakePump(), released)
        }
        wake()
        // Outside the lock: this may be the last that held it.
        _ = consume released
    }

    /// The owner's code has run to its end, for whoever knows that better than the pump: ``bufferedAmount`` may fall
    /// from here on.
    package func turnEnds() { lock.withLock { state.count.turnEnds() } }

    /// Waits until the end has been told.
    package func waitForEnd(isolation: isolated (any Actor)? = #isolation) async {
        await withCheckedContinuation { continuation in
            let isTold = lock.withLock {
                if !state.isEndTold { state.endWaiters.append(continuation) }
                return state.isEndTold
            }
            if isTold { continuation.resume() }
        }
    }

    func endIsTold() {
        let waiters = lock.withLock {
            state.isEndTold = true
            defer { state.endWaiters = [] }
            return state.endWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Has the sink look again whether somebody listens.
    package func recheck() {
        let wake = lock.withLock { () -> Wake in
            state.notices.isRecheckDue = true
            return wakePump()
        }
        wake()
    }

    /// To be called with the lock held.
    ///
    /// - Returns: the connection, if its loop has yet to be told that there is something to do.
    private func order(_ order: Order) -> WebSocketConnection? {
        guard !state.isOver else { return nil }
        state.orders.append(order)
        if state.isOrderTaken { return nil }
        state.isOrderTaken = true
        return state.connection
    }
}

// MARK: - On the connection's loop

extension ClientSocket {
    private func received(
        _ kind: MessageKind,
        _ bytes: RawSpan,
        _ isolated: WebSocketConnection.Isolated
    ) {
        let message = Message(received: kind, bytes)
        let (wake, isFull) = lock.withLock { () -> (Wake, Bool) in
            // WebSockets §6: what comes when the socket is not open any more is not told.
            guard state.readyState.rawValue < ReadyState.closing.rawValue else { return ({}, false) }
            state.notices.append(message)
            let isFull = state.notices.cost >= highWaterMark
            if isFull { state.isReadingPaused = true }
            return (wakePump(), isFull)
        }
        if isFull { isolated.pauseReading() }
        wake()
    }

    var highWaterMark: Int { request.environment.configuration.connection.inboundHighWaterMark }

    private func notice(_ notice: Notice) {
        let wake = lock.withLock { () -> Wake in
            state.notices.append(notice)
            return wakePump()
        }
        wake()
    }

    private func ended(_ end: ConnectionEnd) {
        leave()
        over(
            because: end.wasClean ? nil : .ended(end.cause),
            isUnopened: false,
            code: end.code.rawValue,
            reason: end.reason,
            wasClean: end.wasClean
        )
    }

    /// Carries out what the owner ordered since the last time.
    private func carryOut(_ isolated: WebSocketConnection.Isolated) {
        while true {
            let orders = lock.withLock { () -> [Order] in
                defer { state.orders = [] }
                if state.orders.isEmpty { state.isOrderTaken = false }
                return state.orders
            }
            guard !orders.isEmpty else { return }
            for order in orders { carryOut(order, isolated) }
        }
    }

    private func carryOut(_ order: Order, _ isolated: WebSocketConnection.Isolated) {
        switch order {
        case .close(let payload): isolated.close(payload)
        case .send(let message):
            let size = message.bytes.count
            lock.withLock { state.count.hand(size) }
            do {
                try isolated.enqueue(message)
            } catch {
                // The peer has closed meanwhile, and nothing can be sent any more (RFC 6455 §5.5.1). The bytes stay
                // counted, as in a browser.
                lock.withLock { state.count.takeBack(size) }
            }
        }
    }
}

/// The actor of a socket that was created outside of any.
actor SocketActor {}
