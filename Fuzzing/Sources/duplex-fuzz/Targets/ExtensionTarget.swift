import WebSocketProtocol

/// The header that negotiates extensions, in fields that are a line each.
enum ExtensionTarget: FuzzTarget {
    static let name = "extensions"
    static let maxLength = 512
    static let words = [
        "permessage-deflate", "server_no_context_takeover", "client_no_context_takeover",
        "server_max_window_bits", "client_max_window_bits", "server_max_window_bits=15", "\"8\"", "\\", "; ",
        ", ",
    ]

    static func run(_ input: [UInt8]) {
        let fields = input.split(separator: 10, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        let elements: [ExtensionElement]
        do throws(ProtocolError) {
            elements = try ExtensionElement.parse(fields)
        } catch {
            requireSame(error.httpStatus, 400, "another status")
            return
        }
        require(!elements.isEmpty, "a header that says nothing")
        for element in elements {
            requireToken(element.name)
            for parameter in element.parameters {
                requireToken(parameter.name)
                parameter.value.map(requireToken)
            }
        }
        // What was read can be written, and is the same when it is read again: as fields, and as a list.
        let values = elements.map(\.headerValue)
        requireSame(try? ExtensionElement.parse(values), elements, "other fields when read again")
        let list = [values.joined(separator: ", ")]
        requireSame(try? ExtensionElement.parse(list), elements, "another list when read again")
        for options in DeflateChoices.all { checkNegotiation(elements, options) }
    }

    /// RFC 9110 §5.6.2, from its list of delimiters rather than its list of what is allowed.
    private static func requireToken(_ text: String) {
        let delimiters = "\"(),/:;<=>?@[\\]{}".utf8
        require(
            !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 < 127 && !delimiters.contains($0) },
            "\"\(text)\" is no token"
        )
    }

    /// A server's answer says what was agreed on, and keeps within the offers and its own options.
    private static func checkNegotiation(_ offers: [ExtensionElement], _ options: DeflateOptions) {
        guard let (agreement, answer) = DeflateAgreement.answer(to: offers, options) else { return }
        require((8...15).contains(agreement.server.windowBits), "a window of \(agreement.server.windowBits)")
        require((8...15).contains(agreement.client.windowBits), "a window of \(agreement.client.windowBits)")
        require(agreement.server.windowBits <= options.ownMaxWindowBits, "a window beyond the options")
        require(!agreement.server.keepsContext || options.keepsOwnContext, "context beyond the options")
        require(!agreement.client.keepsContext || options.keepsPeerContext, "context beyond the options")
        // A client that offers all there is understands the same.
        let client = DeflateOptions(keepsOwnContext: true, keepsPeerContext: true)
        requireSame(
            try? DeflateAgreement(answer: answer, to: client),
            agreement,
            "agreed on different things"
        )
    }
}

/// What an end may do with permessage-deflate: all, nothing beyond the least, and something between.
enum DeflateChoices {
    static let all = [
        DeflateOptions(),
        DeflateOptions.client,
        DeflateOptions(keepsOwnContext: true, keepsPeerContext: true),
        DeflateOptions(ownMaxWindowBits: 8, peerMaxWindowBits: 8),
        DeflateOptions(keepsOwnContext: true, ownMaxWindowBits: 10, peerMaxWindowBits: 12),
    ]
}
