import Logging
import WebSocketServer

/// All that can be set about `duplex serve`, in the order of the help: one line says all there is to know of it but
/// what it does.
enum Settings {
    // Where it listens.
    static let host = Setting(
        "host",
        .host,
        default: "127.0.0.1",
        "The name or address to listen at.",
        flag: \.host
    )
    static let port = Setting(
        "port",
        .port,
        default: "9001",
        "The port to listen on; 0 lets the system choose.",
        flag: \.port
    )
    static let workers = Setting(
        "workers",
        .number("count", in: 1...1024),
        unset: "one per core",
        "The number of event loops.",
        flag: \.workers
    )
    static let engine = Setting(
        "engine",
        Form<WebSocketServer.Engine>.choice,
        unset: "the fastest there is",
        "What carries the connections: SwiftNIO, or Linux's epoll or io_uring.",
        flag: \.engine
    )

    // TLS.
    static let tls = Setting(
        "tls",
        "Serve TLS: https and wss, without --cert by a certificate for this machine only.",
        flag: \.tls
    )
    static let cert = Setting(
        "cert",
        .file,
        unset: "none",
        "The certificate and those that vouch for it, in PEM; serves TLS.",
        flag: \.cert
    )
    static let key = Setting(
        "key",
        .file,
        unset: "none",
        "The certificate's private key, in PEM.",
        flag: \.key
    )
    static let clientCA = Setting(
        "client-ca",
        .file,
        unset: "none",
        "Ask clients for certificates that these authorities (PEM) vouch for, and refuse all others.",
        flag: \.clientCA
    )

    // Who may come in.
    static let allowOrigin = Setting(
        "allow-origin",
        listOf: .origin,
        unset: "same-host",
        "Whose pages may open WebSockets: an origin, same-host or any-dangerously; repeat for more.",
        flag: \.allowOrigin
    )
    static let requireOrigin = Setting(
        "require-origin",
        "Refuse requests without Origin, which are no browser's.",
        flag: \.requireOrigin
    )
    static let allowedHost = Setting(
        "allowed-host",
        listOf: .hostAlone,
        unset: "any, on loopback its own",
        "A name by which browsers know the server, without a port; with any, pages of others are refused; repeat for more.",
        flag: \.allowedHost
    )
    static let maxConnections = Setting(
        "max-connections",
        Form<Int>.number("count", in: 1...10_000_000).orOff,
        default: "100000",
        "The most connections at a time.",
        flag: \.maxConnections
    )
    static let maxConnectionsPerAddress = Setting(
        "max-connections-per-address",
        .number("count", in: 1...10_000_000),
        unset: "any",
        "The most connections at a time of one client's address.",
        flag: \.maxConnectionsPerAddress
    )
    static let handshakeRate = Setting(
        "handshake-rate",
        .rate,
        unset: "any",
        "The most WebSockets that are opened in a second.",
        flag: \.handshakeRate
    )
    static let handshakeRatePerAddress = Setting(
        "handshake-rate-per-address",
        .rate,
        unset: "any",
        "The most WebSockets that one client's address opens in a second.",
        flag: \.handshakeRatePerAddress
    )
    static let trustedProxy = Setting(
        "trusted-proxy",
        listOf: .addresses,
        unset: "none",
        "A proxy whose word is taken for who the client is: an address, a block or loopback; repeat for more.",
        flag: \.trustedProxy
    )
    static let forwardedFields = Setting(
        "forwarded-fields",
        Form<ForwardedChoice>.choice,
        default: "either",
        "Which fields a --trusted-proxy writes: Forwarded, those that begin with X-Forwarded, or one or the other.",
        flag: \.forwardedFields
    )
    static let proxyProtocol = Setting(
        "proxy-protocol",
        "Every connection is from a --trusted-proxy, and begins with the PROXY protocol's header.",
        flag: \.proxyProtocol
    )

    static let h2c = Setting(
        "h2c",
        "Without TLS, understand clients that begin to speak HTTP/2 unasked (takes the engine nio).",
        flag: \.h2c
    )

    // What a connection may.
    static let maxMessageSize = Setting(
        "max-message-size",
        .size,
        default: "16MiB",
        "The largest message taken.",
        flag: \.maxMessageSize
    )
    static let subprotocol = Setting(
        "subprotocol",
        listOf: .subprotocol,
        unset: "none",
        "A subprotocol spoken on every path; repeat for more, the preferred first.",
        flag: \.subprotocol
    )
    static let compression = Setting(
        "compression",
        Form<CompressionMode>.choice,
        default: "message",
        "Compression: off, each message by itself, or with the memory of the whole connection.",
        flag: \.compression
    )
    static let pingInterval = Setting(
        "ping-interval",
        Form<Duration>.time.orOff,
        default: "20s",
        "A ping is sent this often.",
        flag: \.pingInterval
    )
    static let pongTimeout = Setting(
        "pong-timeout",
        .time,
        default: "20s",
        "How long a peer may be silent after a ping.",
        flag: \.pongTimeout
    )
    static let idleTimeout = Setting(
        "idle-timeout",
        .time,
        unset: "none",
        "After how long without a message a connection is closed.",
        flag: \.idleTimeout
    )
    static let maximumAge = Setting(
        "maximum-age",
        .time,
        unset: "none",
        "How long a connection may be open; its client is to come again.",
        flag: \.maximumAge
    )
    static let jitter = Setting(
        "jitter",
        .part,
        default: "10%",
        "How much earlier than it says an interval of pings, an idle timeout or a maximum age may end, by chance.",
        flag: \.jitter
    )
    static let handshakeTimeout = Setting(
        "handshake-timeout",
        .time,
        default: "10s",
        "How long an opening handshake may take, TLS included.",
        flag: \.handshakeTimeout
    )
    static let closeTimeout = Setting(
        "close-timeout",
        .time,
        default: "5s",
        "How long a closing handshake may take.",
        flag: \.closeTimeout
    )
    static let outboundLimit = Setting(
        "outbound-limit",
        .size,
        default: "16MiB",
        "How much may wait for a peer that does not read, before topics close it.",
        flag: \.outboundLimit
    )

    // What it serves.
    static let files = Setting(
        "static",
        .text("directory", expected: "the path of a directory"),
        unset: "none",
        "Serve the files of a directory at /; the console moves to /.duplex/.",
        flag: \.files
    )

    // How it stops.
    static let drainTimeout = Setting(
        "drain-timeout",
        .time,
        default: "10s",
        "How long a shutdown waits until it cuts what is left.",
        flag: \.drainTimeout
    )

    static let drainWindow = Setting(
        "drain-window",
        .time,
        unset: "10ms for each connection, at most 2s",
        "Over how long a shutdown spreads the ends of connections.",
        flag: \.drainWindow
    )
    static let drainDelay = Setting(
        "drain-delay",
        .time,
        default: "0s",
        "How long a server that is to stop serves on, with /readyz saying no.",
        flag: \.drainDelay
    )
    static let drainCode = Setting(
        "drain-code",
        .closeCode,
        default: "1012",
        "What a shutdown closes connections with: 1012 to have clients come back, 1001 if not.",
        flag: \.drainCode
    )

    // What it tells.
    static let verbose = Setting(
        "verbose",
        short: "v",
        "Log connections and refusals: the same as --log-level debug.",
        flag: \.verbose
    )
    static let logLevel = Setting(
        "log-level",
        Form<Logger.Level>.choice,
        default: "warning",
        "From where on log lines are written.",
        flag: \.logLevel
    )
    static let logFormat = Setting(
        "log-format",
        Form<LogFormat>.choice,
        default: "text",
        "How log lines look on standard error: text, or one JSON object each.",
        flag: \.logFormat
    )
    static let metricsPort = Setting(
        "metrics-port",
        .port,
        unset: "none",
        "Answer Prometheus at /metrics on a port of its own; 0 lets the system choose.",
        flag: \.metricsPort
    )
    static let metricsHost = Setting(
        "metrics-host",
        .host,
        default: "127.0.0.1",
        "Where that port is.",
        flag: \.metricsHost
    )

    static let all: [SettingEntry] = [
        host.entry, port.entry, workers.entry, engine.entry,
        tls.entry, cert.entry, key.entry, clientCA.entry, h2c.entry,
        allowOrigin.entry, requireOrigin.entry, allowedHost.entry,
        maxConnections.entry, maxConnectionsPerAddress.entry, handshakeRate.entry,
        handshakeRatePerAddress.entry, trustedProxy.entry, forwardedFields.entry, proxyProtocol.entry,
        maxMessageSize.entry, subprotocol.entry, compression.entry, pingInterval.entry, pongTimeout.entry,
        idleTimeout.entry, maximumAge.entry, jitter.entry, handshakeTimeout.entry, closeTimeout.entry,
        outboundLimit.entry,
        files.entry,
        drainTimeout.entry, drainWindow.entry, drainDelay.entry, drainCode.entry,
        verbose.entry, logLevel.entry, logFormat.entry, metricsPort.entry, metricsHost.entry,
    ]
}
