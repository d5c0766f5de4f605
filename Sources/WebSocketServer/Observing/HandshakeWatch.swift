import HTTPTypes
import NIOCore
import Tracing
import WebSocketProtocol
import WebSocketTransport

/// One opening handshake as those who watch a server see it: from the request to what became of it, which is told once.
struct HandshakeWatch {
    private let observer: ServerObserver
    private let head: HTTPRequestHead
    private let began = NIODeadline.now()
    private let span: (any Span)?

    /// A request for a WebSocket has been read.
    ///
    /// - Parameter route: the pattern of the route that serves it, if one does.
    init(_ head: HTTPRequestHead, route: String?, by carrier: any OpeningCarrier, _ observer: ServerObserver)
    {
        self.observer = observer
        self.head = head
        span = observer.tracer.map { Self.span(of: head, route, carrier, $0) }
    }

    /// It has been answered, and the connection is open.
    func opened(_ socket: WebSocketConnection, _ acceptance: Acceptance, by carrier: any OpeningCarrier) {
        observer.log.opened(socket, acceptance, by: carrier)
        if let metrics = observer.metrics {
            metrics.opened(route: acceptance.route.path, carrier.httpVersion)
            metrics.decided(after: NIODeadline.now() - began)
        }
        end(status: carrier.httpVersion == .http2 ? 200 : 101, nil)
    }

    /// It has opened no WebSocket.
    ///
    /// - Parameter status: `nil` where nothing was answered.
    func refused(_ reason: RefusalReason, status: Int?, by carrier: any OpeningCarrier) {
        observer.refused(
            reason,
            status: status,
            peer: carrier.peer,
            target: head.target,
            on: carrier.loop.eventLoop
        )
        observer.metrics?.decided(after: NIODeadline.now() - began)
        end(status: status, reason)
    }

    /// Runs `body` so that the tasks it starts belong to the trace.
    func withContext(_ body: () -> Void) {
        guard let span else { return body() }
        ServiceContext.withValue(span.context, operation: body)
    }
}

// MARK: - The trace

extension HandshakeWatch {
    /// Where a request's fields say which trace it belongs to: `traceparent`, or whatever the tracer looks for.
    private struct Fields: Extractor {
        func extract(key: String, from fields: HTTPFields) -> String? {
            HTTPField.Name(key).flatMap { fields[$0] }
        }
    }

    /// By the names of OpenTelemetry's conventions for HTTP servers; the query is not told.
    private static func span(
        of head: HTTPRequestHead,
        _ route: String?,
        _ carrier: any OpeningCarrier,
        _ tracer: any Tracer
    ) -> any Span {
        let request = head.request
        var context = ServiceContext.topLevel
        tracer.extract(request.headerFields, into: &context, using: Fields())
        let method = request.method.rawValue
        let span = tracer.startSpan(
            route.map { "\(method) \($0)" } ?? method,
            context: context,
            ofKind: .server
        )
        guard span.isRecording else { return span }
        var attributes = span.attributes
        attributes["http.request.method"] = method
        attributes["url.scheme"] = carrier.isSecure ? "https" : "http"
        attributes["url.path"] = ConnectionLog.path(of: head.target)
        attributes["network.protocol.name"] = "http"
        attributes["network.protocol.version"] = carrier.httpVersion.name
        if let route { attributes["http.route"] = route }
        if let address = carrier.peer.address {
            if let host = address.ipAddress { attributes["client.address"] = host }
            if let port = address.port, port != 0 { attributes["client.port"] = port }
        }
        span.attributes = attributes
        return span
    }

    private func end(status: Int?, _ reason: RefusalReason?) {
        guard let span else { return }
        if let status { span.attributes["http.response.status_code"] = status }
        if let reason { span.attributes["error.type"] = reason.rawValue }
        // As those conventions have it: what is the client's mistake is no error of the server's.
        if let reason, status ?? 500 >= 500 {
            span.setStatus(SpanStatus(code: .error, message: reason.rawValue))
        }
        span.end()
    }
}
