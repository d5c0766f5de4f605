public import NIOSSL
import Synchronization

/// What new connections are secured with, from when the server starts.
///
/// A connection keeps what it began with: to change the certificate ends nobody's.
final class TLSKeeper: Sendable {
    private let context = Mutex<NIOSSLContext?>(nil)

    var current: NIOSSLContext? { context.withLock { $0 } }

    func use(_ new: NIOSSLContext) { context.withLock { $0 = new } }
}

extension WebSocketServer {
    /// Secures connections that come from now on by another configuration, such as a renewed certificate's.
    /// Those that are open stay as they are.
    ///
    /// - Throws: ``ServerError/withoutTLS`` for a server that was made without; ``ServerError/tlsTooOld``; NIOSSL's
    ///   error for a certificate that is none. The one in use stays then.
    public func reloadTLS(_ configuration: TLSConfiguration) throws {
        guard self.configuration.tls != nil else { throw ServerError.withoutTLS }
        tls.use(try configuration.context(self.configuration.http2))
    }
}

extension TLSConfiguration {
    /// What a server has of it: TLS 1.2 at least, and ALPN unless the configuration has its own.
    func context(_ http2: WebSocketServer.HTTP2Options) throws -> NIOSSLContext {
        var configuration = self
        // RFC 8996: what is older must not be used. NIOSSL's own default would allow it.
        switch configuration.minimumTLSVersion {
        case .tlsv1, .tlsv11: configuration.minimumTLSVersion = .tlsv12
        case .tlsv12, .tlsv13: break
        }
        switch configuration.maximumTLSVersion {
        case .tlsv1, .tlsv11: throw ServerError.tlsTooOld
        case .tlsv12, .tlsv13, nil: break
        }
        if configuration.applicationProtocols.isEmpty {
            configuration.applicationProtocols = http2.isEnabled ? ["h2", "http/1.1"] : ["http/1.1"]
        } else if !http2.isEnabled {
            configuration.applicationProtocols.removeAll { $0 == "h2" }
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
