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
    let parameters: [String: String]
    let service: SocketService
    let subprotocol: String?
    /// What to agree to, where the client offers it.
    let compression: DeflateOptions?
    let headers: HTTPFields
    let options: ConnectionOptions
    let attachment: SocketContext
    let expiry: SessionExpiry?
}

/// One request on its way to a decision, whatever carries it: exactly one of ``OpeningCarrier/answer(_:)`` and
/// ``OpeningCarrier/open(_:)`` follows ``begin()``, at once or later, unless ``cancel()`` comes before.
final class Opening {
    private let head: HTTPRequestHead
    private let loop: ServerLoop
    private var server: RequestReader.Context { loop.server }
    /// Until it is decided.
    private var carrier: (any OpeningCarrier)?
    /// Asks the route's hook.
    private var asking: Task<Void, Never>?
    /// Whether the client spoke TLS, to us or to a proxy that is trusted.
    private var isSecure = false

    init(_ head: HTTPRequestHead, _ carrier: any OpeningCarrier) {
        self.head = head
        self.carrier = carrier
        loop = carrier.loop
    }

    func begin() {
        switch server.router.decide(head) {
        case .answer(let page): answer(page)
        case .refuse(let error): refuse(error)
        case .upgrade(let handshake, let route, let parameters):
            if let refusal = admit(handshake) { return answer(refusal) }
            if let gate = route.gate {
                ask(gate, handshake, route, parameters)
            } else if let service = route.service {
                accept(handshake, route, parameters, service, value: nil, UpgradeTerms())
            }
        }
    }

    /// The client has gone, or waits no more.
    func cancel() {
        carrier = nil
        asking?.cancel()
    }

    /// Whether the request may be considered at all.
    private func admit(_ handshake: ServerHandshake) -> HTTPAnswer? {
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
            let peer = carrier.peer.address.map(String.init(describing:)) ?? ""
            server.logger.debug("refused", metadata: ["peer": "\(peer)", "rule": "\(refusal.rawValue)"])
            return answer
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
        asking = Task(executorPreference: loop.executor) { [loop] in
            // The executor is this task's only as long as somebody holds it.
            defer { withExtendedLifetime(loop) {} }
            let decision: Result<UpgradeGate.Decision, any Error>
            do {
                decision = .success(try await gate.decide(request))
            } catch {
                decision = .failure(error)
            }
            loop.eventLoop.execute { bound.value.decided(decision, handshake, route, parameters) }
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
            answer(refusal)
        case .failure(let error):
            guard carrier != nil else { return }
            server.logger.error("an upgrade hook failed", metadata: ["error": "\(error)"])
            answer(.upgradeFailed)
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
        let subprotocol =
            switch terms.subprotocol {
            case .automatic: handshake.choose(subprotocolFrom: route.subprotocols)
            case .none: nil as String?
            case .named(let name): name
            }
        let options = terms.connection ?? server.options
        let acceptance = Acceptance(
            handshake: handshake,
            parameters: parameters,
            service: service,
            subprotocol: subprotocol,
            compression: server.compression(handshake, options),
            headers: terms.headers,
            options: options,
            attachment: value.map { SocketContext(topics: server.topics, value: $0) } ?? server.plainContext,
            expiry: terms.expiry
        )
        let carrier = carrier.take()
        carrier?.open(acceptance)
    }

    private func refuse(_ error: ProtocolError) {
        // The rule's name alone: what broke it may hold a secret.
        let peer = carrier?.peer.address.map(String.init(describing:)) ?? ""
        server.logger.debug("refused", metadata: ["peer": "\(peer)", "rule": "\(error.rule)"])
        answer(HTTPAnswer(refusing: error))
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
