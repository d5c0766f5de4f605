import HTTPTypes
import NIOCore
import WebSocketProtocol

/// HTTP CONNECT (RFC 9110 §9.3.6; RFC 6455 §4.1 has a client do this).
struct HTTPProxyDialogue: ProxyDialogue {
    let opening: [UInt8]
    private let limits: Limits
    private var parser: HTTPResponseParser
    private var interimAnswers = 0
    private var refused: (response: HTTPResponse, body: RefusalBody)?

    init(_ proxy: ClientProxy, to url: WebSocketURL, limits: Limits) throws(UsageError) {
        // RFC 9110 §7.1: the target is host and port, the port never left out.
        let authority = url.host.contains(":") ? "[\(url.host)]:\(url.port)" : "\(url.host):\(url.port)"
        var fields: HTTPFields = [:]
        if let credentials = proxy.credentials {
            // RFC 7617 §2.
            let pair = Array("\(credentials.username):\(credentials.password)".utf8)
            fields[.proxyAuthorization] = "Basic \(Base64.encode(pair))"
        }
        opening = try HTTPHeadSerializer.bytes(
            of: HTTPRequest(
                method: .connect,
                scheme: nil,
                authority: authority,
                path: authority,
                headerFields: fields
            )
        )
        self.limits = limits
        parser = HTTPResponseParser(limits: limits)
    }

    mutating func receive(_ buffer: inout ByteBuffer) throws(ConnectError) -> ProxyStep {
        while buffer.readableBytes > 0 {
            guard refused == nil else {
                refused?.body.append(buffer.readableBytesView)
                buffer.clear()
                try throwIfWhole()
                return .wait
            }
            guard let response = try head(in: &buffer) else { return .wait }
            switch response.status.code {
            // Whatever a 2xx says about a body: there is none (RFC 9110 §9.3.6).
            case 200..<300: return .tunnel
            case 100..<200
            where response.status.code != 101 && interimAnswers < ClientHandshakeHandler.maxInterimAnswers:
                interimAnswers += 1
                parser = HTTPResponseParser(limits: limits)
            default:
                refused = (response, RefusalBody(of: response))
                try throwIfWhole()
            }
        }
        return .wait
    }

    private mutating func head(in buffer: inout ByteBuffer) throws(ConnectError) -> HTTPResponse? {
        do throws(ProtocolError) {
            return try parser.parse(&buffer)
        } catch {
            throw ConnectError(.proxyFailed("proxy does not answer as one: \(error)"))
        }
    }

    private func throwIfWhole() throws(ConnectError) {
        if refused?.body.isComplete == true, let refusal { throw refusal }
    }

    var refusal: ConnectError? {
        guard let (response, body) = refused else { return nil }
        let reason = response.status.reasonPhrase.prefix(200)
        return ConnectError(
            .proxyFailed("proxy answered \(response.status.code)\(reason.isEmpty ? "" : " ")\(reason)"),
            response: response,
            body: body.bytes
        )
    }
}
