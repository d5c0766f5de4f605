import HTTPTypes
import Logging
import NIOCore
import NIOSSL
import WebSocketProtocol
import WebSocketTransport

/// How a request came and how it is answered: an HTTP/1.1 connection's reader, or one stream of HTTP/2. To be used on
/// its loop only.
protocol OpeningCarrier: AnyObject {
    var loop: ServerLoop { get }
    /// Whom the request is from. A trusted proxy's fields may name somebody else than the connection does.
    var peer: PeerAddress { get set }
    /// Where the loop's list has the connection.
    var place: LoopConnections.Place? { get }
    var isSecure: Bool { get }
    var httpVersion: HTTPVersion { get }
    var peerCertificate: NIOSSLCertificate? { get }

    /// Answers a request that opens no WebSocket, and is done with it.
    func answer(_ answer: HTTPAnswer)

    /// Accepts: sends the answer that opens the WebSocket, puts a connection on the transport, and starts the service.
    func open(_ acceptance: Acceptance)
}

/// A WebSocket that is to be opened.
struct Acceptance {
    let handshake: ServerHandshake
    /// As it came, query and all.
    let target: ArraySlice<UInt8>
    let route: Router.Socket
    let parameters: [String: String]
    let service: SocketService
    let subprotocol: String?
    /// What to agree to, where the client offers it.
    let compression: DeflateOptions?
    let headers: HTTPFields
    let options: ConnectionOptions
    let attachment: SocketContext
    let expiry: SessionExpiry?
    let watch: HandshakeWatch

    /// Begins to serve a connection that has been put on the transport. The carrier's last act.
    func start(_ socket: WebSocketConnection, by carrier: any OpeningCarrier, at place: LoopConnections.Place)
    {
        watch.opened(socket, self, by: carrier)
        if let expiry { socket.renew(expiry) }
        watch.withContext { service.start(socket, parameters: parameters, on: carrier.loop, at: place) }
    }
}

/// One request on its way to a decision, whatever carries it: exactly one of ``OpeningCarrier/answer(_:)`` and
/// ``OpeningCarrier/open(_:)`` follows ``begin()``, at once or later, unless ``cancel()`` comes before.
final class Opening {
    private let head: HTTPRequestHead
    private let loop: ServerLoop
    private var server: RequestReader.Context { loop.server }
    /// Until it is decided.
    private var carrier: (any OpeningCarrier)?
    /// From when a WebSocket has been asked for.
    private var watch: HandshakeWatch?
    /// Asks the route's hook.
    private var asking: Task<Void, Never>?
    /// Whether it will be answered and opens no WebSocket, though by what is not known yet.
    private(set) var isLookingForFile = false
    /// Whether the client spoke TLS, to us or to a proxy that is trusted.
    private var isSecure = false

    init(_ head: HTTPRequestHead, _ carrier: any OpeningCarrier) {
        self.head = head
        self.carrier = carrier
        loop = carrier.loop
    }

    func begin() {
        if let refusal = loop.connections.drainRefusal { return refuse(refusal, .draining) }
        switch server.router.decide(head) {
        case .answer(let page):
            guard head.asksForWebSocket else { return answer(page) }
            beginWatch(route: nil)
            refuse(page, .notServed)
        case .refuse(let error):
            beginWatch(route: nil)
            refuse(HTTPAnswer(refusing: error), .rule(error))
        case .file(let service, let segments): look(for: segments, in: service)
        case .upgrade(let handshake, let route, let parameters):
            beginWatch(route: route.path)
            if let refusal = admit(handshake) { return refuse(refusal.answer, refusal.reason) }
            if let gate = route.gate {
                ask(gate, handshake, route, parameters)
            } else if let service = route.service {
                accept(handshake, route, parameters, service, value: nil, UpgradeTerms())
            }
        }
    }

    private func beginWatch(route: String?) {
        watch = carrier.map { HandshakeWatch(head, route: route, by: $0, server.observer) }
    }

    /// The client has gone, or waits no more.
    ///
    /// - Parameter status: what the carrier answers by itself, if anything.
    func cancel(_ reason: RefusalReason = .clientGone, status: HTTPResponse.Status? = nil) {
        if let carrier = carrier.take() { watch?.refused(reason, status: status?.code, by: carrier) }
        asking?.cancel()
    }

    /// The server stops, and nothing has been decided.
    func drainBegan() {
        asking?.cancel()
        if let refusal = loop.connections.drainRefusal { refuse(refusal, .draining) }
    }

    /// Whether the request may be considered at all.
    private func admit(_ handshake: ServerHandshake) -> (answer: HTTPAnswer, reason: RefusalReason)? {
        guard let carrier else { return nil }
        let judgement = server.admission.judge(
            handshake,
            from: carrier.peer,
            isSecure: carrier.isSecure,
            at: carrier.place,
            of: loop.connections
        )
        switch judgement {
        case .admitted(let client):
            carrier.peer = client.address
            isSecure = client.isSecure
            return nil
        case .refused(let refusal, let answer):
            return (answer, RefusalReason(rawValue: refusal.rawValue))
        }
    }

    private func look(for segments: ArraySlice<String>, in service: FileService) {
        isLookingForFile = true
        service.answer(head.request, segments, on: loop.eventLoop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let found): self.answer(found)
            // Only the threads' own end: the process is about to stop.
            case .failure: self.answer(.undecided)
            }
        }
    }

    private func ask(
        _ gate: UpgradeGate,
        _ handshake: ServerHandshake,
        _ route: Router.Socket,
        _ parameters: [String: String]
    ) {
        guard let carrier else { return }
        let request = UpgradeRequest(
            request: handshake.request,
            parameters: parameters,
            remoteAddress: carrier.peer.address,
            isSecure: isSecure,
            httpVersion: carrier.httpVersion,
            offeredSubprotocols: handshake.offeredSubprotocols,
            peerCertificate: carrier.peerCertificate
        )
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        watch?.withContext {
            let registry = server.registry
            registry.hookBegan()
            asking = Task(executorPreference: loop.executor) { [loop] in
                // The executor is this task's only as long as somebody holds it.
                defer { withExtendedLifetime(loop) { registry.hookEnded() } }
                let decision: Result<UpgradeGate.Decision, any Error>
                do {
                    decision = .success(try await gate.decide(request))
                } catch {
                    decision = .failure(error)
                }
                loop.eventLoop.execute { bound.value.decided(decision, handshake, route, parameters) }
            }
        }
    }

    private func decided(
        _ decision: Result<UpgradeGate.Decision, any Error>,
        _ handshake: ServerHandshake,
        _ route: Router.Socket,
        _ parameters: [String: String]
    ) {
        asking = nil
        switch decision {
        case .success(.accept(let service, let value, let terms)):
            accept(handshake, route, parameters, service, value: value, terms)
        case .success(.refuse(let refusal)):
            refuse(refusal, .hook)
        case .failure(let error):
            guard carrier != nil else { return }
            server.logger.error("an upgrade hook failed", metadata: ["error": "\(error)"])
            refuse(.upgradeFailed, .hookFailed)
        }
    }

    private func accept(
        _ handshake: ServerHandshake,
        _ route: Router.Socket,
        _ parameters: [String: String],
        _ service: SocketService,
        value: (any Sendable)?,
        _ terms: UpgradeTerms
    ) {
        guard let watch else { return }
        let subprotocol =
            switch terms.subprotocol {
            case .automatic: handshake.choose(subprotocolFrom: route.subprotocols)
            case .none: nil as String?
            case .named(let name): name
            }
        let options = terms.connection ?? server.options
        let acceptance = Acceptance(
            handshake: handshake,
            target: head.target,
            route: route,
            parameters: parameters,
            service: service,
            subprotocol: subprotocol,
            compression: server.compression(handshake, options),
            headers: terms.headers,
            options: options,
            attachment: value.map { SocketContext(topics: server.topics, value: $0) } ?? server.plainContext,
            expiry: terms.expiry,
            watch: watch
        )
        let carrier = carrier.take()
        carrier?.open(acceptance)
    }

    private func refuse(_ answer: HTTPAnswer, _ reason: RefusalReason) {
        guard let carrier = carrier.take() else { return }
        watch?.refused(reason, status: answer.status.code, by: carrier)
        carrier.answer(answer)
    }

    private func answer(_ answer: HTTPAnswer) {
        let carrier = carrier.take()
        carrier?.answer(answer)
    }
}

extension HTTPAnswer {
    /// The server's own mistake.
    static let upgradeFailed = HTTPAnswer.text(.internalServerError, "the upgrade failed\n")
    /// The route's hook has not decided in time.
    static let undecided = HTTPAnswer.text(.serviceUnavailable, "the server did not decide in time\n")
}
