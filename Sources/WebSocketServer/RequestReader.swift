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
        let compressionPolicy: WebSocketServer.CompressionPolicy
        let registry: ConnectionRegistry
        let logger: Logger

        init(
            router: Router,
            options: ConnectionOptions,
            compressionPolicy: @escaping WebSocketServer.CompressionPolicy,
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

        func compression(_ request: HTTPRequest) -> DeflateOptions? {
            options.compression.flatMap { compressionPolicy(request, $0) }
        }
    }

    private enum State {
        case readingHead
        /// The answer is on its way, or has gone, and the peer's end is awaited.
        case answered(isWritten: Bool)
        case done
    }

    var timer = LoopTimer()
    private let server: Context
    private let executor: LoopTaskExecutor
    private let transport: any AcceptedTransport
    private let eventLoop: any EventLoop
    // Apart from the state, so that it is changed in place and not copied at every read.
    private var parser: HTTPRequestParser
    private var state = State.readingHead
    private var isInputOver = false
    private var isHeadRequest = false
    /// The request's head, when it came in one read.
    private var headBytes: [UInt8]?

    /// Begins to read from an accepted connection. To be called on its event loop.
    static func start(_ transport: any AcceptedTransport, _ server: Context, executor: LoopTaskExecutor) {
        let reader = RequestReader(transport, server, executor)
        transport.input = reader
        reader.setTimer(at: reader.eventLoop.now + TimeAmount(server.options.handshakeTimeout))
        server.registry.addHandshaking(reader.handle)
    }

    private init(_ transport: any AcceptedTransport, _ server: Context, _ executor: LoopTaskExecutor) {
        self.transport = transport
        self.server = server
        self.executor = executor
        eventLoop = transport.eventLoop
        parser = HTTPRequestParser(limits: server.options.limits)
    }

    /// A reader as the registry knows it, which may be on any thread.
    struct Handle: Sendable {
        fileprivate let reader: NIOLoopBound<RequestReader>
        fileprivate let eventLoop: any EventLoop
        let id: ObjectIdentifier

        func abort() {
            let reader = reader
            eventLoop.execute { reader.value.abort() }
        }
    }

    private var handle: Handle {
        Handle(
            reader: NIOLoopBound(self, eventLoop: eventLoop),
            eventLoop: eventLoop,
            id: ObjectIdentifier(self)
        )
    }

    /// Hangs up.
    private func abort() {
        guard finish() else { return }
        transport.abort()
    }

    /// - Returns: false when all was over before.
    private func finish() -> Bool {
        if case .done = state { return false }
        state = .done
        cancelTimer(on: eventLoop)
        server.registry.removeHandshaking(ObjectIdentifier(self))
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
            let isFirstRead = !parser.hasBegun
            guard let head = try parser.parse(UnsafeRawBufferPointer(bytes), at: &offset) else { return }
            if isFirstRead { headBytes = [UInt8](bytes[..<offset]) }
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
        isHeadRequest = head.request.method == .head
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
        let subprotocol = handshake.choose(subprotocolFrom: route.subprotocols)
        let deflate = server.compression(handshake.request).flatMap {
            DeflateAgreement.answer(to: handshake.offeredExtensions, $0)
        }
        let response: HTTPResponse
        do throws(UsageError) {
            response = try handshake.acceptance(
                subprotocol: subprotocol,
                extensions: deflate.map { [$0.answer] } ?? []
            )
        } catch {
            server.logger.error("an upgrade failed", metadata: ["error": "\(error)"])
            return answer(.text(.internalServerError, "the upgrade failed\n"))
        }
        let (socket, input) = WebSocketConnection.start(
            on: transport,
            role: .server,
            request: headBytes.map { .head($0, server.limits) } ?? .whole(handshake.request),
            subprotocol: subprotocol,
            compression: deflate?.agreement,
            peer: transport.peer,
            options: server.options,
            eventLoop: eventLoop,
            answer: HTTPHeadSerializer.bytes(of: response)
        )
        transport.input = input
        logOpening(handshake.request, status: response.status, connection: socket)
        route.service.start(
            socket,
            parameters: parameters,
            executor: executor,
            registry: server.registry,
            logger: server.logger
        )
        _ = finish()
        if !leftover.isEmpty { input.received(leftover) }
    }

    private func refuse(_ error: ProtocolError) {
        // The rule's name alone: what broke it may hold a secret.
        server.logger.debug("refused", metadata: ["peer": "\(peer)", "rule": "\(error.rule)"])
        answer(HTTPAnswer(refusing: error))
    }

    private func answer(_ answer: HTTPAnswer) {
        let bytes = (isHeadRequest ? answer.withoutContent : answer).bytes(date: HTTPDate.now())
        let isWritten = transport.write(bytes.span.bytes)
        guard case .readingHead = state else { return }
        state = .answered(isWritten: isWritten)
        // RFC 9112 §9.6: closing at once while the peer still sends would reset the connection and could
        // destroy the answer; so this half is ended, and the rest is read and dropped for a while.
        transport.closeOutput()
        setTimer(at: eventLoop.now + TimeAmount(server.options.closeTimeout))
    }

    private var peer: String { transport.peer.address.map(String.init(describing:)) ?? "" }

    private func logOpening(
        _ request: HTTPRequest,
        status: HTTPResponse.Status,
        connection: WebSocketConnection? = nil
    ) {
        guard server.logger.logLevel <= .debug else { return }
        // Without the query: it may hold a secret.
        let path = request.path.map { String($0.prefix { $0 != "?" }) } ?? ""
        var metadata: Logger.Metadata = [
            "peer": "\(peer)", "path": "\(path)", "status": "\(status.code)",
        ]
        guard let connection else { return server.logger.debug("answered", metadata: metadata) }
        metadata["connection"] = "\(connection.id)"
        server.logger.debug("opened", metadata: metadata)
    }
}
