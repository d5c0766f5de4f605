import Foundation
import NIOSSL
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import duplex

@Suite("duplex serve --tls", .timeLimit(.minutes(2)))
struct ServeTLSTests {
    private func start(_ arguments: [String], cache: TemporaryFolder) async throws -> ServeProcess {
        try await .start(["--engine", "nio"] + arguments, environment: ["XDG_CACHE_HOME": cache.path])
    }

    private func trusting(_ file: String) throws -> ClientOptions {
        var options = ClientOptions()
        options.tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
        return options
    }

    private func echo(_ url: String, _ options: ClientOptions) async throws {
        let socket = try await WebSocketConnection.connect(to: url, options: options)
        try await socket.send("hola")
        #expect(try await socket.receive()?.text == "hola")
        #expect(try await socket.close().wasClean)
    }

    #if !os(macOS)
    @Test func `One option is enough, for localhost and both of its addresses, and the certificate stays`()
        async throws
    {
        let cache = try TemporaryFolder()
        let serve = try await start(["--tls"], cache: cache)
        #expect(
            try await serve.process.line(beginning: "  echo     ") == "wss://127.0.0.1:\(serve.port)/echo"
        )
        #expect(try await serve.process.line(beginning: "  console  ") == "https://127.0.0.1:\(serve.port)/")
        let file = try await serve.process.line(beginning: "  for this machine only; to trust it: ")
        #expect(file == "\(cache.path)/duplex/localhost.pem")
        try await echo("wss://127.0.0.1:\(serve.port)/echo", trusting(file))
        try await echo("wss://localhost:\(serve.port)/echo", trusting(file))
        // Nobody else trusts it.
        let error = await #expect(throws: ConnectError.self) {
            _ = try await WebSocketConnection.connect(to: "wss://localhost:\(serve.port)/echo")
        }
        #expect(error?.cause.name == "tls")
        let certificate = try NIOSSLCertificate.fromPEMFile(file)
        let fingerprint = Fingerprint.text(of: try certificate[0].toDERBytes())
        _ = try await serve.process.line(beginning: "  \(fingerprint)")
        let next = try await start(["--tls"], cache: cache)
        _ = try await next.process.line(beginning: "  \(fingerprint)")
    }
    #endif

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `A certificate of one's own, from files, serves TLS`() async throws {
        let certificate = try await Certificate.make()
        let serve = try await start(
            ["--cert", certificate.certificateFile, "--key", certificate.keyFile],
            cache: TemporaryFolder()
        )
        try await echo(
            "wss://127.0.0.1:\(serve.port)/echo",
            ClientOptions(tls: certificate.clientConfiguration)
        )
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `With --client-ca only clients come in whom it vouches for`() async throws {
        let (own, theirs) = (try await Certificate.make(), try await Certificate.make(for: "DNS:ana"))
        let serve = try await start(
            [
                "--cert", own.certificateFile, "--key", own.keyFile, "--client-ca", theirs.certificateFile,
            ],
            cache: TemporaryFolder()
        )
        let url = "wss://127.0.0.1:\(serve.port)/echo"
        var known = ClientOptions(tls: own.clientConfiguration)
        known.tls.certificateChain = theirs.chain.map { .certificate($0) }
        known.tls.privateKey = .privateKey(theirs.key)
        try await echo(url, known)
        let strangers = [ClientOptions(tls: own.clientConfiguration)]
        for stranger in strangers {
            await #expect(throws: ConnectError.self) {
                _ = try await WebSocketConnection.connect(to: url, options: stranger)
            }
        }
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `What is wrong about a file is told with its name and who named it, and ends it with status 64`()
        async throws
    {
        let (one, other) = (try await Certificate.make(), try await Certificate.make())
        let folder = try TemporaryFolder()
        let empty = try folder.write("", to: "empty.pem")
        let text = try folder.write("no certificate", to: "text.pem")
        let missing = "\(folder.path)/none.pem"
        let cases: [(certificate: String, key: String, problem: String)] = [
            (missing, one.keyFile, "--cert: \(missing): No such file or directory"),
            (empty, one.keyFile, "--cert: \(empty): is empty"),
            (text, one.keyFile, "--cert: \(text): holds no certificate in PEM form"),
            (one.certificateFile, missing, "--key: \(missing): No such file or directory"),
            (one.certificateFile, empty, "--key: \(empty): is empty"),
            (one.certificateFile, text, "--key: \(text): holds no private key in PEM form"),
            (
                one.certificateFile, other.keyFile,
                "--key: \(other.keyFile): is not the key of the first certificate in"
            ),
        ]
        for (certificate, key, problem) in cases {
            let serve = try ChildProcess(
                Tools.duplex,
                ["serve", "--port", "0", "--cert", certificate, "--key", key]
            )
            let (exit, output, errors) = try await serve.finished()
            #expect(exit == .init(status: 64))
            #expect(errors.hasPrefix("duplex: \(problem)"), "\(errors)")
            #expect(output.isEmpty)
        }
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl makes the certificate"))
    func `SIGHUP has the files read again; no connection is lost, and bad files change nothing`() async throws
    {
        let (old, new) = (try await Certificate.make(), try await Certificate.make())
        let folder = try TemporaryFolder()
        func copy(_ certificate: Certificate) throws -> (certificate: String, key: String) {
            (
                try folder.write(
                    String(contentsOfFile: certificate.certificateFile, encoding: .utf8),
                    to: "c.pem"
                ),
                try folder.write(String(contentsOfFile: certificate.keyFile, encoding: .utf8), to: "k.pem")
            )
        }
        let files = try copy(old)
        let serve = try await start(
            ["--cert", files.certificate, "--key", files.key, "--log-level", "notice"],
            cache: folder
        )
        let url = "wss://127.0.0.1:\(serve.port)/echo"
        let (trustingOld, trustingNew) = (
            ClientOptions(tls: old.clientConfiguration), ClientOptions(tls: new.clientConfiguration)
        )
        let witness = try await WebSocketConnection.connect(to: url, options: trustingOld)

        try folder.write("broken", to: "k.pem")
        serve.process.signal(SIGHUP)
        let complaint = try await serve.process.errors(containing: "the certificate stays the one it was")
        #expect(complaint.contains("k.pem: holds no private key"))
        try await echo(url, trustingOld)

        _ = try copy(new)
        serve.process.signal(SIGHUP)
        _ = try await serve.process.errors(containing: "the certificate was read again")
        try await echo(url, trustingNew)
        await #expect(throws: ConnectError.self) {
            _ = try await WebSocketConnection.connect(to: url, options: trustingOld)
        }
        try await witness.send("still here")
        #expect(try await witness.receive()?.text == "still here")
        #expect(try await witness.close().wasClean)
    }

    @Test func `Without TLS, SIGHUP ends nothing`() async throws {
        let serve = try await ServeProcess.start(["--log-level", "notice"])
        serve.process.signal(SIGHUP)
        _ = try await serve.process.errors(containing: "there is no certificate to read again")
        let socket = try await WebSocketConnection.connect(to: serve.url("/echo"))
        #expect(try await socket.close().wasClean)
    }
}
