import HTTPTypes
import Logging
import NIOCore
import NIOSSL
import WebSocketProtocol
import WebSocketTransport

/// Reads the one HTTP request of a connection, and either upgrades it or answers it and hangs up.
///
/// Upgrading leaves the transport to the WebSocket connection. Whatever is not upgraded is answered
/// `Connection: close`, and what was sent behind it is dropped: bytes meant for a WebSocket are never taken for a
/// second request.
final class RequestReader {
    /// What all connections of a server share.
    struct Context: Sendable {
        let router: Router
        let options: ConnectionOptions
        let limits: SharedLimits
        /// `nil` for ``WebSocketServer/refuseBrokenCompression(_:_:)``, which need not see the whole request.
        let compressionPolicy: WebSocketServer.CompressionPolicy?
        let registry: ConnectionRegistry
        let topics: TopicHub
        /// For connections of which there is nothing particular to know.
        let plainContext: SocketContext
        let observer: ServerObserver
        let admission: AdmissionControl
        let logger: Logger

        init(
            router: Router,
            options: ConnectionOptions,
            compressionPolicy: WebSocketServer.CompressionPolicy?,
            registry: ConnectionRegistry,
            topics: TopicHub,
            observer: ServerObserver,
            admission: AdmissionControl,
            logger: Logger
        ) {
            self.router = router
            self.options = options
            limits = SharedLimits(options.limits)
            self.compressionPolicy = compressionPolicy
            self.registry = registry
            self.topics = topics
            plainContext = SocketContext(topics: topics)
            self.observer = observer
            self.admission = admission
            self.logger = logger
        }

        /// What is to be agreed on with a client, if anything: whoever offers nothing is not asked about.
        func compression(_ handshake: ServerHandshake, _ options: ConnectionOptions) -> DeflateOptions? {
            guard handshake.offersExtensions, let options = options.compression else { return nil }
            guard let compressionPolicy else {
                return WebSocketServer.mayCompressWrongly(handshake.firstValue("user-agent"))
                    ? WebSocketServer.refuseBrokenCompression(handshake.request, options) : options
            }
            return compressionPolicy(handshake.request, options)
        }
    }

    private enum State {
        case readingHead
        /// What is to become of the request is not known yet. What came behind it waits.
        case deciding(Opening, leftover: [UInt8])
        /// The WebSocket is being put on the transport, which may fail at the first byte and says so here.
        case opening(failure: EndCause?)
        /// The head has been written, and a file is on its way behind it.
        case sending(BodyPump, stallTimeout: Duration)
        /// The answer is on its way, or has gone, and the peer's end is awaited.
        case answered(isWritten: Bool)
        case done
    }

    // `@exclusivity(unchecked)`: as in the connection's own state; nothing that is called in the middle of a
    // change to it calls back.
    @exclusivity(unchecked) var timer = LoopTimer()
    /// What ``timer`` was set to last.
    private var deadline = NIODeadline.now()
    let loop: ServerLoop
    private var server: Context { loop.server }
    private let transport: any AcceptedTransport
    private var eventLoop: any EventLoop { loop.eventLoop }
    /// Where the loop's list has it.
    private(set) var place: LoopConnections.Place?
    /// Whom the connection is from, by a trusted proxy's word if there is one.
    var peer: PeerAddress
    // Apart from the state, so that it is changed in place and not copied at every read.
    private var parser: HTTPRequestParser
    private var state = State.readingHead
    private var isInputOver = false
    private var isHeadRequest = false
    /// What came behind the request, while it is being decided about for the first time.
    private var leftover: UnsafeMutableRawBufferPointer?
    private var isPaused = false

    /// Begins to read from an accepted connection. To be called on its event loop.
    ///
    /// - Returns: whether it may stay. If not, it is closed in the loop's next turn.
    @discardableResult
    static func start(_ transport: any AcceptedTransport, _ loop: ServerLoop) -> Bool {
        let reader = RequestReader(transport, loop)
        transport.input = reader
        let connections = loop.connections
        let place = connections.add(reader)
        reader.place = place
        let admission = loop.server.admission
        let isAccepted = admission.accepts(reader.peer, at: place, on: loop)
        if !isAccepted {
            // Not within the transport's own beginning.
            let bound = NIOLoopBound(reader, eventLoop: loop.eventLoop)
            loop.eventLoop.execute { bound.value.abort() }
        }
        if admission.proxyProtocol != .off, !transport.isSecure {
            transport.input = ProxyHeaderStage(before: reader, on: transport)
        }
        reader.setTimer(in: TimeAmount(loop.server.options.handshakeTimeout))
        return isAccepted
    }

    /// Begins to read from a connection that has its place, where HTTP/1.1 was chosen.
    ///
    /// - Parameters:
    ///   - peer: whom it is from.
    ///   - deadline: when the request must have come.
    static func start(
        _ transport: any AcceptedTransport,
        _ loop: ServerLoop,
        at place: LoopConnections.Place,
        from peer: PeerAddress,
        deadline: NIODeadline
    ) {
        let reader = RequestReader(transport, loop)
        transport.input = reader
        reader.peer = peer
        reader.place = place
        loop.connections.replace(by: reader, at: place)
        reader.setTimer(in: deadline - loop.eventLoop.now)
    }

    private init(_ transport: any AcceptedTransport, _ loop: ServerLoop) {
        self.transport = transport
        peer = transport.peer
        self.loop = loop
        parser = HTTPRequestParser(limits: loop.server.options.limits)
    }

    /// Hangs up.
    func abort() {
        guard finish() else { return }
        if let place { loop.remove(at: place) }
        transport.abort()
    }

    /// A proxy has said whose connection it is.
    ///
    /// - Returns: whether it may go on; if not, it has been closed.
    func isFrom(_ header: ProxyHeader) -> Bool {
        guard case .client(let address, let port) = header, let place else { return true }
        peer = address.peer(port: port)
        if server.admission.counts(peer, at: place, on: loop) { return true }
        abort()
        return false
    }

    /// What should have been a proxy's header is none: whoever sent it is no client that could be answered.
    func refuse(_ error: ProxyHeaderError) {
        server.admission.hangUp(error, peer, on: loop)
        abort()
    }

    /// - Returns: false when all was over before.
    private func finish() -> Bool {
        switch state {
        case .done: return false
        case .deciding(let opening, _): opening.cancel()
        case .sending(let pump, _): pump.stop()
        case .readingHead, .opening, .answered: break
        }
        state = .done
        cancelTimer(on: eventLoop)
        return true
    }
}

extension RequestReader: LoopTimerOwner {
    /// One deadline at a time; a new one replaces the old.
    private func setTimer(in time: TimeAmount) {
        deadline = eventLoop.now + min(time, loop.connections.requestGrace ?? time)
        setTimer(at: deadline, on: eventLoop)
    }

    func timerFired() {
        switch state {
        // A connection opened in advance and never used is nobody's mistake: no answer is owed.
        case .readingHead where parser.hasBegun && !loop.connections.isDraining:
            refuse(.text(.requestTimeout, "the request did not arrive in time\n"), .requestTimeout)
        case .deciding(let opening, _):
            opening.cancel(.undecided, status: HTTPAnswer.undecided.status)
            answer(.undecided)
        case .sending(_, let stallTimeout):
            server.logger.debug("a client took nothing of a file", metadata: ["for": "\(stallTimeout)"])
            abort()
        default:
            abort()
        }
    }
}

extension RequestReader: UnopenedConnection {
    /// A request that is complete, or soon is, is answered 503; other clients are hung up on.
    func drainBegan() {
        switch state {
        case .readingHead, .answered(isWritten: true):
            // Not longer than it would have had.
            setTimer(in: min(deadline - eventLoop.now, loop.connections.requestGrace ?? .zero))
        case .deciding(let opening, _): opening.drainBegan()
        // A file goes on until the deadline.
        case .sending, .opening, .answered, .done: break
        }
    }
}

// MARK: - From the transport

extension RequestReader: ConnectionInput {
    func received(_ bytes: UnsafeMutableRawBufferPointer) {
        if case .deciding(let opening, let waiting) = state { return keep(bytes, behind: waiting, opening) }
        guard case .readingHead = state else { return }
        var offset = 0
        do throws(ProtocolError) {
            guard let head = try parser.parse(UnsafeRawBufferPointer(bytes), at: &offset) else { return }
            decide(head, leftover: UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]))
        } catch {
            refuse(HTTPAnswer(refusing: error), .rule(error))
        }
    }

    /// Answers what is no request yet.
    private func refuse(_ answer: HTTPAnswer, _ reason: RefusalReason) {
        server.observer.refused(reason, status: answer.status.code, peer: peer, on: eventLoop)
        self.answer(answer)
    }

    func written() {
        switch state {
        case .sending(let pump, let stallTimeout):
            setTimer(at: eventLoop.now + TimeAmount(stallTimeout), on: eventLoop)
            pump.pull()
        case .answered:
            state = .answered(isWritten: true)
            if isInputOver { return abort() }
            setTimer(in: TimeAmount(server.options.closeTimeout))
        case .readingHead, .deciding, .opening, .done:
            break
        }
    }

    func inputEnded() {
        isInputOver = true
        // A request that stops in the middle cannot be answered. An answer that is still on its way is the last
        // thing.
        switch state {
        case .answered(isWritten: false), .sending: break
        case .deciding(let opening, _) where opening.isLookingForFile: break
        case .opening(let failure): state = .opening(failure: failure ?? .endOfStream)
        default: abort()
        }
    }

    func failed(_ cause: EndCause) {
        if case .opening = state {
            state = .opening(failure: cause)
            return
        }
        server.logger.debug("failed before the upgrade", metadata: ["error": "\(cause)"])
        abort()
    }
}

// MARK: - Deciding

extension RequestReader: OpeningCarrier {
    var isSecure: Bool { transport.isSecure }
    var httpVersion: HTTPVersion { .http1_1 }
    var peerCertificate: NIOSSLCertificate? { transport.peerCertificate }

    private func decide(_ head: HTTPRequestHead, leftover: UnsafeMutableRawBufferPointer) {
        isHeadRequest = head.isMethod(.head)
        let opening = Opening(head, self)
        // Nearly always it is decided at once, and what came behind stays where it is.
        self.leftover = leftover
        state = .deciding(opening, leftover: [])
        opening.begin()
        self.leftover = nil
        if case .deciding = state { keep(leftover, behind: [], opening) }
    }

    /// Keeps what came while nothing was decided. It is read on, so that a client's end is noticed, up to a limit.
    private func keep(_ bytes: UnsafeMutableRawBufferPointer, behind waiting: [UInt8], _ opening: Opening) {
        let waiting = waiting + bytes
        state = .deciding(opening, leftover: waiting)
        guard waiting.count >= Self.mostUndecided, !isPaused else { return }
        isPaused = true
        transport.pauseReading()
    }

    /// Bytes that are read behind a request before it is decided about.
    private static let mostUndecided = 64 << 10

    private func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        transport.resumeReading()
    }

    func open(_ acceptance: Acceptance) {
        guard case .deciding(_, var waiting) = state, let place else { return }
        var response: [UInt8] = []
        response.reserveCapacity(256)
        let agreement: DeflateAgreement?
        let handshake = acceptance.handshake
        do throws(UsageError) {
            agreement = try handshake.accept(
                subprotocol: acceptance.subprotocol,
                compression: acceptance.compression,
                headers: acceptance.headers,
                into: &response
            )
        } catch {
            server.logger.error("an upgrade failed", metadata: ["error": "\(error)"])
            acceptance.watch.refused(.wrongTerms, status: HTTPAnswer.upgradeFailed.status.code, by: self)
            return answer(.upgradeFailed)
        }
        // From here on the place is the connection's: whatever fails is the connection's end, and no longer ours.
        state = .opening(failure: nil)
        let (socket, input) = WebSocketConnection.start(
            on: transport,
            role: .server,
            request: handshake.bytes.map { .head($0, server.limits) } ?? .whole(handshake.request),
            subprotocol: acceptance.subprotocol,
            compression: agreement,
            peer: peer,
            options: acceptance.options,
            eventLoop: eventLoop,
            answer: response,
            attachment: acceptance.attachment,
            traffic: loop.traffic
        )
        transport.input = input
        var failure: EndCause?
        if case .opening(let cause) = state { failure = cause }
        _ = finish()
        acceptance.start(socket, by: self, at: place)
        if let leftover, !leftover.isEmpty { input.received(leftover) }
        waiting.withUnsafeMutableBytes { if !$0.isEmpty { input.received($0) } }
        if let failure { return input.failed(failure) }
        // The connection may have paused it anew, for reasons of its own.
        if socket.isolated?.isReadingPaused == false { resumeReading() }
    }

    func answer(_ answer: HTTPAnswer) {
        let answer = isHeadRequest ? answer.withoutContent : answer
        let bytes = answer.bytes(date: HTTPDate.now())
        if case .source(let source) = answer.content { return send(source, behind: bytes) }
        // RFC 9112 §9.6: closing at once while the peer still sends would reset the connection and could
        // destroy the answer; so this half is ended, and the rest is read and dropped for a while.
        let isWritten = transport.writeLast(bytes.span.bytes)
        switch state {
        case .readingHead: break
        case .deciding: resumeReading()
        case .sending, .opening, .answered, .done: return
        }
        answered(isWritten: isWritten, within: server.options.closeTimeout)
    }

    private func answered(isWritten: Bool, within timeout: Duration) {
        state = .answered(isWritten: isWritten)
        if isWritten, isInputOver { return abort() }
        setTimer(in: TimeAmount(timeout))
    }

    private func send(_ source: any BodySource, behind head: [UInt8]) {
        guard case .deciding = state else { return }
        resumeReading()
        // Each holds the other, until the last piece or ``finish()``.
        let pump = BodyPump(source, on: eventLoop) { self.send($0, source.stallTimeout) }
        state = .sending(pump, stallTimeout: source.stallTimeout)
        setTimer(at: eventLoop.now + TimeAmount(source.stallTimeout), on: eventLoop)
        if transport.write(head.span.bytes) { pump.pull() }
    }

    private func send(_ piece: BodyPump.Piece, _ stallTimeout: Duration) {
        guard case .sending(let pump, _) = state else { return }
        switch piece {
        case .failed(let error):
            server.logger.warning("a file could not be sent to its end", metadata: ["error": "\(error)"])
            // What was promised as `Content-Length` does not come, and the client sees that.
            abort()
        case .bytes(let bytes, isLast: true):
            let isWritten = transport.writeLast(bytes.span.bytes)
            guard case .sending = state else { return }
            answered(isWritten: isWritten, within: isWritten ? server.options.closeTimeout : stallTimeout)
        case .bytes(let bytes, isLast: false):
            setTimer(at: eventLoop.now + TimeAmount(stallTimeout), on: eventLoop)
            if transport.write(bytes.span.bytes) { pump.pull() }
        }
    }
}
