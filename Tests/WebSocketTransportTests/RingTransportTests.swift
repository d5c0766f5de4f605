#if os(Linux)
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// What the transport on io_uring does differently from the one on epoll; all else is the tests' of servers, which
/// run on both.
@Suite(
    "Connections on io_uring",
    .timeLimit(.minutes(2)),
    .enabled(if: Tools.mayUseRing, "the system has no io_uring for us")
)
struct RingTransportTests {
    private static let request =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    private func withServer(
        _ onConnection: @escaping @Sendable (WebSocketConnection) -> Void,
        _ body: @escaping @Sendable (_ port: Int) async throws -> Void
    ) async throws {
        let group = try SocketLoopGroup(count: 1, onRing: true)
        let server = try await LoopbackServer(.epoll(group), onConnection: onConnection)
        let result: Result<Void, any Error>
        do { result = .success(try await body(server.port)) } catch { result = .failure(error) }
        await server.stop()
        try await within { try await group.shutdownGracefully() }
        try result.get()
    }

    /// Sizes that are sent by the ring, by calls, and from where the payload lies.
    @Test(
        "A peer that reads late is not read meanwhile, and then gets all in order",
        arguments: [(700, 60_000), (3000, 20_000), (20_000, 3000), (200_000, 300)]
    )
    func readingLate(_ size: Int, _ most: Int) async throws {
        try await withServer(LoopbackServer.echo) { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Self.request)
                _ = try await connection.readHead()
                func payload(_ number: Int) -> [UInt8] {
                    withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) }
                        + [UInt8](repeating: UInt8(number % 251), count: size - 4)
                }
                var count = 0
                while count < most {
                    let frame = Frame(.binary, payload(count)).bytes(from: .client)
                    // The one that is not taken in time is given up, and may come or not.
                    guard try await connection.isTaken(frame, within: .seconds(1)) else { break }
                    count += 1
                }
                #expect(count < most, "the server goes on reading")
                for number in 0..<count {
                    let frame = Frame(.binary, payload(number)).bytes(from: .server)
                    guard try await connection.read(frame.count) == frame else {
                        Issue.record("message \(number) of \(count) is not what was sent")
                        return
                    }
                }
            }
        }
    }

    @Test("A reset is noticed though nobody reads")
    func resetWhilePaused() async throws {
        let accepted = AsyncStream<WebSocketConnection>.makeStream()
        try await withServer({ accepted.continuation.yield($0) }) { port in
            // More than waits for a reader, so that the loop has stopped to read.
            let message = Frame(.binary, [UInt8](repeating: 1, count: 1000)).bytes(from: .client)
            let messages = [UInt8]((0..<1000).map { _ in message }.joined())
            try await RawConnection.reset(port: port, behind: Array(Self.request.utf8) + messages)
            for await connection in accepted.stream {
                let end = try await within { await connection.closed }
                #expect(!end.wasClean)
                return
            }
        }
    }

    @Test("Many short connections leave nothing behind, and their numbers go from one to the next")
    func churn() async throws {
        try await withServer(LoopbackServer.echo) { port in
            for round in 0..<20 {
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for number in 0..<20 {
                        tasks.addTask {
                            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/")
                            let text = "\(round) \(number)"
                            try await socket.send(text)
                            #expect(try await socket.receive()?.text == text)
                            if number % 2 == 0 { socket.abort() } else { try await socket.close() }
                        }
                    }
                    try await tasks.waitForAll()
                }
            }
        }
    }
}
#endif
