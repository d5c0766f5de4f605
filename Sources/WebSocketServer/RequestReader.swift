import HTTPTypes
import Logging
import NIOCore
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
        let logger: Logger

        init(
            router: Router,
            options: ConnectionOptions,
            compressionPolicy: WebSocketServer.CompressionPolicy?,
            registry: ConnectionRegistry,
            logger: Logger
        ) {
            self.router = router
            self.options = options
            limits = SharedLimits(options.limits)
            self.compressionPolicy = compressionPolicy
            self.registry = registry
            self.logger = logger
        }

        /// What is to be agreed on with a client, if anything: whoever offers nothing is not asked about.
        func compression(_ handshake: ServerHandshake) -> DeflateOptions? {
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
        /// The answer is on its way, or has gone, and the peer's end is awaited.
        case answered(isWritten: Bool)
        case done
    }

    // `@exclusivity(unchecked)`: as in the connection's own state; nothing that is called in the middle of a
    // change to it calls back.
    @exclusivity(unchecked) var timer = LoopTimer()
    private let loop: ServerLoop
    private var server: Context { loop.server }
    private let transport: any AcceptedTransport
    private var eventLoop: any EventLoop { loop.eventLoop }
    /// Where the loop's list has it.
    private var place: LoopConnections.Place?
    // Apart from the state, so that it is changed in place and not copied at every read.
    private var parser: HTTPRequestParser
    private var state = State.readingHead
    private var isInputOver = false
    private var isHeadRequest = false

    /// Begins to read from an accepted connection. To be called on its event loop.
    static func start(_ transport: any AcceptedTransport, _ loop: ServerLoop) {
        let reader = RequestReader(transport, loop)
        transport.input = reader
        let connections = loop.connections
        reader.place = connections.add(reader)
        if connections.isShuttingDown {
            // Not within the transport's own beginning.
            let bound = NIOLoopBound(reader, eventLoop: loop.eventLoop)
            loop.eventLoop.execute { bound.value.abort() }
        }
        reader.setTimer(at: loop.eventLoop.now + TimeAmount(loop.server.options.handshakeTimeout))
    }

    private init(_ transport: any AcceptedTransport, _ loop: ServerLoop) {
        self.transport = transport
        self.loop = loop
        parser = HTTPRequestParser(limits: loop.server.options.limits)
    }

    /// Hangs up.
    func abort() {
        guard finish() else { return }
        if let place { loop.remove(at: place) }
        transport.abort()
    }

    /// - Returns: false when all was over before.
    private func finish() -> Bool {
        if case .done = state { return false }
        state = .done
        cancelTimer(on: eventLoop)
        return true
    }
}

extension RequestReader: LoopTimerOwner {
    /// One deadline at a time; a new one replaces the old.
    private func setTimer(at deadline: NIODeadline) { setTimer(at: deadline, on: eventLoop) }

    func timerFired() {
        // A connection opened in advance and never used is nobody's mistake: no answer is owed.
        guard case .readingHead = state, parser.hasBegun else { return abort() }
        answer(.text(.requestTimeout, "the request did not arrive in time\n"))
    }
}

// MARK: - From the transport

extension RequestReader: ConnectionInput {
    func received(_ bytes: UnsafeMutableRawBufferPointer) {
        guard case .readingHead = state else { return }
        var offset = 0
        do throws(ProtocolError) {
            guard let head = try parser.parse(UnsafeRawBufferPointer(bytes), at: &offset) else { return }
            decide(head, leftover: UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]))
        } catch {
            refuse(error)
        }
    }

    func written() {
        guard case .answered = state else { return }
        state = .answered(isWritten: true)
        if isInputOver { abort() }
    }

    func inputEnded() {
        isInputOver = true
        // A request that stops in the middle cannot be answered. An answer that is still on its way is the last
        // thing.
        if case .answered(isWritten: false) = state { return }
        abort()
    }

    func failed(_ cause: EndCause) {
        server.logger.debug("failed before the upgrade", metadata: ["error": "\(cause)"])
        abort()
    }
}

// MARK: - Deciding

extension RequestReader {
    private func decide(_ head: HTTPRequestHead, leftover: UnsafeMutableRawBufferPointer) {
        isHeadRequest = head.isMethod(.head)
        switch server.router.decide(head) {
        case .answer(let page):
            logOpening(head.request, status: page.status)
            answer(page)
        case .refuse(let error):
            refuse(error)
        case .upgrade(let handshake, let route, let parameters):
            upgrade(handshake, route, parameters, leftover: leftover)
        }
    }

    private func upgrade(
        _ handshake: ServerHandshake,
        _ route: Router.Socket,
        _ parameters: [String: String],
        leftover: UnsafeMutableRawBufferPointer
    ) {
        guard let place else { return }
        let subprotocol = handshake.choose(subprotocolFrom: route.subprotocols)
        var response: [UInt8] = []
        response.reserveCapacity(256)
        let agreement: DeflateAgreement?
        do throws(UsageError) {
            agreement = try handshake.accept(
                subprotocol: subprotocol,
                compression: server.compression(handshake),
                into: &response
            )
        } catch {
            server.logger.error("an upgrade failed", metadata: ["error": "\(error)"])
            return answer(.text(.internalServerError, "the upgrade failed\n"))
        }
        let (socket, input) = WebSocketConnection.start(
            on: transport,
            role: .server,
            request: handshake.bytes.map { .head($0, server.limits) } ?? .whole(handshake.request),
            subprotocol: subprotocol,
            compression: agreement,
            peer: transport.peer,
            options: server.options,
            eventLoop: eventLoop,
            answer: response
        )
        transport.input = input
        _ = finish()
        logOpening(handshake.request, status: .switchingProtocols, connection: socket)
        route.service.start(socket, parameters: parameters, on: loop, at: place)
        if !leftover.isEmpty { input.received(leftover) }
    }

    private func refuse(_ error: ProtocolError) {
        // The rule's name alone: what broke it may hold a secret.
        server.logger.debug("refused", metadata: ["peer": "\(peer)", "rule": "\(error.rule)"])
        answer(HTTPAnswer(refusing: error))
    }

    private func answer(_ answer: HTTPAnswer) {
        let bytes = (isHeadRequest ? answer.withoutContent : answer).bytes(date: HTTPDate.now())
        // RFC 9112 §9.6: closing at once while the peer still sends would reset the connection and could
        // destroy the answer; so this half is ended, and the rest is read and dropped for a while.
        let isWritten = transport.writeLast(bytes.span.bytes)
        guard case .readingHead = state else { return }
        state = .answered(isWritten: isWritten)
        setTimer(at: eventLoop.now + TimeAmount(server.options.closeTimeout))
    }

    private var peer: String { transport.peer.address.map(String.init(describing:)) ?? "" }

    private func logOpening(
        _ request: @autoclosure () -> HTTPRequest,
        status: HTTPResponse.Status,
        connection: WebSocketConnection? = nil
    ) {
        guard server.logger.logLevel <= .debug else { return }
        // Without the query: it may hold a secret.
        let path = request().path.map { String($0.prefix { $0 != "?" }) } ?? ""
        var metadata: Logger.Metadata = [
            "peer": "\(peer)", "path": "\(path)", "status": "\(status.code)",
        ]
        guard let connection else { return server.logger.debug("answered", metadata: metadata) }
        metadata["connection"] = "\(connection.id)"
        server.logger.debug("opened", metadata: metadata)
    }
}
