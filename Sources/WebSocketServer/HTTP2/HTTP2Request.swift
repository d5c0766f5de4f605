import HTTPTypes
import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOSSL
import WebSocketProtocol
import WebSocketTransport

/// The request that opened a stream of HTTP/2, which either becomes a WebSocket or is answered.
///
/// What ``RequestReader`` is to a connection of HTTP/1.1: the first input of the stream's transport.
final class HTTP2Request: LoopTimerOwner {
    private enum State {
        case deciding(Opening?)
        /// What is left of the answer's body is sent as the client makes room.
        case answering(body: [UInt8], sent: Int)
        /// A file is on its way.
        case sending(BodyPump, stallTimeout: Duration)
        case done
    }

    private let connection: HTTP2Connection
    private let stream: HTTP2Stream
    private var server: RequestReader.Context { loop.server }
    var timer = LoopTimer()
    private var state = State.deciding(nil)
    /// Where the loop's list has it.
    private(set) var place: LoopConnections.Place?
    /// Whom the request is from. A trusted proxy's fields may name somebody else than the connection does.
    var peer: PeerAddress
    private var isHeadRequest = false

    private static let pieceOfBody = 64 << 10

    static func start(
        _ headers: HPACKHeaders,
        isLast: Bool,
        on stream: HTTP2Stream,
        of connection: HTTP2Connection
    ) {
        let request = HTTP2Request(connection, stream)
        stream.input = request
        let place = connection.loop.connections.add(request)
        request.place = place
        let loop = connection.loop
        guard loop.server.admission.acceptsStream(from: request.peer, at: place, on: loop) else {
            return request.abort()
        }
        request.setTimer(after: connection.loop.server.options.handshakeTimeout)
        request.begin(headers, isLast: isLast)
    }

    private init(_ connection: HTTP2Connection, _ stream: HTTP2Stream) {
        self.connection = connection
        self.stream = stream
        peer = connection.peer
    }

    private func begin(_ headers: HPACKHeaders, isLast: Bool) {
        do throws(ProtocolError) {
            var head = try HTTPRequestHead(
                http2: headers.lazy.map { (name: $0.name, value: $0.value) },
                limits: server.options.limits
            )
            isHeadRequest = head.isMethod(.head)
            if head.isMethod(.connect) {
                guard head.asksForWebSocket else {
                    throw .unsupportedProtocol(head.request.extendedConnectProtocol)
                }
                // RFC 8441 §5: the stream is the WebSocket, in both directions.
                guard !isLast else { throw .streamEndedInRequest }
                if connection.options.toleratesMissingVersion,
                    head.request.headerFields[.secWebSocketVersion] == nil
                {
                    head.request.headerFields[.secWebSocketVersion] = "13"
                }
            }
            let opening = Opening(head, self)
            state = .deciding(opening)
            opening.begin()
        } catch {
            let refusal = HTTPAnswer(refusing: error)
            server.observer.refused(
                .rule(error),
                status: refusal.status.code,
                peer: peer,
                on: loop.eventLoop
            )
            answer(refusal)
        }
    }

    private func setTimer(after limit: Duration) {
        setTimer(at: loop.eventLoop.now + TimeAmount(limit), on: loop.eventLoop)
    }

    func timerFired() {
        guard case .deciding(let opening) = state else { return abort() }
        opening?.cancel(.undecided, status: HTTPAnswer.undecided.status)
        answer(.undecided)
    }

    /// - Returns: false when all was over before.
    private func finish() -> Bool {
        switch state {
        case .done: return false
        case .deciding(let opening): opening?.cancel()
        case .sending(let pump, _): pump.stop()
        case .answering: break
        }
        state = .done
        cancelTimer(on: loop.eventLoop)
        return true
    }

    private func leave() {
        guard finish() else { return }
        if let place { loop.remove(at: place) }
    }
}

extension HTTP2Request: UnopenedConnection {
    func drainBegan() {
        // What is being answered goes on until the deadline.
        if case .deciding(let opening) = state { opening?.drainBegan() }
    }

    func abort() {
        // RFC 9113 §8.7: of what is refused nothing has come, so that the client may ask again, elsewhere.
        let code: NIOHTTP2.HTTP2ErrorCode = if case .deciding = state { .refusedStream } else { .cancel }
        leave()
        stream.reset(code)
    }
}

// MARK: - From the stream

extension HTTP2Request: ConnectionInput {
    // What comes while nothing is decided waits with the stream, and is for whoever is next.
    func received(_ bytes: UnsafeMutableRawBufferPointer) {}
    func inputEnded() { leave() }
    func failed(_ cause: EndCause) { leave() }

    func written() {
        switch state {
        case .answering(let body, let sent):
            guard sent == body.count else {
                setTimer(after: server.options.handshakeTimeout)
                return send(body, from: sent)
            }
            leave()
            // RFC 9113 §8.1: nothing that the client may still send of the request is wanted.
            if stream.hasEnded { stream.letGo() } else { stream.reset(.noError) }
        case .sending(let pump, let stallTimeout):
            setTimer(after: stallTimeout)
            pump.pull()
        case .deciding, .done: break
        }
    }
}

// MARK: - Deciding

extension HTTP2Request: OpeningCarrier {
    var loop: ServerLoop { connection.loop }
    var isSecure: Bool { connection.isSecure }
    var httpVersion: HTTPVersion { .http2 }
    var peerCertificate: NIOSSLCertificate? { connection.peerCertificate }

    func open(_ acceptance: Acceptance) {
        guard case .deciding = state, let place else { return }
        let handshake = acceptance.handshake
        let response: HTTPResponse
        let agreement: DeflateAgreement?
        do throws(UsageError) {
            (response, agreement) = try handshake.acceptance(
                subprotocol: acceptance.subprotocol,
                compression: acceptance.compression,
                headers: acceptance.headers
            )
        } catch {
            server.logger.error("an upgrade failed", metadata: ["error": "\(error)"])
            acceptance.watch.refused(.wrongTerms, status: HTTPAnswer.upgradeFailed.status.code, by: self)
            return answer(.upgradeFailed)
        }
        connection.write(.headers(.init(headers: Self.headers(of: response))), to: stream.id)
        // SwiftNIO says within the write that the peer has gone, and then the place has been left.
        guard case .deciding = state else {
            return acceptance.watch.refused(.clientGone, status: nil, by: self)
        }
        let (socket, input) = WebSocketConnection.start(
            on: stream,
            role: .server,
            request: .whole(handshake.request),
            subprotocol: acceptance.subprotocol,
            compression: agreement,
            peer: peer,
            options: acceptance.options,
            eventLoop: loop.eventLoop,
            attachment: acceptance.attachment,
            traffic: loop.traffic
        )
        stream.input = input
        _ = finish()
        acceptance.start(socket, by: self, at: place)
        // The connection may have paused it, for reasons of its own.
        if socket.isolated?.isReadingPaused == false { stream.resumeReading() }
    }

    func answer(_ answer: HTTPAnswer) {
        guard case .deciding = state else { return }
        var answer = isHeadRequest ? answer.withoutContent : answer
        answer.headers[.date] = HTTPDate.now()
        answer.setLength()
        stream.ignoreInput()
        // RFC 9110 §15.5.22: 426 names what to upgrade to, and HTTP/2 has no field for that.
        if answer.status.code == 426 { answer.status = .badRequest }
        let response = HTTPResponse(status: answer.status, headerFields: answer.headers)
        connection.write(.headers(.init(headers: Self.headers(of: response))), to: stream.id)
        // As in ``open(_:)``: whoever is done must not wait for anything, or it would leave its place once more.
        guard case .deciding = state else { return }
        if case .source(let source) = answer.content { return send(source) }
        setTimer(after: server.options.handshakeTimeout)
        send(answer.body, from: 0)
    }

    private func send(_ source: any BodySource) {
        // Each holds the other, until the last piece or ``finish()``.
        let pump = BodyPump(source, on: loop.eventLoop) { self.send($0) }
        state = .sending(pump, stallTimeout: source.stallTimeout)
        setTimer(after: source.stallTimeout)
        pump.pull()
    }

    private func send(_ piece: BodyPump.Piece) {
        guard case .sending = state else { return }
        switch piece {
        case .failed(let error):
            server.logger.warning("a file could not be sent to its end", metadata: ["error": "\(error)"])
            leave()
            stream.reset(.internalError)
        case .bytes(let bytes, isLast: true):
            state = .answering(body: [], sent: 0)
            _ = stream.writeLast(bytes.span.bytes)
        case .bytes(let bytes, isLast: false):
            _ = stream.write(bytes.span.bytes, RawSpan())
        }
    }

    private func send(_ body: [UInt8], from start: Int) {
        let end = min(start + Self.pieceOfBody, body.count)
        state = .answering(body: body, sent: end)
        let piece = body.span.bytes.extracting(start..<end)
        _ = end == body.count ? stream.writeLast(piece) : stream.write(piece, RawSpan())
    }

    /// A response's fields as HTTP/2 has them: names in small letters, and none that are about an HTTP/1.1 connection
    /// (RFC 9113 §8.2).
    private static func headers(of response: HTTPResponse) -> HPACKHeaders {
        var headers = HPACKHeaders([(":status", String(response.status.code))])
        for field in response.headerFields where !ofConnection.contains(field.name.canonicalName) {
            headers.add(name: field.name.canonicalName, value: field.value)
        }
        return headers
    }

    private static let ofConnection: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
    ]
}
