import HTTPTypes
import Logging
public import NIOCore
import Synchronization
public import WebSocketTransport

/// What became of a server's connections when it stopped. See ``WebSocketServer/drainReport``.
public struct DrainReport: Sendable {
    /// Those that were open when the server had stopped listening, and the few that opened after it: the sum of the next
    /// three.
    public var connections: Int { closed + gone + cut }
    /// Closed by a closing handshake.
    public internal(set) var closed = 0
    /// Ended by the peer or the network without one.
    public internal(set) var gone = 0
    /// Cut by the server, because the peer did not answer the close frame in time or did not read what came before it.
    public internal(set) var cut = 0
    /// The first of those that were cut, at most ``mostListed``.
    public internal(set) var cutConnections: [CutConnection] = []
    /// How many ``cutConnections`` holds at most.
    public static let mostListed = 20
    /// Payload bytes that were accepted for sending and did not reach the operating system, on all connections.
    public internal(set) var unsentBytes = 0
    /// Requests that came too late and were answered 503.
    public internal(set) var refused = 0
    /// Handlers that had not ended half a second after they were cancelled. They run on.
    public internal(set) var handlersLeft = 0
    /// Upgrade hooks of which the same is true, whatever their clients were answered.
    public internal(set) var hooksLeft = 0
    /// Event loops that did nothing any more from the deadline on, since a handler or callback blocks them. Nothing is
    /// known of their connections.
    public internal(set) var blockedLoops = 0
    /// From the beginning of the drain to its end.
    public internal(set) var duration = Duration.zero

    /// A connection that was cut.
    public struct CutConnection: Sendable {
        /// ``WebSocketConnection/id``, as in the log.
        public let id: UInt64
        public let remoteAddress: SocketAddress?
        /// That of its request, without the query.
        public let path: String
        /// Payload bytes that were accepted for sending and did not reach the operating system.
        public let unsentBytes: Int
        /// Whether the operating system had taken the close frame: if not, the peer had not read what came before it.
        public let closeWasSent: Bool
        /// What ended it: ``EndCause/closeTimeout``, or ``EndCause/aborted`` at the deadline.
        public let cause: EndCause

        init(_ connection: WebSocketConnection, _ end: ConnectionEnd) {
            id = connection.id
            remoteAddress = connection.remoteAddress
            // A path is as long as a head may be.
            path = String((connection.request.path ?? "").prefix { $0 != "?" }.prefix(200))
            unsentBytes = end.unsentBytes
            closeWasSent = end.sent != nil
            cause = end.cause
        }
    }

    /// Whether nothing was cut and nothing runs on.
    public var wasClean: Bool { cut == 0 && handlersLeft == 0 && hooksLeft == 0 && blockedLoops == 0 }
}

extension DrainReport: CustomStringConvertible {
    public var description: String {
        "\(closed) of \(connections) connections were closed, \(gone) were gone, \(cut) were cut, in \(duration)"
    }
}

extension DrainReport.CutConnection: CustomStringConvertible {
    public var description: String {
        "connection \(id) of \(PeerAddress(remoteAddress)) at \(path): \(cause)"
    }
}

extension DrainReport {
    mutating func count(_ connection: WebSocketConnection, _ end: ConnectionEnd) {
        unsentBytes += end.unsentBytes
        guard !end.wasClean else {
            closed += 1
            return
        }
        switch end.cause {
        case .closeTimeout, .aborted, .pingTimeout:
            cut += 1
            if cutConnections.count < Self.mostListed { cutConnections.append(.init(connection, end)) }
        default:
            gone += 1
        }
    }

    /// One line: at `notice`, or at `warning` when somebody was cut.
    func log(to logger: Logger) {
        var metadata: Logger.Metadata = [
            "connections": "\(connections)", "closed": "\(closed)", "gone": "\(gone)", "cut": "\(cut)",
            "unsentBytes": "\(unsentBytes)", "refused": "\(refused)", "duration": "\(duration)",
        ]
        if !cutConnections.isEmpty {
            metadata["cutConnections"] = .array(
                cutConnections.map { cut in
                    .dictionary([
                        "connection": "\(cut.id)",
                        "peer": "\(PeerAddress(cut.remoteAddress))",
                        "path": "\(cut.path)", "unsentBytes": "\(cut.unsentBytes)",
                        "closeWasSent": "\(cut.closeWasSent)", "cause": "\(cut.cause.name)",
                    ])
                }
            )
        }
        if handlersLeft > 0 { metadata["handlersLeft"] = "\(handlersLeft)" }
        if hooksLeft > 0 { metadata["hooksLeft"] = "\(hooksLeft)" }
        if blockedLoops > 0 { metadata["blockedLoops"] = "\(blockedLoops)" }
        logger.log(level: wasClean ? .notice : .warning, "drained", metadata: metadata)
    }
}

/// A report while it is being written, by all loops.
final class DrainLedger: Sendable {
    private let state = Mutex(DrainReport())

    var report: DrainReport { state.withLock { $0 } }

    /// A connection has ended.
    func count(_ connection: WebSocketConnection) {
        // It is in a loop's list until its end is known.
        guard let end = connection.end else { return }
        state.withLock { $0.count(connection, end) }
    }

    func refused() { state.withLock { $0.refused += 1 } }
}
