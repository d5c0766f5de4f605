/// What two ends have agreed on for permessage-deflate (RFC 7692 §7.1).
public struct DeflateAgreement: Sendable, Hashable {
    /// How one direction is compressed.
    public struct Direction: Sendable, Hashable {
        /// Whether the compressor remembers earlier messages.
        public var keepsContext: Bool
        /// The base-2 logarithm of the window's bytes, 8 to 15.
        public var windowBits: Int

        public init(keepsContext: Bool, windowBits: Int) {
            self.keepsContext = keepsContext
            self.windowBits = windowBits
        }
    }

    /// From the server to the client.
    public var server: Direction
    /// From the client to the server.
    public var client: Direction

    public init(server: Direction, client: Direction) {
        self.server = server
        self.client = client
    }

    func outgoing(of role: Role) -> Direction { role == .server ? server : client }
    func incoming(of role: Role) -> Direction { role == .server ? client : server }
}

// MARK: - The server's side

extension DeflateAgreement {
    /// Takes the first of a client's offers that can be met.
    ///
    /// - Returns: the agreement and the element that tells it, or `nil` when nothing was offered, or
    ///   nothing that §7.1 allows: such an offer is declined, which is not an error.
    public static func answer(
        to offers: [ExtensionElement],
        _ options: DeflateOptions
    ) -> (agreement: DeflateAgreement, answer: ExtensionElement)? {
        for offer in offers where offer.name == DeflateParameters.extensionName {
            guard let offered = try? DeflateParameters(offer) else { continue }
            let made = answer(to: offered, options)
            return (made.agreement, made.answer.element)
        }
        return nil
    }

    /// The same for a header that has been checked, as its fields' bytes.
    static func answer(
        to fields: [ArraySlice<UInt8>],
        _ options: DeflateOptions
    ) -> (agreement: DeflateAgreement, answer: DeflateParameters)? {
        var taken: DeflateParameters?
        // The offer that is being read, while nothing is wrong with it.
        var offer: DeflateParameters?
        try? ExtensionElement.scan(fields) { part in
            switch part {
            case .name(let name):
                taken = taken ?? offer
                offer = name.elementsEqual(DeflateParameters.extensionName.utf8) ? DeflateParameters() : nil
            case .parameter(let name, let value):
                guard taken == nil, var changed = offer else { return }
                offer = (try? changed.take(name, value: value)).map { changed }
            }
        }
        return (taken ?? offer).map { answer(to: $0, options) }
    }

    private static func answer(
        to offered: DeflateParameters,
        _ options: DeflateOptions
    ) -> (agreement: DeflateAgreement, answer: DeflateParameters) {
        var answer = DeflateParameters()
        answer.serverNoContextTakeover = offered.serverNoContextTakeover || !options.keepsOwnContext
        // §7.1.1.2: the server may ask for this though it was not offered.
        answer.clientNoContextTakeover = offered.clientNoContextTakeover || !options.keepsPeerContext
        let ownBits = min(offered.serverMaxWindowBits ?? 15, options.ownMaxWindowBits)
        if offered.serverMaxWindowBits != nil || ownBits < 15 { answer.serverMaxWindowBits = ownBits }
        // §7.1.2.2: only a client that offered this parameter can be told to use a smaller window.
        var clientBits = 15
        switch offered.clientMaxWindowBits {
        case .any: clientBits = options.peerMaxWindowBits
        case .bits(let bits): clientBits = min(bits, options.peerMaxWindowBits)
        case nil: break
        }
        if clientBits < 15 { answer.clientMaxWindowBits = .bits(clientBits) }
        let agreement = DeflateAgreement(
            server: Direction(keepsContext: !answer.serverNoContextTakeover, windowBits: ownBits),
            client: Direction(keepsContext: !answer.clientNoContextTakeover, windowBits: clientBits)
        )
        return (agreement, answer)
    }
}

// MARK: - The client's side

extension DeflateAgreement {
    /// What a client offers.
    public static func offer(_ options: DeflateOptions) -> ExtensionElement {
        var offer = DeflateParameters()
        offer.clientNoContextTakeover = !options.keepsOwnContext
        offer.serverNoContextTakeover = !options.keepsPeerContext
        if options.peerMaxWindowBits < 15 { offer.serverMaxWindowBits = options.peerMaxWindowBits }
        offer.clientMaxWindowBits = options.ownMaxWindowBits < 15 ? .bits(options.ownMaxWindowBits) : .any
        return offer.element
    }

    /// Judges a server's answer to ``offer(_:)``.
    ///
    /// - Throws: ``ProtocolError/invalidExtensions(_:)`` for an answer that does not fit the offer, which
    ///   fails the connection (§7.1).
    public init(answer: ExtensionElement, to options: DeflateOptions) throws(ProtocolError) {
        let given = try DeflateParameters(answer)
        // §7.1.1.1: a server accepts the wish by repeating it; one that does not must not use the extension.
        guard given.serverNoContextTakeover || options.keepsPeerContext else {
            throw .invalidExtensions("the server did not agree to server_no_context_takeover")
        }
        let serverBits = given.serverMaxWindowBits ?? 15
        guard serverBits <= options.peerMaxWindowBits else {
            throw .invalidExtensions(
                "server_max_window_bits \(serverBits) is above the \(options.peerMaxWindowBits) that was offered"
            )
        }
        var clientBits = options.ownMaxWindowBits
        switch given.clientMaxWindowBits {
        case .any: throw .invalidExtensions("client_max_window_bits without a value, in an answer")
        case .bits(let bits): clientBits = min(clientBits, bits)
        case nil: break
        }
        server = Direction(keepsContext: !given.serverNoContextTakeover, windowBits: serverBits)
        client = Direction(
            keepsContext: options.keepsOwnContext && !given.clientNoContextTakeover,
            windowBits: clientBits
        )
    }
}
