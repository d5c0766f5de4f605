import ArgumentParser
import Configuration
import Foundation
import TestSupport
import Testing
import WebSocketServer

@testable import duplex

@Suite("Checking what duplex serve is to do", .timeLimit(.minutes(1)))
struct ServeCheckTests {
    private func error(_ arguments: [String], _ environment: [String: String] = [:]) throws -> String? {
        let configuration = try configuration(arguments, environment)
        let options = try ServeOptions(configuration, cacheFolder: nil)
        return #expect(throws: ConfigurationError.self) { try options.check(configuration) }?.description
    }

    private func options(_ arguments: [String], _ environment: [String: String]) throws -> ServeOptions {
        try ServeOptions(configuration(arguments, environment), cacheFolder: nil)
    }

    private func configuration(_ arguments: [String], _ environment: [String: String]) throws
        -> ServeConfiguration
    {
        try ServeConfiguration(.parse(arguments), environment: .init(environmentVariables: environment))
    }

    @Test func `What the server would refuse is told with its place, wherever it is`() throws {
        let noOrigin = "\"*\" is not a scheme, a host and maybe a port, such as https://example.org"
        #expect(try error(["--allow-origin", "*"]) == "--allow-origin: \(noOrigin)")
        #expect(
            try error([], ["DUPLEX_ALLOW_ORIGIN": "https://a.example, *"])
                == "DUPLEX_ALLOW_ORIGIN: \(noOrigin)"
        )
        let folder = try TemporaryFolder()
        let file = try folder.write("{\"allow-origin\": [\"*\"]}", to: "duplex.json")
        #expect(try error(["--config", file]) == "allow-origin in \(file): \(noOrigin)")
    }

    @Test(
        arguments: [
            (
                ["--allow-origin", "https://a.example/path"],
                "--allow-origin: \"https://a.example/path\" is not"
            ),
            (
                ["--allowed-host", "https://a.example"],
                "--allowed-host: \"https://a.example\" is not a host's name"
            ),
            (["--drain-code", "1005"], "--drain-code: "),
            (["--drain-code", "2000"], "--drain-code: "),
            (["--drain-window", "20s"], "--drain-window: a delay of "),
            (["--drain-delay", "20s"], "--drain-delay: a delay of "),
            (["--drain-delay", "5s", "--drain-timeout", "1s"], "--drain-delay: a delay of "),
            (
                ["--static", "/nowhere/at all"],
                "--static: route \"/\" is to serve /nowhere/at all, which is no directory"
            ),
            (["--cert", "/nowhere/c.pem", "--key", "k.pem"], "--cert: /nowhere/c.pem: No such file"),
            (["--tls", "--client-ca", "/nowhere/ca.pem"], "--client-ca: /nowhere/ca.pem: No such file"),
            (["--handshake-timeout", "0s"], "--handshake-timeout: an opening handshake takes some time"),
        ]
    )
    func `Each is told at the setting that is to blame`(arguments: [String], beginning: String) throws {
        let error = try #require(try error(arguments))
        #expect(error.hasPrefix(beginning), "\(error)")
    }

    @Test func `Clients' certificates are not forgone in silence`() throws {
        let file = try TemporaryFolder().write("", to: "ca.pem")
        for (arguments, variables) in [
            (["--client-ca", file], ["DUPLEX_TLS": "false"]),
            (["--client-ca", file, "--no-tls"], [:]),
            (["--client-ca", file], [:]),
        ] as [([String], [String: String])] {
            let wrong = #expect(throws: ConfigurationError.self) { try options(arguments, variables) }
            #expect(wrong?.description.hasPrefix("--client-ca: needs TLS") == true)
        }
        // Said nearer, it is meant for all of it.
        #expect(try options(["--no-tls"], ["DUPLEX_CLIENT_CA": file]).tls == nil)
    }

    @Test func `A subprotocol that is there twice is told`() throws {
        let twice = #expect(throws: ConfigurationError.self) {
            try options(["--subprotocol", "a", "--subprotocol", "b", "--subprotocol", "a"], [:])
        }
        #expect(twice?.description == "--subprotocol: a is there twice")
    }

    #if os(Linux)
    @Test(arguments: ["epoll", "io_uring"])
    func `An engine that cannot serve is told before the start`(engine: String) throws {
        for (arguments, what) in [(["--tls"], "TLS"), (["--h2c"], "HTTP/2")] {
            #expect(
                try error(["--engine", engine] + arguments)
                    == "--engine: the engine \(engine) cannot serve this: it serves no \(what)"
            )
        }
    }
    #endif

    @Test func `Whoever is blamed is a setting, and what no setting reaches is nobody's fault`() {
        // They are as the library has them.
        let fixed = [
            "admission.maxSockets", "admission.maxTrackedAddresses", "drain.reason", "drain.requestGrace",
        ]
        #expect(fixed.allSatisfy { Settings.byProperty[$0] == nil })
        let names = Set(Settings.all.map(\.name))
        #expect(Settings.byProperty.values.allSatisfy { names.contains($0.name) })
    }

    @Test func `--print-config finds it, too, and makes no certificate`() async throws {
        let wrong = try ChildProcess(Tools.duplex, ["serve", "--print-config", "--allow-origin", "*"])
        let (exit, output, errors) = try await wrong.finished()
        #expect(exit == .init(status: 64))
        #expect(errors.hasPrefix("duplex: --allow-origin: "))
        #expect(output.isEmpty)

        let cache = try TemporaryFolder()
        let right = try ChildProcess(
            Tools.duplex,
            ["serve", "--print-config", "--tls"],
            environment: ["XDG_CACHE_HOME": cache.path]
        )
        let listing = try await right.finished()
        #expect(listing.exit == .init(status: 0))
        #expect(listing.errors.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.path) == [])
    }
}
