import Foundation
import TestSupport
import Testing
import WebSocketTransport

/// `duplex serve --static`: a page of one's own beside the sockets.
@Suite("duplex serve --static", .timeLimit(.minutes(1)))
struct ServeFilesTests {
    /// Runs `body` with a folder that is removed afterwards.
    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "duplex-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("site/sub"),
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in [
            "site/index.html": "<p>home", "site/app.js": "go()", "site/.env": "secret", "secret": "secret",
        ] { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
        for (name, target) in [("site/in", "app.js"), ("site/out", "../secret")] {
            try FileManager.default.createSymbolicLink(
                atPath: folder.appendingPathComponent(name).path,
                withDestinationPath: target
            )
        }
        try await body(folder)
    }

    @Test func `Files are at /, sockets stay where they were, and the console makes room`() async throws {
        try await withFolder { folder in
            let serve = try await ServeProcess.start(["--static", folder.appendingPathComponent("site").path])
            let console = try await serve.process.line(beginning: "  console  ")
            #expect(console == "http://127.0.0.1:\(serve.port)/.duplex/")
            let files = try await serve.process.line(beginning: "  files    ")
            #expect(files == "http://127.0.0.1:\(serve.port)/")
            for (path, status, text) in [
                ("/", 200, "<p>home"), ("/app.js", 200, "go()"), ("/healthz", 200, "ok\n"),
                ("/in", 200, "go()"),
                ("/out", 404, nil), ("/.env", 404, nil), ("/../secret", 404, nil), ("/sub/", 404, nil),
                ("/echo", 426, nil),
            ] as [(String, Int, String?)] {
                let answer = try await HTTPGet.get(port: serve.port, path)
                #expect(answer.status == status, "\(path)")
                if let text { #expect(answer.body == text) } else { #expect(!answer.body.contains("secret")) }
            }
            #expect(try await HTTPGet.get(port: serve.port, "/.duplex/").body.contains("duplex console"))
            let moved = try await HTTPGet.get(port: serve.port, "/.duplex")
            #expect(moved.status == 308)
            #expect(moved.head.contains("\r\nlocation: /.duplex/\r\n"))
            for path in ["/.duplex//", "/.duplex/x", "/.duplexes", "/.dupl"] {
                #expect(try await HTTPGet.get(port: serve.port, path).status == 404, "\(path)")
            }
            let socket = try await WebSocketConnection.connect(to: serve.url("/echo"))
            try await socket.send("hi")
            #expect(try await socket.receive()?.text == "hi")
        }
    }

    @Test func `A directory that is not there is one clear line and exit status 64`() async throws {
        let process = try ChildProcess(Tools.duplex, ["serve", "--port", "0", "--static", "/nowhere/at all"])
        let (exit, output, errors) = try await process.finished()
        #expect(exit == .init(status: 64))
        #expect(
            errors
                == "duplex: --static: route \"/\" is to serve /nowhere/at all, which is no directory that can be read\n"
        )
        #expect(output.isEmpty)
    }
}
