import HTTPTypes
import WebSocketProtocol

/// A client's opening request, and what a server makes of it.
enum RequestTarget: FuzzTarget {
    static let name = "requests"
    static let words = headWords + ExtensionTarget.words

    static func run(_ input: [UInt8]) {
        let outcome = parsed(input)
        if case .refused(let error, _) = outcome { check(refusal: error) }
        guard let head = outcome.head else { return }
        checkSerialized(head)
        do throws(ProtocolError) {
            check(try ServerHandshake(checking: head))
        } catch {
            check(refusal: error)
        }
    }

    private static func parsed(_ input: [UInt8]) -> HeadOutcome<HTTPRequestHead> {
        outcomeHoweverCut(input) {
            var parser = HTTPRequestParser(limits: headLimits)
            return { try parser.parse($0, at: &$1) }
        }
    }

    /// Each error that a request can cause has a status, and the response that says so is a sound one,
    /// whatever of the request it quotes.
    private static func check(refusal error: ProtocolError) {
        require(error.httpStatus != nil, "\(error) is no error of a request")
        let refusal = ServerHandshake.refusal(of: error)
        ResponseTarget.checkSerialized(refusal.response)
        requireSame(refusal.response.status.code, error.httpStatus, "another status")
        requireSame(
            refusal.response.headerFields[.contentLength],
            String(refusal.body.utf8.count),
            "a body of another length"
        )
    }

    /// What was read can be written, and is the same when it is read again.
    private static func checkSerialized(_ head: HTTPRequestHead) {
        // A request to a proxy is never written, and without a host there is nothing that could be.
        guard head.request.method != .connect, head.request.authority != nil else { return }
        guard let bytes = try? HTTPHeadSerializer.bytes(of: head.request) else {
            fatalError("cannot be written: \(head)")
        }
        var parser = HTTPRequestParser(limits: Limits(maxHeadSize: 4096))
        var offset = 0
        let again = try? bytes.withUnsafeBytes { try parser.parse($0, at: &offset) }
        requireSame(again?.request, head.request, "another request when written and read again")
        requireSame(offset, bytes.count, "another length")
    }

    private static func check(_ handshake: ServerHandshake) {
        let offered = handshake.offeredSubprotocols
        let chosen = handshake.choose(subprotocolFrom: ["superchat", "chat"])
        require(chosen.map(offered.contains) ?? true, "a subprotocol that was not offered")
        for chosen in [nil, chosen] + offered.map(Optional.some) {
            for options in DeflateChoices.all {
                let deflate = DeflateAgreement.answer(to: handshake.offeredExtensions, options)
                let extensions = deflate.map { [$0.answer] } ?? []
                guard let response = try? handshake.acceptance(subprotocol: chosen, extensions: extensions)
                else { fatalError("cannot be accepted") }
                ResponseTarget.checkSerialized(response)
                requireSame(response.headerFields[.secWebSocketProtocol], chosen, "another subprotocol")
            }
        }
    }
}
