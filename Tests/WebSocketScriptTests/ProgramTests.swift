import Foundation
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

/// `duplex-js` as a program.
@MainActor
@Suite("duplex-js", .timeLimit(.minutes(2)))
struct ProgramTests {
    private func run(_ arguments: [String], input: String = "") async throws -> (
        exit: ChildProcess.Exit, output: String, errors: String
    ) {
        let process = try ChildProcess(Tools.duplexJS, arguments)
        try process.write(input)
        try process.endInput()
        let (exit, output, errors) = try await process.finished()
        return (exit, String(decoding: output, as: UTF8.self), errors)
    }

    private func withFile(_ text: String, _ body: @MainActor (String) async throws -> Void) async throws {
        let name = "duplex-js-\(UUID().uuidString).js"
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        try await body(file.path)
    }

    @Test func `A page's code runs against a server, whose URL is an argument`() async throws {
        try await Server.run { port in
            let code = """
                const socket = new WebSocket(duplex.arguments[0]);
                socket.onopen = () => socket.send("hola");
                socket.onmessage = ({ data }) => { console.log(data); socket.close(3000, "done") };
                socket.onclose = ({ code, reason }) => console.log(code, reason);
                """
            try await withFile(code) { file in
                let (exit, output, errors) = try await run([file, "ws://127.0.0.1:\(port)/echo"])
                #expect(output == "hola\n3000 done\n")
                #expect(errors == "")
                #expect(exit == .init(status: 0))
            }
        }
    }

    @Test func `Scripts run in order, with their microtasks behind all of them`() async throws {
        try await withFile("#!/usr/bin/env duplex-js\nconsole.log('file', a)") { file in
            let code = "var a = 1; Promise.resolve().then(() => console.log('microtask'))"
            let (exit, output, _) = try await run(["-e", code, file, "-"], input: "console.log('input')")
            #expect(output == "file 1\ninput\nmicrotask\n")
            #expect(exit == .init(status: 0))
        }
    }

    @Test func `An uncaught exception is told with its place, and the status is 1`() async throws {
        try await withFile("console.log('before')\nfunction f() {\n  throw new Error('bad')\n}\nf()") {
            file in
            let (exit, output, errors) = try await run([file, "-e", "setTimeout(() => console.log('after'))"])
            #expect(output == "before\nafter\n")
            #expect(errors.hasPrefix("\(file):3:"))
            #expect(errors.contains(": Error: bad\n    at f (\(file):3:"))
            #expect(errors.contains("\n    at \(file):5:"))
            #expect(exit == .init(status: 1))
        }
    }

    @Test func `What cannot be parsed, and a rejection, have the status 1`() async throws {
        let syntax = try await run(["-e", "\nlet x = ;"])
        #expect(syntax.exit == .init(status: 1))
        #expect(syntax.errors.hasPrefix("[eval]:2: SyntaxError: "))
        let rejection = try await run(["-e", "Promise.reject(new Error('nobody'))"])
        #expect(rejection.exit == .init(status: 1))
        #expect(rejection.errors.contains("Unhandled rejection: Error: nobody"))
    }

    @Test func `Wrong usage is 64, a file that is not there 1`() async throws {
        #expect(try await run([]).exit == .init(status: 64))
        #expect(try await run(["--none"]).exit == .init(status: 64))
        #expect(try await run(["--base-url", "no", "-e", ""]).exit == .init(status: 64))
        #expect(try await run(["--header", "x", "-e", ""]).exit == .init(status: 64))
        #expect(try await run(["--timeout", "0", "-e", ""]).exit == .init(status: 64))
        #expect(try await run(["--proxy", "ftp://x", "-e", ""]).exit == .init(status: 64))
        let missing = try await run(["/nowhere/at-all.js"])
        #expect(missing.exit == .init(status: 1))
        #expect(missing.errors == "duplex-js: /nowhere/at-all.js: No such file or directory\n")
    }

    @Test func `Standard output and standard error are in order where they are one`() async throws {
        let code = "for (let i = 0; i < 200; i += 1) console[i % 2 ? 'error' : 'log'](i)"
        let both = try ChildProcess("/bin/sh", ["-c", "exec \"$0\" -e \"$1\" 2>&1", Tools.duplexJS, code])
        let (exit, output, _) = try await both.finished()
        #expect(String(decoding: output, as: UTF8.self) == (0..<200).map { "\($0)\n" }.joined())
        #expect(exit == .init(status: 0))
    }

    @Test func `A reader that goes ends it without a word`() async throws {
        let shell = try ChildProcess(
            "/bin/sh",
            [
                "-c", "\"$0\" -e \"$1\" | head -n 1", Tools.duplexJS,
                "setInterval(() => console.log('line'), 1)",
            ]
        )
        let (exit, output, errors) = try await shell.finished()
        #expect(String(decoding: output, as: UTF8.self) == "line\n")
        #expect(errors == "")
        #expect(exit == .init(status: 0))
    }

    #if os(Linux)
    @Test func `Output that cannot be written is an error`() async throws {
        let shell = try ChildProcess(
            "/bin/sh",
            ["-c", "exec \"$0\" -e 'console.log(1); console.error(2)' >/dev/full", Tools.duplexJS]
        )
        let (exit, _, errors) = try await shell.finished()
        #expect(errors == "duplex-js: standard output: No space left on device\n")
        #expect(exit == .init(status: 1))
    }
    #endif

    @Test func `SIGINT ends it with 130, the time limit with 124`() async throws {
        let process = try ChildProcess(
            Tools.duplexJS,
            ["-e", "setInterval(() => {}, 1000); console.log('ready')"]
        )
        _ = try await process.line(beginning: "ready")
        process.signal(SIGINT)
        #expect(try await process.finished().exit == .init(status: 130))
        let limited = try await run(["--timeout", "0.05", "-e", "setInterval(() => {}, 1000)"])
        #expect(limited.exit == .init(status: 124))
    }

    @Test func `SIGINT ends a script that does not come to rest`() async throws {
        let process = try ChildProcess(Tools.duplexJS, ["-e", "console.log('ready'); for (;;) {}"])
        _ = try await process.line(beginning: "ready")
        process.signal(SIGINT)
        #expect(try await process.finished().exit == .init(status: 130))
    }

    @Test func `The page's URL, request fields and garbage collection are options`() async throws {
        try await Server.run { port in
            let code = """
                gc();
                console.log(location.pathname);
                const socket = new WebSocket("/request");
                socket.onmessage = ({ data }) => console.log(data);
                setTimeout(() => socket.close(), 1e9);
                let count = 0;
                socket.addEventListener("message", () => { if (++count === 3) socket.close() });
                socket.onclose = () => clearTimeout(1);
                """
            let arguments = [
                "--base-url", "http://127.0.0.1:\(port)/a/b", "--header", "Cookie: a=b", "--expose-gc", "-e",
                code,
            ]
            let (exit, output, errors) = try await run(arguments)
            #expect(
                output == "/a/b\nOrigin: http://127.0.0.1:\(port)\nCookie: a=b\nAuthorization: none\n"
            )
            #expect(errors == "")
            #expect(exit == .init(status: 0))
        }
    }

    @Test func `A socket that fails says why on standard error`() async throws {
        let (exit, output, errors) = try await run([
            "-e", "new WebSocket('ws://127.0.0.1:1').onclose = ({ code }) => console.log(code)",
        ])
        #expect(output == "1006\n")
        #expect(errors.hasPrefix("WebSocket connection to ws://127.0.0.1:1/ failed: "))
        #expect(exit == .init(status: 0))
        let code = "new WebSocket('ws://example.org').onclose = () => {}"
        let proxied = try await run(["--proxy", "http://127.0.0.1:1", "-e", code])
        #expect(proxied.errors.contains("proxy"))
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl is not there"))
    func `A server's certificate can be trusted, or not be asked for`() async throws {
        let certificate = try await Certificate.make()
        try await Server.run(.init(port: 0, tls: certificate.serverConfiguration)) { port in
            let code =
                "const s = new WebSocket(duplex.arguments[0]); s.onopen = () => { console.log('open'); s.close() }"
            let url = "wss://localhost:\(port)/echo"
            try await withFile(code) { file in
                let refused = try await run([file, url])
                #expect(refused.output == "")
                let trusted = try await run(["--ca", certificate.certificateFile, file, url])
                #expect(trusted.output == "open\n")
                let unasked = try await run(["--insecure", file, url])
                #expect(unasked.output == "open\n")
                let wrong = try await run(["--ca", "/nowhere.pem", file, url])
                #expect(wrong.exit == .init(status: 64))
            }
        }
    }
}
