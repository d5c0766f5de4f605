import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

/// Node's `ws`, as client of ours and as server of ours.
@Suite("Node.js ws", .enabled(if: Tools.mayUse(Tools.node), "make test installs it"), .timeLimit(.minutes(4)))
struct NodeInteropTests {
    @Test(
        arguments: [
            (["--deflate", "accepted"], []), (["--deflate", "accepted"], ["--compression", "connection"]),
            (["--deflate", "declined"], ["--compression", "off"]),
        ] as [([String], [String])]
    )
    func `Its client passes every check against our echo`(options: [String], serving: [String]) async throws {
        try await ForeignClient.run(
            Tools.node.orMissing("Node.js"),
            Tools.path("Tests/Interop/node/client.js"),
            options,
            serving: serving
        )
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `Its client passes every check over TLS`() async throws {
        try await ForeignClient.runOverTLS(
            Tools.node.orMissing("Node.js"),
            Tools.path("Tests/Interop/node/client.js"),
            ["--deflate", "accepted"]
        )
    }

    @Test(arguments: ForeignServer.scenarios)
    func `Our client with its server`(scenario: ForeignServer.Scenario) async throws {
        let server = try await ForeignServer.start(
            Tools.node.orMissing("Node.js"),
            Tools.path("Tests/Interop/node/echo_server.js")
        )
        try await scenario.run(server)
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `Our client with its server over TLS`() async throws {
        try await ForeignServer.checkTLS(
            Tools.node.orMissing("Node.js"),
            Tools.path("Tests/Interop/node/echo_server.js")
        )
    }

    @Test func `An extension nobody offered fails the opening handshake`() async throws {
        let server = try await ForeignServer.start(
            Tools.node.orMissing("Node.js"),
            Tools.path("Tests/Interop/node/echo_server.js")
        )
        var options = ClientOptions()
        options.connection.compression = nil
        let plain = options
        let error = await #expect(throws: ConnectError.self) {
            _ = try await WebSocketConnection.connect(to: server.url("/deflate-unasked"), options: plain)
        }
        #expect(error?.cause == .handshakeRefused(.extensionNotOffered("permessage-deflate")))
    }

    @Test func `Compressed messages both ways, with and without memory`() async throws {
        let server = try await ForeignServer.start(
            Tools.node.orMissing("Node.js"),
            Tools.path("Tests/Interop/node/echo_server.js")
        )
        try await server.checkCompression(at: "/deflate")
    }
}
