import HTTPTypes
import Logging
import NIOCore
import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// ``WebSocketServer/Admission`` at work: one for all event loops of a server.
final class AdmissionControl: Sendable {
    let clients: ClientResolver
    let proxyProtocol: ProxyProtocol
    private let origins: OriginCheck
    private let maxConnections: Int
    private let maxSockets: Int
    private let maxPerAddress: Int
    private let maxSocketsPerAddress: Int
    /// `nil` while nothing is limited by address: then no lock is taken.
    let addresses: AddressTable?
    private let rate: RateClock.Measure?
    private let allHandshakes = Mutex(RateClock())
    private let refusals = Mutex<[AdmissionRefusal: Int]>([:])
    private let lastWarning = Mutex<UInt64?>(nil)
    private let logger: Logger

    /// - Parameter host: what the server listens on, as it is configured; `nil` where others accept the connections,
    ///   and read what comes before the request.
    init(_ admission: WebSocketServer.Admission, host: String?, logger: Logger) throws(AdmissionError) {
        func atLeast(_ least: Int, _ value: Int?, _ setting: String) throws(AdmissionError) -> Int {
            guard let value else { return .max }
            guard value >= least else {
                throw AdmissionError(setting: setting, value: "\(value)", problem: "is less than \(least)")
            }
            return value
        }
        maxConnections = try atLeast(1, admission.maxConnections, "maxConnections")
        let above = maxConnections.addingReportingOverflow(1024)
        maxSockets = try atLeast(
            1,
            admission.maxSockets ?? (above.overflow ? nil : above.partialValue),
            "maxSockets"
        )
        maxPerAddress = try atLeast(1, admission.maxConnectionsPerAddress, "maxConnectionsPerAddress")
        let twice = maxPerAddress.addingReportingOverflow(max(maxPerAddress, 16))
        maxSocketsPerAddress = twice.overflow ? .max : twice.partialValue
        let mostAddresses = try atLeast(1, admission.maxTrackedAddresses, "maxTrackedAddresses")
        var ofAddress: RateClock.Measure?
        if let rate = admission.handshakeRatePerAddress {
            ofAddress = try RateClock.Measure(rate, of: "handshakeRatePerAddress")
        }
        var ofAll: RateClock.Measure?
        if let rate = admission.handshakeRate { ofAll = try RateClock.Measure(rate, of: "handshakeRate") }
        rate = ofAll
        addresses =
            admission.maxConnectionsPerAddress == nil && ofAddress == nil
            ? nil : AddressTable(most: mostAddresses, rate: ofAddress)
        clients = ClientResolver(trusted: admission.trustedProxies, fields: admission.forwardedFields)
        proxyProtocol = host == nil ? .off : admission.proxyProtocol
        let isOnLoopback =
            host.map { IPAddress($0)?.isLoopback ?? HostName(Array($0.utf8))?.isLoopback ?? false } ?? false
        origins = try OriginCheck(admission, isOnLoopback: isOnLoopback)
        self.logger = logger
    }

    /// How often each was the reason for turning somebody away.
    var refusalCounts: [AdmissionRefusal: Int] { refusals.withLock { $0 } }

    private func count(_ refusal: AdmissionRefusal) { refusals.withLock { $0[refusal, default: 0] += 1 } }

    private static func now() -> UInt64 { NIODeadline.now().uptimeNanoseconds }
}

// MARK: - Connections that come

extension AdmissionControl {
    /// Somebody whose request nobody reads is to be closed without a word: counts it, and tells who watches the server.
    func hangUp(_ refusal: AdmissionRefusal, _ peer: PeerAddress, on loop: ServerLoop) {
        count(refusal)
        let reason = RefusalReason(rawValue: refusal.rawValue)
        loop.server.observer.refused(reason, status: nil, peer: peer, on: loop.eventLoop)
    }

    /// What should have been a proxy's header is none.
    func hangUp(_ error: ProxyHeaderError, _ peer: PeerAddress, on loop: ServerLoop) {
        hangUp(.proxyHeader, peer, on: loop)
        logger.debug("no PROXY header", metadata: ["peer": "\(peer)", "error": "\(error)"])
    }

    /// A connection was accepted and has its place in the loop's list.
    ///
    /// - Returns: whether it may stay. If not, it is to be closed without a word.
    func accepts(_ peer: PeerAddress, at place: LoopConnections.Place, on loop: ServerLoop) -> Bool {
        let connections = loop.connections
        if connections.total > maxSockets {
            hangUp(.sockets, peer, on: loop)
            warn("connections are closed as they come: there are too many", connections.total)
            return false
        }
        switch proxyProtocol {
        case .off: return counts(peer, at: place, on: loop)
        case .required(let proxies):
            // Whose connection it is, its header will tell.
            if let address = IPAddress(peer), proxies.holds(address) { return true }
            hangUp(.notAProxy, peer, on: loop)
            return false
        }
    }

    /// A stream was opened on a connection of HTTP/2, and has its place in the loop's list: it counts as a connection.
    func acceptsStream(
        from peer: PeerAddress,
        at place: LoopConnections.Place,
        on loop: ServerLoop
    ) -> Bool {
        if loop.connections.total > maxSockets {
            hangUp(.sockets, peer, on: loop)
            return false
        }
        return counts(peer, at: place, on: loop)
    }

    /// It is known now whose connection it is. See ``accepts(_:at:on:)``.
    func counts(_ peer: PeerAddress, at place: LoopConnections.Place, on loop: ServerLoop) -> Bool {
        // Whose a trusted proxy's connection is, its request will tell.
        guard let addresses, let address = IPAddress(peer)?.client, !clients.trusts(peer),
            let number = loop.connections.count(address, at: place, in: addresses, now: Self.now()),
            number > maxSocketsPerAddress
        else { return true }
        hangUp(.socketsOfAddress, peer, on: loop)
        return false
    }

    /// Says it once in ten seconds: whoever floods a server shall not flood its log.
    private func warn(_ text: Logger.Message, _ number: Int) {
        let now = Self.now()
        let isDue = lastWarning.withLock { last in
            if let last, now < last &+ 10_000_000_000 { return false }
            last = now
            return true
        }
        if isDue { logger.warning(text, metadata: ["connections": "\(number)"]) }
    }
}

// MARK: - Requests for WebSockets

extension AdmissionControl {
    enum Judgement {
        case admitted(ClientIdentity)
        case refused(AdmissionRefusal, HTTPAnswer)
    }

    /// Judges a request for a WebSocket that has passed every check of the standard.
    ///
    /// - Parameters:
    ///   - peer: whom the connection is from, by the PROXY protocol's word if there is one.
    ///   - isSecure: whether it has TLS.
    ///   - place: where the loop's list has it.
    func judge(
        _ handshake: ServerHandshake,
        from peer: PeerAddress,
        isSecure: Bool,
        at place: LoopConnections.Place?,
        of connections: LoopConnections
    ) -> Judgement {
        let identity: ClientIdentity
        do throws(ClientResolver.Problem) {
            identity = try clients.client(
                of: peer,
                isSecure: isSecure,
                clients.trusts(peer) ? .init(handshake) : .init()
            )
        } catch {
            let what =
                switch error {
                case .malformed: "a proxy's field Forwarded is malformed"
                case .contradiction: "Forwarded and X-Forwarded-For name different clients"
                }
            return refuse(.forwarded, .text(.badRequest, "\(what)\n"))
        }
        if let refusal = originRefusal(handshake, identity) { return refusal }
        if let refusal = limitRefusal(identity, isStream: handshake.isStream, at: place, of: connections) {
            return refusal
        }
        return .admitted(identity)
    }

    private func refuse(_ refusal: AdmissionRefusal, _ answer: HTTPAnswer) -> Judgement {
        count(refusal)
        return .refused(refusal, answer)
    }

    private func originRefusal(_ handshake: ServerHandshake, _ identity: ClientIdentity) -> Judgement? {
        let texts = handshake.values("origin")
        // Nobody who is no browser pays for the rest.
        let request = OriginCheck.Request(
            origins: texts,
            host: texts.isEmpty ? nil : identity.host ?? handshake.authority,
            isSecure: identity.isSecure,
            cameThroughProxy: !texts.isEmpty && (proxyProtocol != .off || handshake.hasTraceOfProxy)
        )
        guard let refusal = origins.refusal(of: request) else { return nil }
        let reason: AdmissionRefusal = if case .unknownHost = refusal { .host } else { .origin }
        return refuse(reason, .text(.forbidden, "\(refusal)\n"))
    }

    /// - Parameter isStream: whether the request came on a connection that counts by itself, beside its streams.
    private func limitRefusal(
        _ identity: ClientIdentity,
        isStream: Bool,
        at place: LoopConnections.Place?,
        of connections: LoopConnections
    ) -> Judgement? {
        let now = Self.now()
        if connections.total > maxConnections {
            return refuse(
                .connections,
                .retry(.serviceUnavailable, "too many connections", after: Self.patience())
            )
        }
        if let addresses, let address = identity.counted {
            // One whose proxy has named it just now has not been counted yet.
            if let place, connections.countedAddress(at: place) == nil {
                _ = connections.count(address, at: place, in: addresses, now: now)
            }
            let number = addresses.connections(of: address) - (isStream ? 1 : 0)
            if number > maxPerAddress {
                return refuse(
                    .connectionsOfAddress,
                    .retry(.tooManyRequests, "too many connections from your address", after: Self.patience())
                )
            }
            let wait = addresses.takeHandshake(of: address, now: now)
            if wait > 0 {
                return refuse(
                    .rateOfAddress,
                    .retry(
                        .tooManyRequests,
                        "too many handshakes from your address",
                        after: Self.seconds(wait)
                    )
                )
            }
        }
        if let rate {
            let wait = allHandshakes.withLock { $0.take(rate, now: now) }
            if wait > 0 {
                return refuse(
                    .rate,
                    .retry(.serviceUnavailable, "too many handshakes", after: Self.seconds(wait))
                )
            }
        }
        return nil
    }

    /// Seconds until it is worth another try. Not the same for all, so that not all come back at once.
    private static func patience() -> Int { Int.random(in: 5...15) }

    private static func seconds(_ nanoseconds: UInt64) -> Int { Int(nanoseconds / 1_000_000_000) + 1 }
}

extension HTTPAnswer {
    fileprivate static func retry(_ status: HTTPResponse.Status, _ why: String, after seconds: Int)
        -> HTTPAnswer
    {
        var answer = HTTPAnswer.text(status, "\(why)\n")
        // RFC 9110 §10.2.3, RFC 6585 §4.
        answer.headers[.retryAfter] = String(seconds)
        return answer
    }
}

extension ClientResolver.Fields {
    fileprivate init(_ handshake: ServerHandshake) {
        forwarded = handshake.values("forwarded")
        xForwardedFor = handshake.values("x-forwarded-for")
        xForwardedProto = handshake.values("x-forwarded-proto")
        xForwardedHost = handshake.values("x-forwarded-host")
    }
}

extension ServerHandshake {
    /// Whether it has a field that proxies add and that no page can have a browser send: fetch's and XMLHttpRequest's
    /// are not a WebSocket's, which has no fields of the page's own at all.
    fileprivate var hasTraceOfProxy: Bool {
        firstValue("forwarded") != nil || firstValue("x-forwarded-for") != nil
            || firstValue("x-forwarded-proto") != nil || firstValue("x-forwarded-host") != nil
            || firstValue("x-real-ip") != nil || firstValue("via") != nil
    }
}
