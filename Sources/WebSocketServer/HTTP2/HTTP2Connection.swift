import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOSSL
import WebSocketProtocol
import WebSocketTransport

/// One connection of HTTP/2: hands the frames of its streams to them, and ends when there is nothing more to do.
///
/// SwiftNIO's handler below it knows the protocol, and has judged every frame that comes here. What a stream may send
/// is decided here and by the stream: SwiftNIO's own channels for streams would keep each frame in a buffer of its
/// own, however small, and a whole read of the socket with it.
final class HTTP2Connection: LoopTimerOwner {
    private enum State {
        /// The client has yet to say how it wants it, and that it knows how we do.
        case opening(hasSettings: Bool, hasAcknowledged: Bool)
        case serving
        /// No new stream is taken; when the last is over, so is the connection.
        case leaving
        /// All has been said; the client's end is awaited, and what it sends is dropped.
        case lingering
        case over
    }

    let loop: ServerLoop
    let options: WebSocketServer.HTTP2Options
    let peer: PeerAddress
    let isSecure: Bool
    let peerCertificate: NIOSSLCertificate?
    let allocator: ByteBufferAllocator
    private let channel: any Channel
    private let meter: FrameMeterHandler
    var timer = LoopTimer()

    private var context: ChannelHandlerContext?
    private var place: LoopConnections.Place?
    private var state = State.opening(hasSettings: false, hasAcknowledged: false)
    private var streams: [HTTP2StreamID: HTTP2Stream] = [:]
    /// The last that was taken.
    private var lastStream = HTTP2StreamID.rootStream
    /// Whether SwiftNIO has given the connection up.
    private var hasFailed = false
    private var isReading = false
    private var mustFlush = false

    /// Bytes that all streams together may have on their way to us.
    private var targetWindow: Int { min(4 * Self.window(options), Int(Int32.max)) }

    static func window(_ options: WebSocketServer.HTTP2Options) -> Int {
        min(max(options.initialWindow, 1024), Int(Int32.max) / 4)
    }

    /// Serves a connection whose client is about to say, or has said, that it speaks HTTP/2. To be called on its loop.
    ///
    /// - Parameters:
    ///   - place: where the loop's list has it.
    ///   - peer: whom it is from.
    ///   - deadline: when the client must have said how.
    static func start(
        on channel: any Channel,
        _ loop: ServerLoop,
        _ options: WebSocketServer.HTTP2Options,
        at place: LoopConnections.Place,
        from peer: PeerAddress,
        deadline: NIODeadline
    ) throws {
        let connection = HTTP2Connection(channel, loop, options, peer)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(connection.meter)
        try pipeline.addHandler(
            NIOHTTP2Handler(
                mode: .server,
                frameDelegate: connection,
                connectionConfiguration: connection.configuration,
                streamConfiguration: connection.streamConfiguration
            )
        )
        try pipeline.addHandler(connection)
        connection.place = place
        loop.connections.replace(by: connection, at: place)
        connection.setTimer(at: deadline, on: loop.eventLoop)
        if loop.connections.isDraining { connection.drainBegan() }
    }

    private init(
        _ channel: any Channel,
        _ loop: ServerLoop,
        _ options: WebSocketServer.HTTP2Options,
        _ peer: PeerAddress
    ) {
        self.channel = channel
        self.loop = loop
        self.options = options
        allocator = channel.allocator
        self.peer = peer
        let tls = try? channel.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
        isSecure = tls != nil
        peerCertificate = tls?.peerCertificate
        meter = FrameMeterHandler(FrameMeter(limit: options.maxControlFrames, now: loop.eventLoop.now))
        meter.connection = self
    }

    private var configuration: NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: maxStreams),
            HTTP2Setting(parameter: .initialWindowSize, value: Self.window(options)),
            // Twice what is served: a request between the two is answered 431, one beyond it ends the connection.
            HTTP2Setting(
                parameter: .maxHeaderListSize,
                value: min(max(loop.server.options.limits.maxHeadSize, 1 << 10), 1 << 20) * 2
            ),
            // RFC 8441 §3.
            HTTP2Setting(parameter: .enableConnectProtocol, value: 1),
        ]
        // The protocol core is stricter; and a client may use extended CONNECT as soon as it has our settings, which
        // is before it has acknowledged them.
        configuration.headerBlockValidation = .disabled
        configuration.contentLengthValidation = .disabled
        // SwiftNIO would count them over the whole life of the connection; the meter counts them by the time.
        configuration.maximumSequentialEmptyDataFrames = .max
        configuration.controlFrameRateLimit.maximumCount = Self.count(options.maxControlFrames)
        configuration.controlFrameRateLimit.windowLength = .seconds(Int64(FrameMeter.seconds))
        // What is still on its way to streams that were reset together is no mistake of the client's.
        configuration.maximumRecentlyResetStreams = 2 * maxStreams
        return configuration
    }

    private var streamConfiguration: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.streamResetFrameRateLimit.maximumCount = Self.count(options.maxResets)
        configuration.streamErrorRateLimit.maximumCount = Self.count(options.maxResets)
        return configuration
    }

    /// SwiftNIO sets room aside for as many times.
    private static func count(_ limit: Int) -> Int { min(max(limit, 1), 1 << 16) }

    private var maxStreams: Int { Self.count(options.maxConcurrentStreams) }
}

// MARK: - From the client

extension HTTP2Connection: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let more = targetWindow - 65_535
        if more > 0 { write(.windowUpdate(windowSizeIncrement: more), to: .rootStream) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        let frame = unwrapInboundIn(data)
        switch frame.payload {
        case .headers(let headers): received(headers, on: frame.streamID)
        case .data(let data):
            guard case .byteBuffer(let bytes) = data.data else { return }
            streams[frame.streamID]?.received(bytes, isLast: data.endStream)
        case .settings(.settings): opened { hasSettings, _ in hasSettings = true }
        case .settings(.ack): opened { _, hasAcknowledged in hasAcknowledged = true }
        case .goAway: leave(saying: nil)
        // The rest is between SwiftNIO and the client, and what comes of it is told below.
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as NIOHTTP2StreamCreatedEvent:
            guard let size = event.remoteInitialWindowSize else { return }
            streams[event.streamID]?.windowIs(Int(size))
        case let event as NIOHTTP2WindowUpdatedEvent:
            guard let left = event.inboundWindowSize else { return }
            if event.streamID == .rootStream {
                openWindow(left)
            } else {
                streams[event.streamID]?.windowIs(left)
            }
        case let event as NIOHTTP2BulkStreamWindowChangeEvent:
            for stream in streams.values { stream.windowChanged(by: event.delta) }
        case let event as StreamClosedEvent:
            guard let stream = streams.removeValue(forKey: event.streamID) else { return }
            stream.closed(event.reason)
            streamsChanged()
        case ChannelEvent.inputClosed: clientEnded(nil)
        case is ChannelShouldQuiesceEvent: drainBegan()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        clientEnded(nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case NIOSSLError.uncleanShutdown = error { return clientEnded(nil) }
        if !hasFailed, error is any NIOHTTP2Error {
            // One stream's, which SwiftNIO has reset.
            return loop.server.logger.debug("a stream failed", metadata: ["error": "\(error)"])
        }
        loop.server.logger.debug("HTTP/2 failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
        guard hasFailed else { return clientEnded(EndCause(error)) }
        linger(.network("HTTP/2: \(error)"))
    }

    /// The connection's window does not wait for anybody to read: each stream's own bounds what it holds.
    private func openWindow(_ left: Int) {
        let missing = targetWindow - left
        guard missing >= targetWindow / 2 else { return }
        write(.windowUpdate(windowSizeIncrement: missing), to: .rootStream)
    }

    private func received(_ headers: HTTP2Frame.FramePayload.Headers, on id: HTTP2StreamID) {
        if let stream = streams[id] {
            // Trailers, which say nothing to a WebSocket but that they are the last (RFC 9113 §8.1).
            if headers.endStream { stream.received(ByteBuffer(), isLast: true) }
            return
        }
        switch state {
        case .opening, .serving: break
        case .leaving, .lingering, .over: return write(.rstStream(.refusedStream), to: id)
        }
        // A client that has not acknowledged our settings may not know the limit.
        guard streams.count < maxStreams else { return write(.rstStream(.refusedStream), to: id) }
        lastStream = max(lastStream, id)
        let stream = HTTP2Stream(id, of: self)
        streams[id] = stream
        streamsChanged()
        HTTP2Request.start(headers.headers, isLast: headers.endStream, on: stream, of: self)
    }

    private func opened(_ change: (inout Bool, inout Bool) -> Void) {
        guard case .opening(var hasSettings, var hasAcknowledged) = state else { return }
        change(&hasSettings, &hasAcknowledged)
        state = .opening(hasSettings: hasSettings, hasAcknowledged: hasAcknowledged)
        guard hasSettings, hasAcknowledged else { return }
        state = .serving
        cancelTimer(on: loop.eventLoop)
        streamsChanged()
    }
}

// MARK: - To the client

extension HTTP2Connection {
    func write(
        _ payload: HTTP2Frame.FramePayload,
        to id: HTTP2StreamID,
        _ promise: EventLoopPromise<Void>? = nil
    ) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)), promise: promise)
        guard !mustFlush else { return }
        mustFlush = true
        // What streams say in one turn goes out together.
        if isReading { return }
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        loop.eventLoop.execute { bound.value.flush() }
    }

    func flush() {
        guard mustFlush else { return }
        mustFlush = false
        context?.flush()
    }
}

extension HTTP2Connection: NIOHTTP2FrameDelegate {
    func wroteFrame(_ frame: HTTP2Frame) {
        switch frame.payload {
        case .data: meter.meter.sentData()
        case .goAway(_, let code, _) where code != .noError: hasFailed = true
        default: break
        }
    }
}

// MARK: - The end

extension HTTP2Connection: UnopenedConnection {
    /// Streams came or went.
    private func streamsChanged() {
        switch state {
        case .serving where streams.isEmpty:
            setTimer(at: loop.eventLoop.now + TimeAmount(options.idleTimeout), on: loop.eventLoop)
        case .serving: cancelTimer(on: loop.eventLoop)
        case .leaving where streams.isEmpty: linger(nil)
        default: break
        }
    }

    func timerFired() {
        switch state {
        // RFC 9113 §6.5.3. A connection opened in advance and never used is nobody's mistake.
        case .opening(true, false): fail(.settingsTimeout, "the settings were not acknowledged in time")
        case .opening: abort()
        case .serving: leave(saying: .noError)
        case .lingering: abort()
        case .leaving, .over: break
        }
    }

    /// Takes no new streams from here on (RFC 9113 §6.8).
    func drainBegan() { leave(saying: .noError) }

    /// - Parameter code: what to tell the client, unless it has said so itself.
    private func leave(saying code: HTTP2ErrorCode?) {
        switch state {
        case .opening, .serving: break
        case .leaving, .lingering, .over: return
        }
        state = .leaving
        cancelTimer(on: loop.eventLoop)
        if let code {
            write(.goAway(lastStreamID: lastStream, errorCode: code, opaqueData: nil), to: .rootStream)
        }
        streamsChanged()
    }

    /// The client has broken a rule that SwiftNIO does not know.
    func fail(_ code: HTTP2ErrorCode, _ why: String) {
        switch state {
        case .opening, .serving, .leaving: break
        case .lingering, .over: return
        }
        loop.server.logger.debug("HTTP/2 failed", metadata: ["peer": "\(peer)", "error": "\(why)"])
        hasFailed = true
        // None of its streams is served any more, and SwiftNIO drops them all.
        let opaque = ByteBuffer(string: why)
        write(.goAway(lastStreamID: lastStream, errorCode: code, opaqueData: opaque), to: .rootStream)
        linger(.network("HTTP/2: \(why)"))
    }

    /// Ends this half, and waits for the client's end for a while: to close at once while it still sends could destroy
    /// what it was told last.
    ///
    /// - Parameter cause: what to tell the streams there still are.
    private func linger(_ cause: EndCause?) {
        switch state {
        case .opening, .serving, .leaving: break
        case .lingering, .over: return
        }
        state = .lingering
        meter.isShut = true
        endStreams(cause)
        flush()
        setTimer(at: loop.eventLoop.now + TimeAmount(loop.server.options.closeTimeout), on: loop.eventLoop)
        channel.close(mode: .output, promise: nil)
    }

    private func clientEnded(_ cause: EndCause?) {
        guard !isOver else { return }
        endStreams(cause)
        abort()
    }

    private func endStreams(_ cause: EndCause?) {
        let ended = streams
        streams = [:]
        for stream in ended.values { stream.connectionEnded(cause) }
    }

    private var isOver: Bool { if case .over = state { true } else { false } }

    /// Hangs up.
    func abort() {
        guard !isOver else { return }
        state = .over
        meter.isShut = true
        cancelTimer(on: loop.eventLoop)
        endStreams(.reset)
        flush()
        ChannelTransport.cut(channel)
        if let place { loop.remove(at: place) }
    }
}
