import NIOCore
import WebSocketProtocol

/// What is said with a proxy until it has connected us: bytes in, bytes out.
protocol ProxyDialogue: Sendable {
    /// What the client says first.
    var opening: [UInt8] { get }

    /// Reads on, taking the bytes used from the buffer. What is left in it when there is a tunnel is the server's.
    mutating func receive(_ buffer: inout ByteBuffer) throws(ConnectError) -> ProxyStep

    /// The refusal under way, as far as it has come: what is thrown should no more come.
    var refusal: ConnectError? { get }
}

enum ProxyStep {
    /// For more bytes.
    case wait
    /// These, and read on.
    case send([UInt8])
    /// From here on it is the server who speaks.
    case tunnel
}

/// One connection to be made through a proxy.
struct ProxyAttempt: Sendable {
    let proxy: ClientProxy
    let dialogue: any ProxyDialogue
    /// When ``ClientOptions/connectTimeout`` is over.
    let deadline: NIODeadline

    init(through proxy: ClientProxy, to url: WebSocketURL, _ options: ClientOptions) throws(UsageError) {
        self.proxy = proxy
        dialogue =
            switch proxy.kind {
            case .http: try HTTPProxyDialogue(proxy, to: url, limits: options.connection.limits)
            case .socks5: try SOCKS5Dialogue(proxy, to: url)
            }
        deadline = .now() + TimeAmount(options.connectTimeout)
    }
}

extension EndCause {
    /// What a cause says of a peer, said of the proxy. A timeout stays one.
    func at(_ proxy: ClientProxy) -> EndCause {
        switch self {
        case .connectTimeout, .proxyFailed: self
        case .endOfStream: .proxyFailed("proxy \(proxy) ended the connection before it had connected us")
        default: .proxyFailed("proxy \(proxy): \(self)")
        }
    }
}
