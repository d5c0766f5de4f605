import Logging
import ServiceLifecycle
import UnixSignals

/// What SIGHUP means to a server that nobody watches at a terminal: read again what may have changed.
struct HangUps: Service {
    let signals: UnixSignalsSequence
    let manager: ServiceManager
    /// `nil` where there is no TLS.
    let identity: ReloadableIdentity?
    let logger: Logger

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() {
            manager.tell(.reloading)
            if let identity {
                identity.reload()
            } else {
                logger.notice("there is no certificate to read again")
            }
            manager.tell(.ready)
        }
    }
}
