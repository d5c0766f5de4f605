import HTTPTypes
import WebSocketProtocol

/// A server's answer to the opening request, and what a client makes of it.
enum ResponseTarget: FuzzTarget {
    static let name = "responses"
    static let words = headWords + ExtensionTarget.words + [accept, "HTTP/1.1 101 ", "HTTP/1.1 200 OK\r\n"]

    /// The answer to a key of 16 bytes 0: base64 of the SHA-1 of `AAAAAAAAAAAAAAAAAAAAAA==` and the GUID of
    /// RFC 6455 §1.3, as openssl has it.
    private static let accept = "ICX+Yqv66kxgM0FcWaLWlFLwTAI="

    private static let subprotocols = ["chat", "superchat"]

    /// Without an offer, and with all that can be offered.
    private static let handshakes: [ClientHandshake] = {
        let random = RandomSource { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        do {
            let url = try WebSocketURL("ws://example.com/")
            return [
                try ClientHandshake(url: url, random: random),
                try ClientHandshake(
                    url: url,
                    subprotocols: subprotocols,
                    extensions: DeflateChoices.all.map(DeflateAgreement.offer),
                    random: random
                ),
            ]
        } catch {
            fatalError("\(error)")
        }
    }()

    static func run(_ input: [UInt8]) {
        let outcome = outcomeHoweverCut(input) {
            var parser = HTTPResponseParser(limits: headLimits)
            return { try parser.parse($0, at: &$1) }
        }
        guard let response = outcome.head else { return }
        checkSerialized(response)
        for (index, handshake) in handshakes.enumerated() {
            do throws(ProtocolError) {
                check(try handshake.check(response), of: response, withOffers: index > 0)
            } catch {
                require(!error.description.isEmpty, "a failure without words")
            }
        }
    }

    private static func check(
        _ agreement: ClientHandshake.Agreement,
        of response: HTTPResponse,
        withOffers: Bool
    ) {
        requireSame(response.status.code, 101, "another status")
        requireSame(response.headerFields[values: .secWebSocketAccept], [accept], "another accept")
        requireSame(
            response.headerFields[values: .secWebSocketProtocol],
            agreement.subprotocol.map { [$0] } ?? [],
            "another subprotocol"
        )
        if let chosen = agreement.subprotocol {
            require(withOffers && subprotocols.contains(chosen), "\(chosen) was not offered")
        }
        require(agreement.extensions.count <= (withOffers ? 1 : 0), "extensions that were not offered")
        for element in agreement.extensions {
            requireSame(element.name, "permessage-deflate", "another extension")
            for options in DeflateChoices.all {
                guard let deflate = try? DeflateAgreement(answer: element, to: options) else { continue }
                require(deflate.server.windowBits <= options.peerMaxWindowBits, "a window beyond the offer")
                require(deflate.client.windowBits <= options.ownMaxWindowBits, "a window beyond the offer")
                require(!deflate.server.keepsContext || options.keepsPeerContext, "context was not offered")
            }
        }
    }

    /// A response can be written, and is the same when it is read again.
    static func checkSerialized(_ response: HTTPResponse) {
        let bytes = HTTPHeadSerializer.bytes(of: response)
        var parser = HTTPResponseParser(limits: Limits(maxHeadSize: 8192))
        var offset = 0
        let again = try? bytes.withUnsafeBytes { try parser.parse($0, at: &offset) }
        requireSame(again, response, "another response when written and read again")
        requireSame(again?.status.reasonPhrase, response.status.reasonPhrase, "another reason")
        requireSame(offset, bytes.count, "another length")
    }
}
