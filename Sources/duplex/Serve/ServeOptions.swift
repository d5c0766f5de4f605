import Logging
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// What `duplex serve` is to do: a ``ServeConfiguration`` that was read, checked and understood.
struct ServeOptions: Sendable {
    let server: WebSocketServer.Configuration
    let subprotocols: [String]
    /// The directory whose files are served; `nil` for the console in their place.
    let files: String?
    /// `nil` for plain TCP.
    let tls: TLSSource?
    let metrics: (host: String, port: Int)?

    /// - Parameter cacheFolder: where a development certificate is kept.
    init(_ configuration: ServeConfiguration, cacheFolder: String?) throws(ConfigurationError) {
        let isVerbose = try configuration.value(of: Settings.verbose)
        let level = try configuration.value(of: Settings.logLevel)
        let logger = try configuration.value(of: Settings.logFormat).logger(
            level: isVerbose && !configuration.outranks(Settings.logLevel, Settings.verbose)
                ? min(level, .debug) : level
        )

        var connection = ConnectionOptions()
        connection.limits.maxMessageSize = try configuration.value(of: Settings.maxMessageSize).bytes
        connection.compression = try configuration.value(of: Settings.compression).options
        connection.pingInterval = try configuration.value(of: Settings.pingInterval)
        connection.pongTimeout = try configuration.value(of: Settings.pongTimeout)
        connection.idleTimeout = try configuration.value(of: Settings.idleTimeout)
        connection.maximumAge = try configuration.value(of: Settings.maximumAge)
        connection.jitter = try configuration.value(of: Settings.jitter)
        connection.handshakeTimeout = try configuration.value(of: Settings.handshakeTimeout)
        connection.closeTimeout = try configuration.value(of: Settings.closeTimeout)
        connection.outboundLimit = try configuration.value(of: Settings.outboundLimit).bytes

        var server = WebSocketServer.Configuration(
            host: try configuration.value(of: Settings.host),
            port: try configuration.value(of: Settings.port),
            connection: connection,
            workers: try configuration.value(of: Settings.workers),
            engine: try configuration.value(of: Settings.engine),
            admission: try Self.admission(configuration),
            drain: .init(
                code: try configuration.value(of: Settings.drainCode),
                readinessDelay: try configuration.value(of: Settings.drainDelay),
                window: try configuration.value(of: Settings.drainWindow),
                deadline: try configuration.value(of: Settings.drainTimeout)
            ),
            logger: logger
        )
        server.http2.allowsCleartext = try configuration.value(of: Settings.h2c)
        self.server = server
        let names = try configuration.value(of: Settings.subprotocol)
        if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
            throw configuration.wrong(Settings.subprotocol.entry, "\(names[twice]) is there twice")
        }
        subprotocols = names
        files = try configuration.value(of: Settings.files)
        tls = try Self.tls(configuration, cacheFolder: cacheFolder)
        let metricsHost = try configuration.value(of: Settings.metricsHost)
        metrics = try configuration.value(of: Settings.metricsPort).map { (metricsHost, $0) }
    }

    private static func admission(
        _ configuration: ServeConfiguration
    ) throws(ConfigurationError) -> WebSocketServer.Admission {
        var admission = WebSocketServer.Admission()
        let origins = try configuration.value(of: Settings.allowOrigin)
        let listed = origins.filter { $0 != "same-host" }
        if origins.contains("any-dangerously") {
            guard origins.count == 1 else {
                throw configuration.wrong(
                    Settings.allowOrigin.entry,
                    "any-dangerously leaves nothing to add to it"
                )
            }
            admission.origins = .anyOriginDangerously
        } else if !origins.isEmpty {
            admission.origins = listed.count < origins.count ? .sameHost(or: listed) : .allow(listed)
        }
        admission.requiresOrigin = try configuration.value(of: Settings.requireOrigin)
        admission.allowedHosts = try configuration.value(of: Settings.allowedHost)
        admission.maxConnections = try configuration.value(of: Settings.maxConnections)
        admission.maxConnectionsPerAddress = try configuration.value(of: Settings.maxConnectionsPerAddress)
        admission.handshakeRate = try configuration.value(of: Settings.handshakeRate)
        admission.handshakeRatePerAddress = try configuration.value(of: Settings.handshakeRatePerAddress)
        admission.forwardedFields = try configuration.value(of: Settings.forwardedFields).fields
        let proxies = try configuration.value(of: Settings.trustedProxy)
        admission.trustedProxies = proxies
        if try configuration.value(of: Settings.proxyProtocol) {
            guard !proxies.isEmpty else {
                throw configuration.wrong(
                    Settings.proxyProtocol.entry,
                    "needs the proxies' addresses (--trusted-proxy)"
                )
            }
            admission.proxyProtocol = .required(from: proxies)
        }
        return admission
    }

    private static func tls(
        _ configuration: ServeConfiguration,
        cacheFolder: String?
    ) throws(ConfigurationError) -> TLSSource? {
        let isAskedFor = try configuration.value(of: Settings.tls)
        let authorities = try configuration.value(of: Settings.clientCA)
        // Said where it counts for more than a certificate, it is the last word.
        if !isAskedFor, configuration.outranks(Settings.tls, Settings.cert) {
            // But whoever wants certificates of clients is not served without asking for any.
            if authorities != nil, !configuration.outranks(Settings.tls, Settings.clientCA) {
                throw configuration.wrong(Settings.clientCA.entry, "needs TLS, which is off (--no-tls)")
            }
            return nil
        }
        let identity: TLSSource.Identity
        switch (try configuration.value(of: Settings.cert), try configuration.value(of: Settings.key)) {
        case (let certificate?, let key?): identity = .files(certificate: certificate, key: key)
        case (_?, nil):
            throw configuration.wrong(Settings.cert.entry, "the certificate's key is missing (--key)")
        case (nil, _?):
            throw configuration.wrong(Settings.key.entry, "the key's certificate is missing (--cert)")
        case (nil, nil) where isAskedFor: identity = .development(folder: cacheFolder)
        case (nil, nil):
            if authorities != nil {
                throw configuration.wrong(Settings.clientCA.entry, "needs TLS (--tls, or --cert)")
            }
            return nil
        }
        return TLSSource(identity: identity, clientAuthorities: authorities)
    }
}
