import Synchronization
import WebSocketProtocol
package import WebSocketTransport

/// Many clients of an echo. Each keeps some messages under way: when one has come back, the next goes out.
package final class EchoFleet: Sendable {
    package let clients: [Client]

    /// What one client has done and seen. Changed on its loop, and read when it has ended.
    package final class Client: Sendable {
        package let number: Int
        /// Messages that its connection accepted.
        package var sent: Int { counts.sent.load(ordering: .acquiring) }
        /// Those that came back, each once and in order, up to the first that did not.
        package var echoed: Int { counts.echoed.load(ordering: .acquiring) }
        /// Messages that came back otherwise.
        package var strays: Int { counts.strays.load(ordering: .acquiring) }
        package let end = Promised<(end: ConnectionEnd, at: ContinuousClock.Instant)>()

        fileprivate let counts = Counts()
        fileprivate let isWarm = Promised<Void>()

        fileprivate init(_ number: Int) { self.number = number }

        fileprivate final class Counts: Sendable {
            let sent = Atomic(0)
            let echoed = Atomic(0)
            let strays = Atomic(0)
        }
    }

    /// Messages of each client that are under way at a time.
    private static let underWay = 3
    /// Echoes after which a client counts as warm.
    private static let warm = 5

    private init(_ clients: [Client]) { self.clients = clients }

    /// Opens `count` clients, some at a time, and has each of them begin to talk.
    ///
    /// - Parameter url: that of each, by its number.
    package static func open(_ count: Int, _ url: @escaping @Sendable (Int) -> String) async throws
        -> EchoFleet
    {
        let clients = (0..<count).map(Client.init)
        let turn = Locked(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<min(32, count) {
                group.addTask {
                    while true {
                        let index = turn.withLock { turn in
                            defer { turn += 1 }
                            return turn
                        }
                        guard index < count else { return }
                        try await begin(clients[index], url(index))
                    }
                }
            }
            try await group.waitForAll()
        }
        return EchoFleet(clients)
    }

    private static func begin(_ client: Client, _ url: String) async throws {
        var options = ClientOptions()
        options.connection.compression = nil
        // A machine that has others to serve may take its time.
        options.connectTimeout = .seconds(60)
        options.connection.handshakeTimeout = .seconds(60)
        let callbacks = ConnectionCallbacks(
            onMessage: { socket, kind, bytes in
                client.received(kind, bytes)
                client.sendNext(socket)
            },
            onEnd: { _, end in client.end.fulfil((end, .now)) }
        )
        let socket = try await WebSocketConnection.connect(to: url, options: options, callbacks: callbacks)
        socket.onLoop { socket in for _ in 0..<underWay { client.sendNext(socket) } }
    }

    /// Waits until each has had some echoes, so that all are in the middle of it.
    package func waitUntilWarm() async throws {
        try await within(waitingFor: "echoes for all") { [clients] in
            for client in clients { try await client.isWarm.value }
        }
    }

    /// Waits for the ends of all.
    package func ends() async throws -> [(end: ConnectionEnd, at: ContinuousClock.Instant)] {
        try await within(waitingFor: "the ends of all") { [clients] in
            var ends: [(ConnectionEnd, ContinuousClock.Instant)] = []
            for client in clients { ends.append(try await client.end.value) }
            return ends
        }
    }
}

extension EchoFleet.Client {
    fileprivate func received(_ kind: MessageKind, _ bytes: RawSpan) {
        let isNext =
            kind == .binary && bytes.byteCount == 8
            && bytes.unsafeLoadUnaligned(as: UInt64.self) == UInt64(clamping: echoed)
        guard isNext else {
            counts.strays.add(1, ordering: .releasing)
            return
        }
        if counts.echoed.add(1, ordering: .releasing).newValue == EchoFleet.warm { isWarm.fulfil(()) }
    }

    fileprivate func sendNext(_ socket: WebSocketConnection.Isolated) {
        withUnsafeBytes(of: UInt64(clamping: sent)) { bytes in
            // Refused once the server has begun to close.
            guard (try? socket.send(.binary, RawSpan(_unsafeBytes: bytes))) != nil else { return }
            counts.sent.add(1, ordering: .releasing)
        }
    }
}
