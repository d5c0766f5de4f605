import NIOSSL
import WebSocketServer

extension WebSocketServer.Configuration {
    /// A server whose sockets pages of other servers may open: the console's, here, which has a port of its own.
    static var toAnyPage: Self { toAnyPage(over: nil) }

    static func toAnyPage(over tls: TLSConfiguration?) -> Self {
        .init(port: 0, tls: tls, admission: .init(origins: .anyOriginDangerously))
    }
}
