import WebSocketTransport

/// Who a request is from, once trusted proxies have been heard.
struct ClientIdentity: Sendable {
    /// The client's address; that of the proxy nearest to it that is known, where it is hidden.
    var address: PeerAddress
    /// What limits count; `nil` for a proxy or a socket without an IP address, which stand for many clients.
    var counted: IPAddress?
    /// Whether the client spoke TLS, to us or to a proxy that we trust.
    var isSecure: Bool
    /// What the client asked for, where a trusted proxy says that it was something else than `Host`.
    var host: String?
}

/// Which fields of a proxy are read.
public enum ForwardedFields: Sendable, Hashable, CaseIterable {
    /// `Forwarded` (RFC 7239), or `X-Forwarded-For` with `-Proto` and `-Host`. Where both are there and name
    /// different clients, the request is refused with 400: a proxy that writes only one of them passes the other on
    /// as the client has invented it. The default.
    case either
    /// `Forwarded` only.
    case forwarded
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` only.
    case xForwarded
}

/// Finds out who a request is from.
struct ClientResolver: Sendable {
    let trusted: [AddressRange]
    let fields: ForwardedFields

    /// The fields of a request that proxies write, each with all its values in order.
    struct Fields {
        var forwarded: [String] = []
        var xForwardedFor: [String] = []
        var xForwardedProto: [String] = []
        var xForwardedHost: [String] = []

        /// Whether any proxy has left a trace that is among these.
        var isEmpty: Bool {
            forwarded.isEmpty && xForwardedFor.isEmpty && xForwardedProto.isEmpty && xForwardedHost.isEmpty
        }
    }

    enum Problem: Error, Hashable {
        /// `Forwarded` and `X-Forwarded-For` name different clients.
        case contradiction
        case malformed
    }

    /// Whether the fields of this peer's requests are to be read.
    func trusts(_ peer: PeerAddress) -> Bool {
        guard !trusted.isEmpty, let address = IPAddress(peer) else { return false }
        return trusted.holds(address)
    }

    /// - Parameters:
    ///   - peer: who the connection is from.
    ///   - isSecure: whether the connection has TLS.
    func client(of peer: PeerAddress, isSecure: Bool, _ fields: Fields) throws(Problem) -> ClientIdentity {
        var own = ClientIdentity(
            address: peer,
            counted: IPAddress(peer)?.client,
            isSecure: isSecure,
            host: nil
        )
        // What a stranger says of itself is worth nothing.
        guard trusts(peer) else { return own }
        own.counted = nil
        let forwarded: ClientIdentity?
        if self.fields == .xForwarded || fields.forwarded.isEmpty {
            forwarded = nil
        } else {
            guard let hops = ForwardedHops(forwarded: fields.forwarded) else { throw .malformed }
            forwarded = walk(hops, from: own)
        }
        let older: ClientIdentity?
        if self.fields == .forwarded
            || fields.xForwardedFor.isEmpty && fields.xForwardedProto.isEmpty && fields.xForwardedHost.isEmpty
        {
            older = nil
        } else {
            older = walk(
                ForwardedHops(
                    xForwardedFor: fields.xForwardedFor,
                    proto: fields.xForwardedProto,
                    host: fields.xForwardedHost
                ),
                from: own,
                companionsOfNobody: fields
            )
        }
        if let forwarded, let older, !fields.xForwardedFor.isEmpty,
            IPAddress(forwarded.address) != IPAddress(older.address)
        {
            throw .contradiction
        }
        guard var found = forwarded, let older else { return forwarded ?? older ?? own }
        // One of the two may be the client's own invention: only what both say counts for more than what is seen.
        found.isSecure = found.isSecure && older.isSecure
        found.host = found.host == older.host ? found.host : nil
        return found
    }

    /// From the right, whom the nearest proxy names, as long as those who are named are trusted themselves.
    private func walk(
        _ hops: ForwardedHops,
        from own: ClientIdentity,
        companionsOfNobody fields: Fields? = nil
    ) -> ClientIdentity {
        var found = own
        if hops.hops.isEmpty, let fields {
            // A proxy may say how it was spoken to, and not by whom.
            found.isSecure = fields.xForwardedProto.last.flatMap(ForwardedHops.isSecure) ?? own.isSecure
            found.host = fields.xForwardedHost.last
        }
        for hop in hops.hops.reversed() {
            found.isSecure = hop.isSecure ?? found.isSecure
            found.host = hop.host ?? found.host
            guard case .address(let address, let port) = hop.node else {
                found.counted = nil
                return found
            }
            found.address = address.peer(port: port)
            found.counted = address.client
            guard trusted.holds(address) else { return found }
        }
        return found
    }
}
