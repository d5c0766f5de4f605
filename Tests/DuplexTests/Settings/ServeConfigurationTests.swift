import ArgumentParser
import Configuration
import Logging
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@testable import duplex

@Suite("Configuration of duplex serve")
struct ServeConfigurationTests {
    private func options(
        _ arguments: [String] = [],
        _ environment: [String: String] = [:]
    ) throws -> ServeOptions {
        let configuration = try ServeConfiguration(
            .parse(arguments),
            environment: .init(environmentVariables: environment)
        )
        return try ServeOptions(configuration, cacheFolder: nil)
    }

    private func error(_ arguments: [String] = [], _ environment: [String: String] = [:]) -> String? {
        let error = #expect(throws: ConfigurationError.self) { try options(arguments, environment) }
        return error?.description
    }

    @Test func `A wrong value is told with its place and what was expected, wherever it is`() throws {
        let expected = "a number from 0 to 65535 was expected, not \"70000\""
        #expect(error(["--port", "70000"]) == "--port: \(expected)")
        #expect(error([], ["DUPLEX_PORT": "70000"]) == "DUPLEX_PORT: \(expected)")
        let folder = try TemporaryFolder()
        let file = try folder.write("{\"port\": 70000}", to: "duplex.json")
        #expect(error(["--config", file]) == "port in \(file): \(expected)")
        #expect(
            error([], ["DUPLEX_VERBOSE": "perhaps"])?.hasPrefix("DUPLEX_VERBOSE: true or false was") == true
        )
        #expect(error([], ["DUPLEX_HOST": ""])?.hasPrefix("DUPLEX_HOST: a name or an address was") == true)
    }

    @Test func `A wrong value does not matter where another wins`() throws {
        #expect(try options(["--port", "1"], ["DUPLEX_PORT": "x"]).server.port == 1)
    }

    @Test(
        arguments: [
            ("{\n  \"prot\": 1\n}", ", line 2: there is no setting \"prot\""),
            ("{\"port\": [1]}", ", line 1: port is a number from 0 to 65535, and no list of them"),
            ("{\"port\": 1", ", line 1: a comma or a closing brace was expected before the end"),
        ]
    )
    func `A file with what is no setting, or no JSON, is told with the line`(text: String, problem: String)
        throws
    {
        let folder = try TemporaryFolder()
        let file = try folder.write(text, to: "duplex.json")
        #expect(error(["--config", file]) == file + problem)
    }

    @Test func `A file that is not there is named`() throws {
        let folder = try TemporaryFolder()
        let file = "\(folder.path)/none.json"
        #expect(error(["--config", file]) == "\(file): No such file or directory")
        #expect(error([], ["DUPLEX_CONFIG": file]) == "\(file): No such file or directory")
    }

    @Test func `Numbers and truths of a file may be texts, a list may be one text, null is nothing`() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            #"{"port": "1", "verbose": "yes", "subprotocol": "a", "host": null, "workers": 2}"#,
            to: "duplex.json"
        )
        let options = try options(["--config", file])
        #expect(options.server.port == 1)
        #expect(options.server.logger.logLevel == .debug)
        #expect(options.subprotocols == ["a"])
        #expect(options.server.host == "127.0.0.1")
        #expect(options.server.workers == 2)
    }

    @Test func `A list has commas in the environment, and may be empty`() throws {
        #expect(
            try options([], ["DUPLEX_SUBPROTOCOL": "v2.chat, v1.chat"]).subprotocols == [
                "v2.chat", "v1.chat",
            ]
        )
        let folder = try TemporaryFolder()
        let file = try folder.write(#"{"subprotocol": ["a", "b"]}"#, to: "duplex.json")
        #expect(try options(["--config", file]).subprotocols == ["a", "b"])
        #expect(try options(["--config", file], ["DUPLEX_SUBPROTOCOL": ""]).subprotocols == [])
    }

    @Test func `A subprotocol that is no token is told, wherever it is`() {
        let expected = "a subprotocol's name (letters, digits and !#$%&'*+-.^_`|~) was expected, not"
        #expect(error(["--subprotocol", "a b"]) == "--subprotocol: \(expected) \"a b\"")
        #expect(
            error([], ["DUPLEX_SUBPROTOCOL": "chat,a/b"]) == "DUPLEX_SUBPROTOCOL: \(expected) \"chat, a/b\""
        )
    }

    @Test func `A switch of the file can be turned off`() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(#"{"verbose": true, "tls": true}"#, to: "duplex.json")
        #expect(try options(["--config", file]).tls != nil)
        let options = try options(["--config", file, "--no-verbose", "--no-tls"])
        #expect(options.server.logger.logLevel == .warning)
        #expect(options.tls == nil)
    }

    @Test func `--verbose shows no less than the level asked for`() throws {
        #expect(try options(["-v"]).server.logger.logLevel == .debug)
        #expect(try options(["-v", "--log-level", "trace"]).server.logger.logLevel == .trace)
        #expect(try options(["--log-level", "error"]).server.logger.logLevel == .error)
    }

    @Test func `Settings that need one another are told when one is missing`() {
        #expect(error(["--cert", "c.pem"]) == "--cert: the certificate's key is missing (--key)")
        #expect(error([], ["DUPLEX_KEY": "k.pem"]) == "DUPLEX_KEY: the key's certificate is missing (--cert)")
        #expect(error(["--client-ca", "c.pem"]) == "--client-ca: needs TLS (--tls, or --cert)")
    }

    @Test func `Connections have what is set`() throws {
        let connection = try options([
            "--ping-interval", "off", "--pong-timeout", "3s", "--outbound-limit", "2MiB",
            "--max-message-size", "64KiB",
            "--compression", "off", "--idle-timeout", "10m", "--maximum-age", "24h", "--jitter", "25%",
            "--handshake-timeout", "4s", "--close-timeout", "2s",
        ]).server.connection
        #expect(connection.jitter == 0.25)
        #expect(connection.handshakeTimeout == .seconds(4))
        #expect(connection.closeTimeout == .seconds(2))
        #expect(connection.idleTimeout == .seconds(600))
        #expect(connection.maximumAge == .seconds(86_400))
        #expect(connection.pingInterval == nil)
        #expect(connection.pongTimeout == .seconds(3))
        #expect(connection.outboundLimit == 2 << 20)
        #expect(connection.limits.maxMessageSize == 64 << 10)
        #expect(connection.compression == nil)
        #expect(try options(["--drain-timeout", "0s"]).server.shutdownTimeout == .zero)
    }

    @Test func `How it stops is set`() throws {
        #expect(try options().server.drain == .init())
        let drain = try options([
            "--drain-timeout", "30s", "--drain-window", "5s", "--drain-delay", "2s", "--drain-code", "1001",
        ]).server.drain
        #expect(drain.deadline == .seconds(30))
        #expect(drain.window == .seconds(5))
        #expect(drain.readinessDelay == .seconds(2))
        #expect(drain.code == .goingAway)
        #expect(drain.reason == "the server is going away")
        #expect(
            error(["--drain-code", "5000"])?.hasPrefix("--drain-code: a number from 1000 to 4999 was") == true
        )
    }

    @Test func `Who may come in is set`() throws {
        let byDefault = try options().server.admission
        #expect(byDefault.origins == .sameHost)
        #expect(byDefault.maxConnections == 100_000)
        let admission = try options([
            "--allow-origin", "https://a.example", "--allow-origin", "same-host", "--max-connections", "off",
            "--max-connections-per-address", "5", "--handshake-rate", "20", "--trusted-proxy", "10.0.0.0/8",
            "--trusted-proxy", "loopback", "--proxy-protocol", "--require-origin", "--allowed-host",
            "a.example",
            "--allowed-host", "b.example", "--handshake-rate-per-address", "3", "--forwarded-fields",
            "x-forwarded",
        ]).server.admission
        #expect(!byDefault.requiresOrigin)
        #expect(admission.requiresOrigin)
        #expect(admission.allowedHosts == ["a.example", "b.example"])
        #expect(admission.handshakeRatePerAddress == HandshakeRate(perSecond: 3, burst: 3))
        #expect(byDefault.forwardedFields == .either)
        #expect(admission.forwardedFields == .xForwarded)
        #expect(admission.origins == .sameHost(or: ["https://a.example"]))
        #expect(admission.maxConnections == nil)
        #expect(admission.maxConnectionsPerAddress == 5)
        #expect(admission.handshakeRate == HandshakeRate(perSecond: 20, burst: 20))
        #expect(admission.trustedProxies == [try AddressRange("10.0.0.0/8"), .loopback])
        #expect(admission.proxyProtocol == .required(from: admission.trustedProxies))
        #expect(
            try options(["--allow-origin", "https://a.example"]).server.admission.origins
                == .allow(["https://a.example"])
        )
        #expect(
            try options([], ["DUPLEX_ALLOW_ORIGIN": "any-dangerously"]).server.admission.origins
                == .anyOriginDangerously
        )
        #expect(
            error(["--proxy-protocol"]) == "--proxy-protocol: needs the proxies' addresses (--trusted-proxy)"
        )
        #expect(
            error(["--trusted-proxy", "10.0.0.1/8"])
                == "--trusted-proxy: an address, a block such as 10.0.0.0/8, or loopback was expected, not \"10.0.0.1/8\""
        )
    }
}
