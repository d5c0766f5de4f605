/// Which web pages may open WebSockets to a server.
///
/// A browser lets any page open one to any server, and sends the server's cookies along: without a check, a
/// stranger's page acts as the user who looks at it (cross-site WebSocket hijacking). It says in `Origin` whose page
/// it is, and no page can change that. Clients that are no browsers send no `Origin` and are let through, unless
/// ``WebSocketServer/Admission/requiresOrigin`` says otherwise: they can send what they like anyway.
public struct OriginPolicy: Sendable, Hashable {
    enum Rule: Hashable {
        case listed([String], orSameHost: Bool)
        case any
    }

    let rule: Rule

    /// Pages of the server's own host and port: those whose `Origin` names what the request's `Host` (`:authority` in
    /// HTTP/2) names. The default.
    ///
    /// A port that is not written is that of the origin's scheme. On a connection that is secure, here or by a
    /// trusted proxy's word, the page has to be `https:`; on one that is not, it may be either, since a proxy may have
    /// ended TLS. A server that listens on a loopback address also looks whether the host can be its own; see
    /// ``WebSocketServer/Admission/allowedHosts``.
    public static let sameHost = OriginPolicy(rule: .listed([], orSameHost: true))

    /// Exactly these origins, such as `https://example.org` or `http://localhost:3000`: the server's own is not among
    /// them unless it is listed. A port that is the scheme's may be left out; `null` stands for pages that keep
    /// theirs to themselves, which anybody can make.
    public static func allow(_ origins: [String]) -> OriginPolicy {
        OriginPolicy(rule: .listed(origins, orSameHost: false))
    }

    /// ``sameHost``, and these origins.
    public static func sameHost(or origins: [String]) -> OriginPolicy {
        OriginPolicy(rule: .listed(origins, orSameHost: true))
    }

    /// Any page at all; `Origin` is not looked at. Right only where nothing depends on cookies, on the client's
    /// network or on its certificate.
    public static let anyOriginDangerously = OriginPolicy(rule: .any)
}

/// ``OriginPolicy`` with its lists read, and what it says of a request.
struct OriginCheck: Sendable {
    private let listed: Set<Origin>
    private let allowsSameHost: Bool
    private let allowsAny: Bool
    private let isRequired: Bool
    private let hosts: Set<HostName>
    /// Whether ``hosts`` and loopback's names are all that a request's host may be.
    private let checksHost: Bool

    /// - Parameter isOnLoopback: whether the server is reachable from its own machine only.
    init(_ admission: WebSocketServer.Admission, isOnLoopback: Bool) throws(AdmissionError) {
        isRequired = admission.requiresOrigin
        var hosts: Set<HostName> = []
        for text in admission.allowedHosts {
            guard let host = HostName(Array(text.utf8)) else {
                throw AdmissionError(
                    setting: "allowedHosts",
                    value: text,
                    problem: "is not a host's name or address, alone and in ASCII"
                )
            }
            hosts.insert(host)
        }
        self.hosts = hosts
        checksHost = isOnLoopback || !hosts.isEmpty
        guard case .listed(let texts, let orSameHost) = admission.origins.rule else {
            (listed, allowsSameHost, allowsAny) = ([], true, true)
            return
        }
        (allowsSameHost, allowsAny) = (orSameHost, false)
        var listed: Set<Origin> = []
        for text in texts {
            guard let origin = Origin(text) else {
                throw AdmissionError(
                    setting: "origins",
                    value: text,
                    problem: "is not a scheme, a host and maybe a port, such as https://example.org"
                )
            }
            listed.insert(origin)
        }
        self.listed = listed
    }

    /// What of a request matters here.
    struct Request {
        /// The values of all its fields `Origin`.
        let origins: [String]
        /// What the client asked for by `Host` or `:authority`, maybe in the words of a trusted proxy.
        let host: String?
        let isSecure: Bool
        /// Whether something that no page can make a browser send says that a proxy has passed it on.
        let cameThroughProxy: Bool
    }

    enum Refusal: Hashable {
        case missing
        case several
        case malformed
        case notAllowed(Origin, host: String?)
        /// The page is of the host that was asked for, but that host is not known to be this server.
        case unknownHost(HostName)
    }

    /// - Returns: why the request is refused; `nil` if it is not.
    func refusal(of request: Request) -> Refusal? {
        guard let text = request.origins.first else { return isRequired ? .missing : nil }
        if allowsAny { return nil }
        guard request.origins.count == 1 else { return .several }
        guard let origin = Origin(text) else { return .malformed }
        if listed.contains(origin) { return nil }
        guard allowsSameHost, case .page(let scheme, let host, let port) = origin,
            scheme == "https" || scheme == "http" && !request.isSecure,
            let asked = request.host.flatMap(HostAndPort.init), asked.host == host,
            asked.port ?? (scheme == "https" ? 443 : 80) == port
        else { return .notAllowed(origin, host: request.host) }
        // A name of the attacker's that means 127.0.0.1 (DNS rebinding) makes page and host the same; so the name
        // has to be one of ours. Behind a proxy on this machine the browser has not come here by itself, and a
        // page cannot add the fields by which that is seen.
        guard
            !checksHost || hosts.contains(host) || host.isLoopback
                || request.cameThroughProxy && hosts.isEmpty
        else { return .unknownHost(host) }
        return nil
    }
}

extension OriginCheck.Refusal: CustomStringConvertible {
    /// What the client is told.
    var description: String {
        switch self {
        case .missing: "an Origin is required here"
        case .several: "there is more than one Origin"
        case .malformed: "the Origin is malformed"
        case .notAllowed(let origin, let host):
            "pages of \(origin) may not open WebSockets here"
                + (host.flatMap(HostAndPort.init).map { ": the server was asked for as \($0)" } ?? "")
        case .unknownHost(let host): "this server does not know itself by the name \(host)"
        }
    }
}
