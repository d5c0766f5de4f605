// The server that Benchmarks/soak.py torments: both faces, topics, and clocks that run fast.
//
//     soak-server [--engine NAME] [--certificate FILE --key FILE]
//
// It says where it listens (`listening PORT`, and with a certificate `secure PORT`), twice a second what it has open
// (`open CONNECTIONS HANDLERS`) and what is allocated (`heap BYTES`), and when it has stopped what became of them (`drained CLOSED GONE CUT HANDLERS`).

import CommandSupport
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import UnixSignals
import WebSocketServer
import WebSocketTransport

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

@main
struct SoakServer {
    struct WrongArguments: Error {}

    static func main() async throws {
        var settings: [String: String] = [:]
        var arguments = CommandLine.arguments.dropFirst()
        while let name = arguments.popFirst() {
            guard name.hasPrefix("--"), let value = arguments.popFirst() else { throw WrongArguments() }
            settings[String(name.dropFirst(2))] = value
        }
        var plain = configuration()
        if let name = settings["engine"] {
            guard let engine = WebSocketServer.Engine(rawValue: name) else { throw WrongArguments() }
            plain.engine = engine
        }
        var servers = [server(plain)]
        if let certificate = settings["certificate"], let key = settings["key"] {
            var secure = configuration()
            secure.tls = .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            )
            servers.append(server(secure))
        }
        for (name, server) in zip(["listening", "secure"], servers) {
            say("\(name) \(try await server.start().port ?? 0)")
        }

        let group = ServiceGroup(
            services: servers,
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "soak") { _ in SwiftLogNoOpLogHandler() }
        )
        let counting = Task { [servers] in
            while true {
                let connections = servers.reduce(0) { $0 + $1.connectionCount }
                let handlers = servers.reduce(0) { $0 + $1.handlerCount }
                say("open \(connections) \(handlers)")
                if let bytes = HeapTrim.bytesInUse { say("heap \(bytes)") }
                try await Task.sleep(for: .milliseconds(500))
            }
        }
        // As `duplex serve` does.
        let trimming = Task { await HeapTrim.runForever() }
        try await group.run()
        counting.cancel()
        trimming.cancel()
        for server in servers {
            guard let report = server.drainReport else { continue }
            say("drained \(report.closed) \(report.gone) \(report.cut) \(report.handlersLeft)")
        }
    }

    /// So fast that what waits for a timeout waits for two seconds or so.
    private static func configuration() -> WebSocketServer.Configuration {
        // Lines for thousands of visits would be what is measured; what is wrong is told.
        var logger = Logger(label: "soak")
        logger.logLevel = .warning
        var configuration = WebSocketServer.Configuration(port: 0, logger: logger)
        configuration.connection.pingInterval = .seconds(1)
        configuration.connection.pongTimeout = .seconds(3)
        configuration.connection.handshakeTimeout = .seconds(2)
        configuration.connection.closeTimeout = .seconds(2)
        configuration.drain.window = .seconds(1)
        return configuration
    }

    private static func server(_ configuration: WebSocketServer.Configuration) -> WebSocketServer {
        let server = WebSocketServer(configuration)
        server.route(
            "/echo",
            callbacks: { _, _ in
                ConnectionCallbacks(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) })
            }
        )
        server.route("/task") { socket, _ in
            for try await message in socket.messages {
                if message.text == "bye" { return }
                try await socket.send(message)
            }
        }
        let topics = TopicHub()
        server.route("/topic/:name") { socket, parameters in
            guard let name = parameters["name"] else { return }
            try topics.subscribe(socket, to: name)
            defer { topics.unsubscribe(socket, from: name) }
            for try await message in socket.messages { try await topics.publish(message, to: name) }
        }
        return server
    }

    private static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        // Nobody listens: whoever started this has gone.
        if write(1, bytes, bytes.count) < 0, errno == EPIPE { exit(1) }
    }
}
