import CommandSupport
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The certificate and the key that the server shows now. What is read again is shown to whoever connects from then on;
/// connections that are open keep what they have.
final class ReloadableIdentity: Sendable {
    private let source: TLSSource
    private let shown: Mutex<NIOSSLContextConfigurationOverride>
    let logger: Logger

    init(_ source: TLSSource, showing loaded: TLSSource.Loaded, logger: Logger) {
        self.source = source
        self.logger = logger
        shown = Mutex(Self.identity(of: loaded))
    }

    private static func identity(of loaded: TLSSource.Loaded) -> NIOSSLContextConfigurationOverride {
        var identity = NIOSSLContextConfigurationOverride()
        identity.certificateChain = loaded.configuration.certificateChain
        identity.privateKey = loaded.configuration.privateKey
        return identity
    }

    /// The same, asking here at each handshake.
    func configuration(_ configuration: TLSConfiguration) -> TLSConfiguration {
        var configuration = configuration
        configuration.sslContextCallback = { [self] _, promise in promise.succeed(shown.withLock(\.self)) }
        return configuration
    }

    /// Reads the files again. If they are no good, what was shown before is shown on.
    func reload() {
        do throws(FileError) {
            let loaded = try source.load()
            shown.withLock { $0 = Self.identity(of: loaded) }
            for notice in loaded.notices { logger.warning("\(notice)") }
            logger.notice("the certificate was read again", metadata: ["sha256": "\(loaded.fingerprint)"])
        } catch {
            logger.error("the certificate stays the one it was", metadata: ["reason": "\(error)"])
        }
    }
}
