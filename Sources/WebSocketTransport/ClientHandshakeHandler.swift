import HTTPTypes
import NIOCore
import WebSocketProtocol

/// The client's opening handshake on a channel: sends the request, judges the answer, and leaves the
/// pipeline to the ``ChannelTransport``.
final class ClientHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case readingHead
        case readingBody(HTTPResponse)
        case done
    }

    private let handshake: ClientHandshake
    private let requestBytes: [UInt8]
    private let options: ConnectionOptions
    private let callbacks: ConnectionCallbacks?
    private let promise: EventLoopPromise<WebSocketConnection.Opened>
    // Apart from the state, so that it is changed in place and not copied at every read.
    private var parser: HTTPResponseParser
    private var body: RefusalBody?
    private var state = State.readingHead
    private var deadline: Scheduled<Void>?
    private var interimAnswers = 0

    /// Answers such as 103 may come before the real one (RFC 9110 §15.2); more than this is no server.
    static let maxInterimAnswers = 8

    init(
        handshake: ClientHandshake,
        options: ConnectionOptions,
        callbacks: ConnectionCallbacks? = nil,
        promise: EventLoopPromise<WebSocketConnection.Opened>
    ) throws(UsageError) {
        self.handshake = handshake
        requestBytes = try HTTPHeadSerializer.bytes(of: handshake.request)
        self.options = options
        self.callbacks = callbacks
        self.promise = promise
        parser = HTTPResponseParser(limits: options.limits)
    }

    func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: TimeAmount(options.handshakeTimeout)) {
            bound.value.handler.fail(.handshakeTimeout, bound.value.context)
        }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: requestBytes)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        while buffer.readableBytes > 0 {
            switch state {
            case .readingHead:
                do throws(ProtocolError) {
                    if let head = try parser.parse(&buffer) { answered(head, leftover: buffer, context) }
                } catch {
                    fail(.handshakeRefused(error), context)
                }
            case .readingBody:
                body?.append(buffer.readableBytesView)
                if body?.isComplete == true { refused(context) }
                return
            case .done:
                return
            }
        }
    }

    private func answered(_ response: HTTPResponse, leftover: ByteBuffer, _ context: ChannelHandlerContext) {
        if (100..<200).contains(response.status.code), response.status.code != 101,
            interimAnswers < Self.maxInterimAnswers
        {
            interimAnswers += 1
            parser = HTTPResponseParser(limits: options.limits)
            return
        }
        do throws(ProtocolError) {
            let agreement = try handshake.check(response)
            open(agreement, try compression(in: agreement), leftover: leftover, context)
        } catch .unexpectedStatus {
            let body = RefusalBody(of: response)
            self.body = body
            state = .readingBody(response)
            if body.isComplete { refused(context) }
        } catch {
            fail(.handshakeRefused(error), context, response: response)
        }
    }

    /// RFC 7692 §7.1: an answer that does not fit the offer fails the connection.
    private func compression(
        in agreement: ClientHandshake.Agreement
    ) throws(ProtocolError) -> DeflateAgreement? {
        // The only extension that is ever offered.
        guard let answer = agreement.extensions.first, let offered = options.compression else { return nil }
        return try DeflateAgreement(answer: answer, to: offered)
    }

    private func open(
        _ agreement: ClientHandshake.Agreement,
        _ compression: DeflateAgreement?,
        leftover: ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        state = .done
        deadline?.cancel()
        let channel = context.channel
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        promise.completeWith(
            Result {
                let connection = try ChannelTransport.start(
                    on: channel,
                    role: .client,
                    request: handshake.request,
                    subprotocol: agreement.subprotocol,
                    compression: compression,
                    options: options,
                    callbacks: callbacks,
                    leftover: leftover
                )
                return WebSocketConnection.Opened(connection: connection, response: agreement.response)
            }
        )
    }

    /// The whole answer is here, or as much of it as will come.
    private func refused(_ context: ChannelHandlerContext) {
        guard case .readingBody(let response) = state else { return }
        fail(
            .handshakeRefused(.unexpectedStatus(response.status.code)),
            context,
            response: response,
            body: body?.bytes ?? []
        )
    }

    private func fail(
        _ cause: EndCause,
        _ context: ChannelHandlerContext,
        response: HTTPResponse? = nil,
        body: [UInt8] = []
    ) {
        switch state {
        case .done: return
        case .readingBody where response == nil: return refused(context)
        default: break
        }
        state = .done
        deadline?.cancel()
        promise.fail(ConnectError(cause, response: response, body: body))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.endOfStream, context)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { fail(.endOfStream, context) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(EndCause(error), context)
    }
}
