import ArgumentParser
import CommandSupport
import HTTPTypes
import NIOSSL
import WebSocketScript
import WebSocketTransport
import WebSockets

/// The command.
@main
struct DuplexJS: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "duplex-js",
        abstract: "Runs JavaScript that uses WebSockets, as a page of a browser does.",
        discussion: """
            Runs the scripts in order, then what they have set going, until nothing is pending: no timer is set and \
            every socket is closed. Scripts have WebSocket, WebSocketStream, events, streams, Blob, URL, timers and \
            console. They are classic scripts: JavaScriptCore's C interface has no modules, so import is an error.

            From the first URL on (ws:, wss:, http:, https:), arguments are for the scripts, which find them in \
            duplex.arguments.

            An exception that nothing catches, and a promise whose rejection nothing handles, are written to standard \
            error, and the script goes on, as a page does. Exit status: 0; 1 if there was any of them, a file \
            could not be read, or output could not be written; 124 after --timeout; 64 wrong usage; 130 interrupted.
            """,
        version: "0.1.0"
    )

    @Option(
        name: [.customShort("e"), .customLong("eval")],
        help: ArgumentHelp("Run this text, before any file; repeat for more.", valueName: "code")
    )
    var code: [String] = []

    @Option(
        help: ArgumentHelp(
            "The page's URL: location, the base of relative URLs, the Origin.",
            valueName: "url"
        )
    )
    var baseURL: String?

    @Option(
        help: ArgumentHelp(
            "Trust the certificates in this file (PEM) too; repeat for more.",
            valueName: "file"
        )
    )
    var ca: [String] = []

    @Flag(help: "Take any certificate: the connection can be listened to and changed by others.")
    var insecure = false

    @Option(
        help: ArgumentHelp(
            "A field for every request, as \"Name: value\"; repeat for more.",
            valueName: "field"
        )
    )
    var header: [String] = []

    @Option(
        help: ArgumentHelp(
            "Connect through a proxy: http://user:password@host:3128 or socks5://host.",
            valueName: "url"
        )
    )
    var proxy: String?

    @Flag(help: "Give the scripts a function gc() that collects garbage.")
    var exposeGc = false

    @Option(help: ArgumentHelp("End after this time, whatever is pending.", valueName: "seconds"))
    var timeout: Double?

    @Argument(
        help: ArgumentHelp(
            "Scripts, - for standard input; from the first URL on, arguments for the scripts.",
            valueName: "file"
        )
    )
    var words: [String] = []

    func validate() throws {
        if files.isEmpty, code.isEmpty { throw ValidationError("there is no FILE to run, and no -e CODE") }
        if let timeout, !(timeout > 0 && timeout <= 1e9) {
            throw ValidationError("--timeout is a number of seconds above 0")
        }
    }

    /// Scripts, and what is behind them for the scripts.
    private var split: (files: [String], arguments: [String]) {
        let end = words.firstIndex(where: Self.isURL) ?? words.endIndex
        return (Array(words[..<end]), Array(words[end...]))
    }

    private var files: [String] { split.files }

    private static func isURL(_ word: String) -> Bool {
        guard let url = try? WebURL(word) else { return false }
        return ["ws", "wss", "http", "https"].contains(url.scheme)
    }

    @MainActor
    func run() async throws {
        let environment = try environment()
        let (files, arguments) = split
        let output = Output()
        var status = ExitCode.success
        var scripts: [Script] = []
        for (number, text) in code.enumerated() {
            scripts.append(Script(text, name: number == 0 ? "[eval]" : "[eval \(number + 1)]"))
        }
        for file in files {
            do {
                scripts.append(Script(try ScriptFile.read(file), name: file == "-" ? "[stdin]" : file))
            } catch {
                output.write(.error, "duplex-js: \(error)")
                throw ExitCode.failure
            }
        }
        let options = ScriptHost.Options(
            environment: environment,
            console: { output.write($0, $1) },
            onError: {
                status = .failure
                output.write(.error, "\($0)")
            },
            exposesGarbageCollection: exposeGc,
            arguments: arguments
        )
        let host = try ScriptHost.make(options: options)
        await Interruptions.begin(timeout: timeout)
        host.run(scripts)
        await host.idle()
        if status != .success { throw status }
    }

    private func environment() throws -> WebSocketEnvironment {
        var settings = WebSocketEnvironment.Configuration()
        do {
            if let baseURL { settings.baseURL = try WebURL(baseURL) }
        } catch {
            throw ValidationError("--base-url \(baseURL ?? ""): \(error)")
        }
        settings.headers = try HeaderOption.fields(header)
        if !ca.isEmpty {
            do {
                let certificates = try ca.flatMap { try PEMFile.certificates($0) }
                settings.tls.additionalTrustRoots.append(.certificates(certificates))
            } catch {
                throw ValidationError("--ca: \(error)")
            }
        }
        do {
            settings.proxy = try proxy.map { try ClientProxy($0) }
        } catch {
            throw ValidationError("--proxy: \(error)")
        }
        if insecure { settings.tls.certificateVerification = .none }
        return WebSocketEnvironment(settings)
    }
}
