import ArgumentParser

/// The flags of `duplex serve`, as the command line has them: texts, which ``Settings`` knows how to read.
struct ServeFlags: ParsableArguments {
    @Option(Settings.host) var host: String?
    @Option(Settings.port) var port: String?
    @Option(Settings.workers) var workers: String?
    @Option(Settings.engine) var engine: String?

    @Flag(Settings.tls) var tls: Bool?
    @Option(Settings.cert) var cert: String?
    @Option(Settings.key) var key: String?
    @Option(Settings.clientCA) var clientCA: String?
    @Flag(Settings.h2c) var h2c: Bool?

    @Option(Settings.allowOrigin) var allowOrigin: [String] = []
    @Flag(Settings.requireOrigin) var requireOrigin: Bool?
    @Option(Settings.allowedHost) var allowedHost: [String] = []
    @Option(Settings.maxConnections) var maxConnections: String?
    @Option(Settings.maxConnectionsPerAddress) var maxConnectionsPerAddress: String?
    @Option(Settings.handshakeRate) var handshakeRate: String?
    @Option(Settings.handshakeRatePerAddress) var handshakeRatePerAddress: String?
    @Option(Settings.trustedProxy) var trustedProxy: [String] = []
    @Option(Settings.forwardedFields) var forwardedFields: String?
    @Flag(Settings.proxyProtocol) var proxyProtocol: Bool?

    @Option(Settings.maxMessageSize) var maxMessageSize: String?
    @Option(Settings.subprotocol) var subprotocol: [String] = []
    @Option(Settings.compression) var compression: String?
    @Option(Settings.pingInterval) var pingInterval: String?
    @Option(Settings.pongTimeout) var pongTimeout: String?
    @Option(Settings.idleTimeout) var idleTimeout: String?
    @Option(Settings.maximumAge) var maximumAge: String?
    @Option(Settings.jitter) var jitter: String?
    @Option(Settings.handshakeTimeout) var handshakeTimeout: String?
    @Option(Settings.closeTimeout) var closeTimeout: String?
    @Option(Settings.outboundLimit) var outboundLimit: String?

    @Option(Settings.files) var files: String?

    @Option(Settings.drainTimeout) var drainTimeout: String?
    @Option(Settings.drainWindow) var drainWindow: String?
    @Option(Settings.drainDelay) var drainDelay: String?
    @Option(Settings.drainCode) var drainCode: String?

    @Flag(Settings.verbose) var verbose: Bool?
    @Option(Settings.logLevel) var logLevel: String?
    @Option(Settings.logFormat) var logFormat: String?
    @Option(Settings.metricsPort) var metricsPort: String?
    @Option(Settings.metricsHost) var metricsHost: String?

    @Option(
        help: ArgumentHelp(
            "Take settings from this file (JSON), unless set here or by DUPLEX_….",
            valueName: "file"
        )
    )
    var config: String?

    @Flag(help: "Say what would be in force, and where it comes from, and stop.")
    var printConfig = false
}
