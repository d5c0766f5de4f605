import HTTPTypes
import Logging
import NIOCore
import WebSocketProtocol
import WebSocketTransport

/// Reads the one HTTP request of a connection, and either upgrades it or answers it and hangs up.
///
/// Upgrading removes this handler and leaves the pipeline to the ``ChannelTransport``. Whatever is not
/// upgraded is answered `Connection: close`, and what was sent behind it is dropped: bytes meant for a
/// WebSocket are never taken for a second request.
final class RequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What all connections of a server share.
    struct Context: Sendable {
        let router: Router
        let options: ConnectionOptions
        let compressionPolicy: WebSocketServer.CompressionPolicy
        let registry: ConnectionRegistry
        let logger: Logger

        func compression(_ request: HTTPRequest) -> DeflateOptions? {
            options.compression.flatMap { compressionPolicy(request, $0) }
        }
    }

    private enum State {
        case readingHead
        case done
    }

    private let server: Context
    private let executor: LoopTaskExecutor
    // Apart from the state, so that it is changed in place and not copied at every read.
    private var parser: HTTPRequestParser
    private var state = State.readingHead
    private var deadline: Scheduled<Void>?

    init(_ server: Context, executor: LoopTaskExecutor) {
        self.server = server
        self.executor = executor
        parser = HTTPRequestParser(limits: server.options.limits)
    }

    func channelActive(context: ChannelHandlerContext) {
        server.registry.addHandshaking(context.channel)
        schedule(server.options.handshakeTimeout, context) { handler, context in handler.timedOut(context) }
        context.fireChannelActive()
    }

    /// One deadline at a time; a new one replaces the old.
    private func schedule(
        _ delay: Duration,
        _ context: ChannelHandlerContext,
        _ action: @escaping @Sendable (RequestHandler, ChannelHandlerContext) -> Void
    ) {
        deadline?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: TimeAmount(delay)) {
            let (handler, context) = bound.value
            action(handler, context)
        }
    }

    private func timedOut(_ context: ChannelHandlerContext) {
        guard case .readingHead = state else { return }
        // A connection opened in advance and never used is nobody's mistake: no answer is owed.
        guard parser.hasBegun else { return context.close(promise: nil) }
        answer(.text(.requestTimeout, "the request did not arrive in time\n"), context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .readingHead = state else { return }
        var buffer = unwrapInboundIn(data)
        do throws(ProtocolError) {
            if let head = try parser.parse(&buffer) { decide(head, leftover: buffer, context) }
        } catch {
            refuse(error, context)
        }
    }

    private func decide(_ head: HTTPRequestHead, leftover: ByteBuffer, _ context: ChannelHandlerContext) {
        switch server.router.decide(head) {
        case .answer(let page):
            log(context, head.request, status: page.status)
            answer(page, context)
        case .refuse(let error):
            refuse(error, context)
        case .upgrade(let handshake, let route, let parameters):
            upgrade(handshake, route, parameters, leftover: leftover, context)
        }
    }

    private func upgrade(
        _ handshake: ServerHandshake,
        _ route: Router.Socket,
        _ parameters: [String: String],
        leftover: ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        let subprotocol = handshake.choose(subprotocolFrom: route.subprotocols)
        do {
            let deflate = server.compression(handshake.request).flatMap {
                DeflateAgreement.answer(to: handshake.offeredExtensions, $0)
            }
            let response = try handshake.acceptance(
                subprotocol: subprotocol,
                extensions: deflate.map { [$0.answer] } ?? []
            )
            state = .done
            deadline?.cancel()
            let channel = context.channel
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(bytes: HTTPHeadSerializer.bytes(of: response))),
                promise: nil
            )
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
            let socket = try ChannelTransport.start(
                on: channel,
                role: .server,
                request: handshake.request,
                subprotocol: subprotocol,
                compression: deflate?.agreement,
                options: server.options,
                leftover: leftover
            )
            log(context, handshake.request, status: response.status, connection: socket)
            route.service.start(
                socket,
                parameters: parameters,
                executor: executor,
                registry: server.registry,
                logger: server.logger
            )
            server.registry.removeHandshaking(channel)
        } catch {
            server.logger.error("an upgrade failed", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    private func refuse(_ error: ProtocolError, _ context: ChannelHandlerContext) {
        server.logger.debug(
            "refused",
            metadata: [
                "peer": "\(context.remoteAddress.map(String.init(describing:)) ?? "")", "reason": "\(error)",
            ]
        )
        answer(HTTPAnswer(refusing: error), context)
    }

    private func answer(_ answer: HTTPAnswer, _ context: ChannelHandlerContext) {
        state = .done
        let bytes = answer.bytes(date: HTTPDate.now())
        context.write(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        context.flush()
        // RFC 9112 §9.6: closing at once while the peer still sends would reset the connection and could
        // destroy the answer; so this half is ended, and the rest is read and dropped for a while.
        context.close(mode: .output, promise: nil)
        schedule(server.options.closeTimeout, context) { _, context in context.close(promise: nil) }
    }

    private func log(
        _ context: ChannelHandlerContext,
        _ request: HTTPRequest,
        status: HTTPResponse.Status,
        connection: WebSocketConnection? = nil
    ) {
        // Without the query: it may hold a secret.
        let path = request.path.map { String($0.prefix { $0 != "?" }) } ?? ""
        var metadata: Logger.Metadata = [
            "peer": "\(context.remoteAddress.map(String.init(describing:)) ?? "")",
            "path": "\(path)", "status": "\(status.code)",
        ]
        guard let connection else { return server.logger.debug("answered", metadata: metadata) }
        metadata["connection"] = "\(connection.id)"
        server.logger.debug("opened", metadata: metadata)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            switch state {
            // A request that stops in the middle cannot be answered.
            case .readingHead: context.close(promise: nil)
            // The answer may still be on its way; it is the last thing.
            case .done: context.close(mode: .output, promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .done
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("failed before the upgrade", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }
}
