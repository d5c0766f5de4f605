import Foundation
import HTTPTypes
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@Suite("duplex connect", .timeLimit(.minutes(2)))
struct ConnectCommandTests {
    /// Runs the command with all of its input given.
    private func connect(
        _ arguments: [String],
        input: String = "",
        environment: [String: String] = [:]
    ) async throws -> (exit: ChildProcess.Exit, output: String, errors: String) {
        let process = try ChildProcess(Tools.duplex, ["connect"] + arguments, environment: environment)
        try process.write(input)
        try process.endInput()
        let (exit, output, errors) = try await process.finished()
        return (exit, String(decoding: output, as: UTF8.self), errors)
    }

    @Test func `A line piped in comes back from the echo, and the status is 0`() async throws {
        let serve = try await ServeProcess.start()
        let (exit, output, errors) = try await connect([serve.url("/echo")], input: "hola\n")
        #expect(output == "hola\n")
        #expect(exit == .init(status: 0))
        #expect(errors.contains("closed 1000"))
    }

    @Test(.enabled(if: Tools.mayUse(Tools.python), "Python is not there to make a terminal"))
    func `At a terminal it says what it does, and Ctrl-D closes`() async throws {
        let serve = try await ServeProcess.start()
        let spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
        let terminal = try ChildProcess(
            Tools.python.orMissing("Python"),
            ["-c", spawn, Tools.duplex, "connect", serve.url("/echo")]
        )
        #expect(try await terminal.line(beginning: "connected").hasSuffix("; Ctrl-D closes"))
        try terminal.write("hola\n")
        try terminal.write([0x04])
        let (exit, output, _) = try await terminal.finished()
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\r\n")
        // Once as the terminal shows what is typed, once from the server.
        #expect(lines.filter { $0.hasSuffix("hola") }.count == 2, "\(lines)")
        #expect(lines.last?.contains("closed 1000") == true)
        #expect(exit == .init(status: 0))
    }

    @Test func `Many lines come back in order, the last one without its line feed too`() async throws {
        let serve = try await ServeProcess.start()
        let lines = (0..<5_000).map { "line \($0) ünï" }
        let (exit, output, _) = try await connect([serve.url("/echo")], input: lines.joined(separator: "\n"))
        #expect(output == lines.joined(separator: "\n") + "\n")
        #expect(exit == .init(status: 0))
    }

    @Test func `--binary sends all of the input as one message and writes bytes as they are`() async throws {
        let serve = try await ServeProcess.start()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let process = try ChildProcess(Tools.duplex, ["connect", "--binary", serve.url("/echo")])
        try process.write(bytes)
        try process.endInput()
        let (exit, output, _) = try await process.finished()
        #expect(output == bytes)
        #expect(exit == .init(status: 0))
    }

    @Test func `What arrives is printed at once, not at the end`() async throws {
        let serve = try await ServeProcess.start()
        let process = try ChildProcess(Tools.duplex, ["connect", serve.url("/echo")])
        try process.write("first\n")
        #expect(try await process.line(beginning: "fir") == "st")
        try process.write("second\n")
        #expect(try await process.line(beginning: "sec") == "ond")
        try process.endInput()
        #expect(try await process.finished().exit == .init(status: 0))
    }

    @Test func `The code and reason are shown, and another code than 1000 is status 2`() async throws {
        try await serving { server in
            server.route("/bye") { socket, _ in
                try await socket.close(code: CloseCode(4321), reason: "enough")
            }
        } _: { port in
            let process = try ChildProcess(Tools.duplex, ["connect", "ws://127.0.0.1:\(port)/bye"])
            // Its input stays open: the server's close alone must end it.
            let (exit, _, errors) = try await process.finished()
            #expect(exit == .init(status: 2))
            #expect(errors.contains("closed 4321"))
            #expect(errors.contains("\"enough\""))
        }
    }

    @Test func `A connection that is lost is status 3`() async throws {
        try await serving { server in
            server.route("/lost") { socket, _ in socket.abort() }
        } _: { port in
            let (exit, _, errors) = try await connect(["--linger", "close", "ws://127.0.0.1:\(port)/lost"])
            #expect(exit == .init(status: 3))
            #expect(errors.contains("closed 1006"))
        }
    }

    @Test func `Output that nobody reads any more closes with 1000, and output that fails is status 1`()
        async throws
    {
        try await serving { server in
            server.route("/ticks") { socket, _ in
                // Until the client has had enough.
                while true { try await socket.send("tick") }
            }
        } _: { port in
            let url = "ws://127.0.0.1:\(port)/ticks"
            for (output, status) in [("| head -1", 0), (">/dev/full; echo status $?", 0)] as [(String, Int32)]
            {
                let shell = try ChildProcess(
                    "/bin/sh",
                    ["-c", "\"$0\" connect --linger close \(url) </dev/null \(output)", Tools.duplex]
                )
                let (exit, text, errors) = try await shell.finished()
                #expect(exit == .init(status: status))
                if output.contains("head") {
                    #expect(String(decoding: text, as: UTF8.self) == "tick\n")
                    #expect(errors.contains("closed 1000"))
                } else {
                    #expect(String(decoding: text, as: UTF8.self) == "status 1\n")
                    #expect(errors.contains("standard output"))
                }
            }
        }
    }

    @Test func `A refusal is status 9, with the server's status and words`() async throws {
        let serve = try await ServeProcess.start()
        let (exit, output, errors) = try await connect([serve.url("/nowhere")])
        #expect(exit == .init(status: 9))
        #expect(errors.contains("404"))
        #expect(errors.contains("nothing is served at this path"))
        #expect(output.isEmpty)
    }

    @Test func `Nobody listening is status 7, an unknown name 6, a broken URL 64`() async throws {
        let serve = try await ServeProcess.start()
        serve.process.signal(SIGTERM)
        _ = try await serve.process.finished()
        #expect(try await connect([serve.url("/echo")]).exit == .init(status: 7))
        #expect(try await connect(["ws://no-such-host.invalid/"]).exit == .init(status: 6))
        #expect(try await connect(["http//oops"]).exit == .init(status: 64))
        #expect(try await connect(["--header", "no colon", serve.url("/echo")]).exit == .init(status: 64))
    }

    @Test func `A proxy that is not there is status 10, one that is none 64`() async throws {
        let serve = try await ServeProcess.start()
        let proxy = "127.0.0.1:\(try await ForeignProxy.unusedPort())"
        let gone = try await connect(["--proxy", "http://ana:seza-mum@\(proxy)", serve.url("/echo")])
        #expect(gone.exit == .init(status: 10))
        #expect(gone.errors.contains("proxy http://\(proxy): connection refused"))
        #expect(!gone.errors.contains("seza-mum"))
        let wrong = try await connect(["--proxy", "ftp://ana:seza-mum@\(proxy)", serve.url("/echo")])
        #expect(wrong.exit == .init(status: 64))
        #expect(wrong.errors.contains("scheme \"ftp\""))
        #expect(!wrong.errors.contains("seza-mum"))
    }

    @Test func `The environment's proxy is used, unless no_proxy or an empty --proxy says otherwise`()
        async throws
    {
        let serve = try await ServeProcess.start()
        let gone = "http://127.0.0.1:\(try await ForeignProxy.unusedPort())"
        let runs: [(arguments: [String], environment: [String: String], status: Int32)] = [
            ([], ["http_proxy": gone], 10), ([], ["ALL_PROXY": gone], 10), ([], ["https_proxy": gone], 0),
            ([], ["http_proxy": gone, "no_proxy": "127.0.0.0/8"], 0),
            (["--proxy", ""], ["http_proxy": gone], 0),
            (["--proxy", gone], ["no_proxy": "*"], 10), ([], ["http_proxy": "ftp://proxy"], 64),
        ]
        for (arguments, environment, status) in runs {
            let run = try await connect(
                arguments + [serve.url("/echo")],
                input: "hola\n",
                environment: environment
            )
            #expect(run.exit == .init(status: status), "\(arguments) \(environment): \(run.errors)")
            #expect(run.output == (status == 0 ? "hola\n" : ""))
        }
    }

    @Test func `--header and --subprotocol reach the server`() async throws {
        try await serving { server in
            server.route("/who", subprotocols: ["v2.chat"]) { socket, _ in
                let token = socket.request.headerFields[.authorization] ?? "nobody"
                try await socket.send("\(token) \(socket.subprotocol ?? "none")")
                for try await _ in socket.messages {}
            }
        } _: { port in
            let (exit, output, _) = try await connect([
                "--header", "Authorization: Bearer abc", "--subprotocol", "v1.chat", "--subprotocol",
                "v2.chat",
                "ws://127.0.0.1:\(port)/who",
            ])
            #expect(output == "Bearer abc v2.chat\n")
            #expect(exit == .init(status: 0))
        }
    }

    @Test func `A binary message among texts is printed in hexadecimal`() async throws {
        try await serving { server in
            server.route("/bytes") { socket, _ in
                try await socket.send([0x00, 0x7F, 0xFF])
                for try await _ in socket.messages {}
            }
        } _: { port in
            let (exit, output, _) = try await connect(["ws://127.0.0.1:\(port)/bytes"])
            #expect(output == "007fff\n")
            #expect(exit == .init(status: 0))
        }
    }

    @Test func `Input that is not UTF-8 is said to be so, with status 1`() async throws {
        let serve = try await ServeProcess.start()
        let process = try ChildProcess(Tools.duplex, ["connect", serve.url("/echo")])
        try process.write([0x68, 0xFF, 0x0A])
        let (exit, _, errors) = try await process.finished()
        #expect(exit == .init(status: 1))
        #expect(errors.contains("not UTF-8"))
    }

    @Test func `--linger close stays until the server closes`() async throws {
        try await serving { server in
            server.route("/late") { socket, _ in
                // Only once the client says that its input has ended can a late message come: its ping came.
                _ = try await socket.receive()
                _ = try await socket.ping()
                try await socket.send("late")
            }
        } _: { port in
            let (exit, output, _) = try await connect(
                ["--linger", "close", "ws://127.0.0.1:\(port)/late"],
                input: "go\n"
            )
            #expect(output == "late\n")
            #expect(exit == .init(status: 0))
        }
    }

    @Test func `SIGINT closes with 1000 and is status 130`() async throws {
        let serve = try await ServeProcess.start()
        let process = try ChildProcess(Tools.duplex, ["connect", serve.url("/echo")])
        try process.write("ready\n")
        _ = try await process.line(beginning: "ready")
        process.signal(SIGINT)
        let (exit, _, errors) = try await process.finished()
        #expect(exit == .init(status: 130))
        #expect(errors.contains("closed 1000"))
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `A certificate nobody vouches for is status 8, and taken with --insecure`() async throws {
        let certificate = try await Certificate.make()
        let configuration = WebSocketServer.Configuration(port: 0, tls: certificate.serverConfiguration)
        try await serving(configuration) { server in
            server.route("/echo") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { port in
            let url = "wss://127.0.0.1:\(port)/echo"
            let refused = try await connect([url], input: "secret\n")
            #expect(refused.exit == .init(status: 8))
            #expect(refused.errors.contains("certificate"))
            let taken = try await connect(["--insecure", url], input: "hola\n")
            #expect(taken.exit == .init(status: 0))
            #expect(taken.output == "hola\n")
            #expect(taken.errors.contains("--insecure"))
        }
    }
}
