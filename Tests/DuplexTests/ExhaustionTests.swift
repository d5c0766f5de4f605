#if os(Linux)
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

/// A server that the system gives no more descriptors.
@Suite("Without descriptors left", .timeLimit(.minutes(2)))
struct ExhaustionTests {
    @Test(arguments: Tools.engines.map(\.rawValue))
    func `It serves those it has, and others as soon as there is room, and says both once`(
        engine: String
    ) async throws {
        // A limit of its own, for this process and the shell that sets it.
        let process = try ChildProcess(
            "/bin/sh",
            [
                "-c", "ulimit -n 64 && exec \"$0\" serve --port 0 --workers 1 --verbose --engine \(engine)",
                Tools.duplex,
            ]
        )
        let place = try await process.line(beginning: "Duplex serves on ")
        let port = try #require(place.split(separator: ":").last.flatMap { Int($0) })
        let url = "ws://127.0.0.1:\(port)/echo"
        let (open, waiting) = try await Self.openUntilThereIsNoRoom(url)
        #expect(open.count > 5)
        let attempt = try #require(waiting, "the limit was never met")
        _ = try await process.errors(containing: "no descriptor left")

        // Those that are open are served for as long as the pause lasts, and over several of them.
        for number in 0..<200 {
            let socket = open[number % open.count]
            try await socket.send("\(number)")
            #expect(try await within { try await socket.receive() }?.text == "\(number)")
        }
        for socket in open.prefix(3) { try await socket.close() }
        let socket = try await within(waitingFor: "room") { try await attempt.value }
        try await socket.send("in at last")
        #expect(try await within { try await socket.receive() }?.text == "in at last")

        let log = try await process.errors(containing: "accepted again").split(separator: "\n")
        #expect(log.filter { $0.contains("no descriptor left") }.count == 1)
        #expect(log.filter { $0.contains("accepted again") }.count == 1)
        #expect(log.filter { $0.contains(" warning ") }.count == 1)
    }

    /// More than 40 can never be open; each opens but the one that finds no room.
    private static func openUntilThereIsNoRoom(
        _ url: String
    ) async throws -> (open: [WebSocketConnection], waiting: Task<WebSocketConnection, any Error>?) {
        var open: [WebSocketConnection] = []
        for _ in 0..<80 {
            let attempt = Task { try await WebSocketConnection.connect(to: url) }
            let opened = Locked<WebSocketConnection?>(nil)
            let watcher = Task {
                if let socket = try? await attempt.value { opened.withLock { $0 = socket } }
            }
            // Either it opens, or those before are served while it waits: the echo comes behind the attempt.
            for _ in 0..<2000 where opened.withLock({ $0 == nil }) {
                guard let first = open.first else {
                    await watcher.value
                    break
                }
                try await first.send("still there")
                #expect(try await first.receive()?.text == "still there")
            }
            guard let socket = opened.withLock({ $0 }) else { return (open, attempt) }
            open.append(socket)
        }
        return (open, nil)
    }
}
#endif
