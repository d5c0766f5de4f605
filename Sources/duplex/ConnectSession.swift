import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// Carries standard input to a connection and the connection's messages to standard output.
struct ConnectSession: Sendable {
    private let connection: WebSocketConnection
    private let isBinary: Bool
    private let linger: Linger
    /// When the last message arrived.
    private let lastArrival = Arrival()

    private final class Arrival: Sendable {
        let time = Mutex(ContinuousClock.now)
    }

    init(_ connection: WebSocketConnection, isBinary: Bool, linger: Linger) {
        self.connection = connection
        self.isBinary = isBinary
        self.linger = linger
    }

    /// - Returns: how it ended, and what went wrong on this side, if anything did.
    func run() async -> (end: ConnectionEnd, problem: String?) {
        // Not awaited when the connection ends first: a read of standard input cannot be called off.
        let input = Task { await sendInput() }
        // The end comes out below, whatever it is.
        try? await printMessages()
        let end = await connection.closed
        input.cancel()
        return (end, problem.text.withLock { $0 })
    }

    private let problem = Problem()

    private final class Problem: Sendable {
        let text = Mutex<String?>(nil)
    }

    private func sendInput() async {
        do {
            if isBinary, !StandardInput.isTerminal {
                try await sendStream()
            } else {
                for try await line in StandardInput.lines {
                    try await connection.send(Message(kind: isBinary ? .binary : .text, bytes: line))
                }
            }
            try await waitForAnswers()
        } catch SendError.ended {
            return  // Told by the end itself.
        } catch SendError.usage(.textNotUTF8(let offset)) {
            problem.text.withLock {
                $0 = "a line of the input is not UTF-8 (byte \(offset)); --binary sends bytes"
            }
        } catch SendError.usage(.notOpen) {
            return  // Closing already.
        } catch {
            problem.text.withLock { $0 = "\(error)" }
        }
        _ = try? await connection.close()
    }

    /// One message, in fragments as they are read.
    private func sendStream() async throws {
        let first = try await StandardInput.read()
        guard !first.isEmpty else { return }
        try await connection.sendMessage(.binary) { message in
            var piece = first
            while !piece.isEmpty {
                try await message.write(piece)
                piece = try await StandardInput.read()
            }
        }
    }

    /// The pong comes behind whatever the server had to say to all that was sent before the ping, if it
    /// answers in order; what it says later on its own is given the time to linger.
    private func waitForAnswers() async throws {
        guard case .seconds(let seconds) = linger else {
            _ = await connection.closed
            return
        }
        _ = try await connection.ping()
        let quiet = Duration.seconds(seconds)
        let pongArrived = ContinuousClock.now
        while connection.end == nil {
            let last = max(lastArrival.time.withLock { $0 }, pongArrived)
            let now = ContinuousClock.now
            guard now < last + quiet else { return }
            try await Task.sleep(until: last + quiet)
        }
    }

    private func printMessages() async throws {
        for try await message in connection.messages {
            if let outputEnd = StandardOutput.write(rendered(message)) {
                if case .failed(let why) = outputEnd { problem.text.withLock { $0 = why } }
                // Nobody gets what is still to come.
                _ = try? await connection.close()
                return
            }
            lastArrival.time.withLock { $0 = .now }
        }
    }

    private func rendered(_ message: Message) -> [UInt8] {
        let lineFeed = [UInt8(ascii: "\n")]
        switch message.kind {
        case .text: return isBinary ? message.bytes : message.bytes + lineFeed
        case .binary:
            // Raw bytes are for files and pipes; a terminal would take some of them for commands.
            guard !isBinary || StandardOutput.isTerminal else { return message.bytes }
            return Self.hexadecimal(message.bytes) + lineFeed
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
