import HTTPTypes
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

/// Python's `h2` and `wsproto`, as clients of ours.
@Suite(
    "Python h2",
    .enabled(if: Tools.mayUse(Tools.python), "make test installs it"),
    .timeLimit(.minutes(4))
)
struct HTTP2InteropTests {
    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `It passes every check over TLS`() async throws {
        let certificate = try await Certificate.make()
        try await check(
            .init(port: 0, tls: certificate.serverConfiguration),
            "wss",
            ["--cafile", certificate.certificateFile]
        )
    }

    @Test func `It passes every check without TLS`() async throws {
        var configuration = WebSocketServer.Configuration(port: 0, engine: .nio)
        configuration.http2.allowsCleartext = true
        try await check(configuration, "ws")
    }

    private func check(
        _ configuration: WebSocketServer.Configuration,
        _ scheme: String,
        _ options: [String] = []
    ) async throws {
        try await serving(configuration) { server in
            server.route("/echo") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
            server.route("/slow") { _ in
                try await Task.sleep(for: .milliseconds(500))
                return .accept(())
            } handler: { socket, _, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
            server.page("/page") { _ in .text(.ok, "page") }
            server.page("/big") { _ in HTTPAnswer(body: [UInt8](repeating: UInt8(ascii: "b"), count: 1 << 20))
            }
        } _: { port in
            let client = try ChildProcess(
                Tools.python.orMissing("Python with h2"),
                [Tools.path("Tests/Interop/python/h2_client.py"), "\(scheme)://127.0.0.1:\(port)/echo"]
                    + options
            )
            let (exit, output, errors) = try await client.finished(within: .seconds(180))
            let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
            for line in lines where !line.hasPrefix("ok ") { Issue.record("\(line)") }
            // A client that checks nothing would find nothing.
            #expect(lines.count > 25)
            #expect(exit == .init(status: 0), "\(errors)")
        }
    }
}
