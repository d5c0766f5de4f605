import ArgumentParser
import WebSocketProtocol
import WebSocketTransport

/// What the process says to the one that started it. The numbers are documented in `docs/command.md` and
/// do not change.
enum ExitStatus: Int32 {
    /// Closed cleanly with 1000, or with no code.
    case closedNormally = 0
    case failure = 1
    /// Closed cleanly with another code.
    case closedOtherwise = 2
    /// Ended without a closing handshake.
    case lost = 3
    /// The peer broke the protocol or a limit.
    case protocolError = 4
    case timeout = 5
    case nameNotFound = 6
    /// TCP did not connect.
    case notConnected = 7
    case tls = 8
    /// The server answered the opening handshake with something else than a WebSocket.
    case handshakeRefused = 9
    /// There is no way through the proxy.
    case proxyFailed = 10
    /// As ArgumentParser ends with it, by sysexits.h.
    case wrongUsage = 64
    /// By SIGINT, as shells count it.
    case interrupted = 130

    init(_ end: ConnectionEnd) {
        if end.wasClean {
            self =
                end.code == .normalClosure || end.code == .noStatusReceived
                ? .closedNormally : .closedOtherwise
        } else {
            self.init(end.cause)
        }
    }

    init(_ cause: EndCause) {
        self =
            switch cause {
            case .closedByUs, .closedByPeer: .closedNormally
            case .protocolError: .protocolError
            case .endOfStream, .reset, .aborted: .lost
            case .closeTimeout, .pingTimeout, .connectTimeout, .handshakeTimeout, .idleTimeout, .maximumAge,
                .expired:
                .timeout
            case .handshakeRefused: .handshakeRefused
            case .proxyFailed: .proxyFailed
            case .tls: .tls
            case .nameNotFound: .nameNotFound
            case .connectionRefused, .network: .notConnected
            }
    }
}

extension ExitStatus {
    /// What ends the command with this status; the reason has been written to standard error.
    var exitCode: ExitCode { ExitCode(rawValue) }

    /// Ends the command with one line on standard error.
    func explained(_ line: String) -> ExitCode {
        StandardError.write(line: "duplex: \(line)")
        return exitCode
    }
}
