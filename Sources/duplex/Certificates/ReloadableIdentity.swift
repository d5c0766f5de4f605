import CommandSupport
import Logging
import WebSocketServer

/// The files behind a server's TLS, which can be read again: connections that come from then on have what is in them, and
/// those that are open keep what they have.
struct ReloadableIdentity: Sendable {
    let source: TLSSource
    let server: WebSocketServer
    let logger: Logger

    /// Reads the files again. If they are no good, all stays as it was.
    func reload() {
        do {
            let loaded = try source.load()
            try server.reloadTLS(loaded.configuration)
            for notice in loaded.notices { logger.warning("\(notice)") }
            logger.notice("the certificate was read again", metadata: ["sha256": "\(loaded.fingerprint)"])
        } catch {
            logger.error("the certificate stays the one it was", metadata: ["reason": "\(error)"])
        }
    }
}
