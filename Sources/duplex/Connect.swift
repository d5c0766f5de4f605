import ArgumentParser
import CommandSupport
import HTTPTypes
import NIOSSL
import UnixSignals
import WebSocketProtocol
import WebSocketTransport

/// `duplex connect`
struct Connect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talks to a WebSocket: lines in, messages out.",
        discussion: """
            Each line of standard input is sent as a text message, each message that arrives is printed as a line. \
            A binary message is printed in hexadecimal. After the end of the input the connection is kept until \
            the server has answered what was sent, then closed with 1000.

            With --binary, piped input is sent as one binary message of any size, and what arrives is written out \
            as it is, nothing added. At a terminal each line is one binary message.

            The proxy of the environment is used as curl does (https_proxy for wss:, http_proxy for ws:, all_proxy, \
            no_proxy), unless --proxy names another or, empty, none.

            Standard error gets the close code and reason. Exit status: 0 closed with 1000 or without a code, \
            2 closed with another code, 3 lost without a close, 4 the server broke the protocol, 5 timeout, \
            6 name not found, 7 TCP failed, 8 TLS failed, 9 the server refused the WebSocket, \
            10 the proxy refused or failed, 64 wrong usage, 130 interrupted, 1 anything else.
            """
    )

    @Argument(help: "Where to: ws://host:port/path or wss://host/path.")
    var url: String

    @Flag(help: "Send and write bytes instead of lines of text.")
    var binary = false

    @Option(
        help: ArgumentHelp(
            "A field for the request, as \"Name: value\"; repeat for more.",
            valueName: "field"
        )
    )
    var header: [String] = []

    @Option(
        help: ArgumentHelp("A subprotocol to offer; repeat for more, the preferred first.", valueName: "name")
    )
    var subprotocol: [String] = []

    @Option(
        help: ArgumentHelp(
            "Connect through a proxy: http://user:password@host:3128 or socks5://host; \"\" for none.",
            valueName: "url"
        )
    )
    var proxy: String?

    @Flag(help: "Take any certificate: the connection can be listened to and changed by others.")
    var insecure = false

    @Option(help: ArgumentHelp("The largest message taken, such as 65536, 64KiB or 2GiB.", valueName: "size"))
    var maxMessageSize = ByteCount(Limits().maxMessageSize)

    @Option(
        help: ArgumentHelp(
            "Compression: off, each message by itself, or with the memory of the whole connection.",
            valueName: "off|message|connection"
        )
    )
    var compression = CompressionMode.message

    @Option(
        help: ArgumentHelp(
            "After the end of the input, stay until nothing has come for this many seconds, or until \"close\".",
            valueName: "seconds"
        )
    )
    var linger = Linger.seconds(0.5)

    func validate() throws {
        let form = Form<String>.subprotocol
        for name in subprotocol where form.read(name) == nil {
            throw ValidationError("--subprotocol: \(form.expected) was expected, not \(name.quotedInOneLine)")
        }
        if let twice = subprotocol.indices.first(where: { subprotocol[..<$0].contains(subprotocol[$0]) }) {
            throw ValidationError("--subprotocol: \(subprotocol[twice]) is offered twice")
        }
    }

    func run() async throws {
        var options = try clientOptions()
        let connection: WebSocketConnection
        do {
            options.proxy = try clientProxy()
            connection = try await .connect(to: url, options: options)
        } catch let error as UsageError {
            throw ValidationError("\(error)")
        } catch let error as ConnectError {
            explain(error)
            throw ExitStatus(error.cause).exitCode
        }
        if StandardInput.isTerminal {
            let compressed = connection.compression == nil ? "" : ", compressed"
            let way = options.proxy.map { " through \($0)" } ?? ""
            let agreed = (connection.subprotocol.map { ", subprotocol \($0)" } ?? "") + compressed
            StandardError.write(line: "connected\(way)\(agreed); Ctrl-D closes")
        }
        let interrupt = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigint) {
                _ = try? await connection.close()
                return true
            }
            return false
        }
        let (end, problem) = await ConnectSession(connection, isBinary: binary, linger: linger).run()
        interrupt.cancel()
        StandardError.write(line: "closed \(end)")
        if let problem { throw ExitStatus.failure.explained(problem) }
        throw (await interrupt.value ? .interrupted : ExitStatus(end)).exitCode
    }

    private func clientProxy() throws(UsageError) -> ClientProxy? {
        guard let proxy else { return try .fromEnvironment(for: WebSocketURL(url)) }
        return proxy.isEmpty ? nil : try ClientProxy(proxy)
    }

    private func clientOptions() throws -> ClientOptions {
        var options = ClientOptions(subprotocols: subprotocol)
        options.connection.limits.maxMessageSize = maxMessageSize.bytes
        options.connection.compression = compression.clientOptions
        options.headers = try HeaderOption.fields(header)
        if insecure {
            StandardError.write(line: "duplex: --insecure: nobody knows who is at the other end")
            options.tls.certificateVerification = .none
        }
        return options
    }

    private func explain(_ error: ConnectError) {
        StandardError.write(line: "duplex: \(error)")
        // The refusal's own words, when they are words.
        guard let body = String(validating: error.body.prefix(2048), as: UTF8.self) else { return }
        for line in body.split(whereSeparator: \.isNewline).prefix(10) {
            // In one line each, without anything that a terminal might take for a command.
            StandardError.write(line: "  \(String(line).quotedInOneLine.dropFirst().dropLast())")
        }
    }
}

/// How long to stay after the end of the input.
enum Linger: ExpressibleByArgument, Hashable {
    case seconds(Double)
    case untilClose

    init?(argument: String) {
        if argument == "close" {
            self = .untilClose
        } else if let seconds = Double(argument), seconds >= 0, seconds <= 1e9 {
            self = .seconds(seconds)
        } else {
            return nil
        }
    }

    var defaultValueDescription: String {
        switch self {
        case .seconds(let seconds): "\(seconds)"
        case .untilClose: "close"
        }
    }
}
