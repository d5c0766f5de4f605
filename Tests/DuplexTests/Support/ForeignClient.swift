import NIOCore
import NIOSSL
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

/// A foreign client that prints `ok NAME` or `FAIL NAME: detail` per check. See Tests/Interop/README.md.
enum ForeignClient {
    static func run(
        _ interpreter: String,
        _ script: String,
        _ options: [String] = [],
        serving serveOptions: [String] = []
    ) async throws {
        let serve = try await ServeProcess.start(serveOptions)
        try await check(ChildProcess(interpreter, [script, serve.url("/echo")] + options))
    }

    static func runOverTLS(_ interpreter: String, _ script: String, _ options: [String] = []) async throws {
        let certificate = try await Certificate.make()
        let server = WebSocketServer(.init(port: 0, tls: certificate.serverConfiguration))
        server.route("/echo") { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let port = try #require(try await server.start().port)
        let run = Task { try await server.run() }
        defer { run.cancel() }
        let url = "wss://127.0.0.1:\(port)/echo"
        try await check(
            ChildProcess(interpreter, [script, url, "--cafile", certificate.certificateFile] + options)
        )
    }

    private static func check(_ client: ChildProcess) async throws {
        let (exit, output, errors) = try await client.finished(within: .seconds(180))
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
        for line in lines where !line.hasPrefix("ok ") { Issue.record("\(line)") }
        // A client that checks nothing would find nothing.
        #expect(lines.count > 20)
        #expect(exit == .init(status: 0), "\(errors)")
    }
}
