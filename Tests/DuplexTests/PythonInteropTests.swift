import TestSupport
import Testing
import WebSocketTransport

/// Python's `websockets`, as client of ours and as server of ours.
@Suite(
    "Python websockets",
    .enabled(if: Tools.mayUse(Tools.python), "make test installs it"),
    .timeLimit(.minutes(4))
)
struct PythonInteropTests {
    @Test(
        arguments: [
            ([], []), (["--deflate"], []), (["--deflate"], ["--compression", "connection"]),
        ] as [([String], [String])]
    )
    func `Its client passes every check against our echo`(options: [String], serving: [String]) async throws {
        try await ForeignClient.run(
            Tools.python.orMissing("Python with websockets"),
            Tools.path("Tests/Interop/python/client.py"),
            options,
            serving: serving
        )
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `Its client passes every check over TLS`() async throws {
        try await ForeignClient.runOverTLS(
            Tools.python.orMissing("Python with websockets"),
            Tools.path("Tests/Interop/python/client.py")
        )
    }

    @Test(arguments: ForeignServer.scenarios)
    func `Our client with its server`(scenario: ForeignServer.Scenario) async throws {
        let server = try await ForeignServer.start(
            Tools.python.orMissing("Python with websockets"),
            Tools.path("Tests/Interop/python/echo_server.py")
        )
        try await scenario.run(server)
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `Our client with its server over TLS`() async throws {
        try await ForeignServer.checkTLS(
            Tools.python.orMissing("Python with websockets"),
            Tools.path("Tests/Interop/python/echo_server.py")
        )
    }

    @Test func `Compressed messages both ways, with and without memory`() async throws {
        let server = try await ForeignServer.start(
            Tools.python.orMissing("Python with websockets"),
            Tools.path("Tests/Interop/python/echo_server.py"),
            ["--deflate"]
        )
        try await server.checkCompression(at: "/echo")
    }
}
