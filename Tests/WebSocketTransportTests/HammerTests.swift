import HTTPTypes
import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Sixteen tasks call everything there is to call, on both ends of real connections, in every state: no race
/// (`make test-tsan` runs these under the thread sanitizer), no trap, no wait without end, and one end each.
@Suite("Hammer", .timeLimit(.minutes(3)))
struct HammerTests {
    static let rounds = 12
    static let tasks = 16
    static let callsPerTask = 50

    /// The same sequence for the same seed.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        // Knuth's multiplicative congruential step; the high bits are the better ones.
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 32 | state << 32
        }
        mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &self) }
    }

    /// What a round saw of its two connections.
    private struct Record: Sendable {
        let ends = Log<(id: UInt64, end: ConnectionEnd)>()
        /// For each set of callbacks, how often its end was told.
        let toldEnds = Log<Int>()
        let errors = Log<String>()
        let callbackSets = Log<Int>()

        func install(on connection: WebSocketConnection, number: Int) {
            callbackSets.add(number)
            connection.setCallbacks(
                .init(
                    onMessage: { isolated, kind, bytes in
                        // Two ends that both answer everything would answer each other for ever.
                        guard isolated.connection?.role == .server, kind == .binary else { return }
                        try? isolated.send(kind, bytes)
                    },
                    onEnd: { [toldEnds, ends] isolated, end in
                        toldEnds.add(number)
                        if let id = isolated.connection?.id { ends.add((id, end)) }
                    }
                )
            )
        }
    }

    @Test(
        "Sixteen tasks call everything at once, until the connection has ended and beyond",
        arguments: LoopbackServer.Engine.names
    )
    func hammerEverything(_ name: String) async throws {
        let engine = try LoopbackServer.Engine.named(name, loops: 3)
        // A client connects by SwiftNIO, whatever its server runs on.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let accepted = AsyncStream<WebSocketConnection>.makeStream()
        let options = ConnectionOptions(
            inboundHighWaterMark: 20_000,
            outboundHighWaterMark: 20_000,
            outboundLimit: 200_000,
            fragmentSize: 1000,
            closeTimeout: .milliseconds(200),
            pingInterval: .milliseconds(3),
            pongTimeout: .seconds(5)
        )
        let server = try await LoopbackServer(engine, options: options) {
            accepted.continuation.yield($0)
        }
        var connections = accepted.stream.makeAsyncIterator()
        for round in 0..<Self.rounds {
            let client = try await WebSocketConnection.connect(
                to: server.url,
                options: ClientOptions(connection: options, eventLoopGroup: group)
            )
            let peer = try #require(await connections.next())
            try await hammer([client, peer], round: round)
        }
        await server.stop()
        try await group.shutdownGracefully()
        try await engine.group.shutdownGracefully()
    }

    private func hammer(_ pair: [WebSocketConnection], round: Int) async throws {
        let record = Record()
        // Every other round is read by callbacks, the rest by tasks.
        let usesCallbacks = round.isMultiple(of: 2)
        if usesCallbacks {
            for (index, connection) in pair.enumerated() { record.install(on: connection, number: index) }
        }
        let readers =
            usesCallbacks
            ? []
            : pair.map { connection in Task { await Self.readOn(connection) } }
        // A task that waits for a message is sure to get one.
        let feeding = Task {
            while !Task.isCancelled {
                for connection in pair { try? await connection.send("food") }
                await Task.yield()
            }
        }
        try await within(.seconds(60)) {
            await withTaskGroup(of: Void.self) { tasks in
                for number in 0..<Self.tasks {
                    tasks.addTask {
                        var dice = Dice(state: UInt64(round * 1000 + number))
                        for call in 0..<Self.callsPerTask {
                            // Ends come late in a round, so that much is tried before them, and some after.
                            let mayEnd = call > Self.callsPerTask / 2
                            let connection = pair[dice.roll(2)]
                            do {
                                try await Self.call(connection, &dice, mayEnd: mayEnd, usesCallbacks, record)
                            } catch is SendError {
                            } catch is ReceiveError {
                            } catch is UsageError {
                            } catch is CancellationError {
                            } catch {
                                record.errors.add("\(error)")
                            }
                        }
                    }
                }
            }
            feeding.cancel()
            for connection in pair {
                connection.abort()
                record.ends.add((connection.id, await connection.closed))
            }
            for reader in readers { await reader.value }
            await feeding.value
        }
        #expect(record.errors.entries.isEmpty, "every error is one of the documented types")
        for connection in pair {
            let ends = record.ends.entries.filter { $0.id == connection.id }.map(\.end)
            #expect(Set(ends).count == 1, "whoever asks is told the same end")
            #expect(ends.first == connection.end)
        }
        // Callbacks are told once at most, and the last ones set are told.
        for number in Set(record.callbackSets.entries) {
            #expect(record.toldEnds.entries.count { $0 == number } <= 1)
        }
        if usesCallbacks { #expect(!record.toldEnds.entries.isEmpty) }
    }

    private static func read(_ connection: WebSocketConnection, atMost most: Int) async throws {
        var count = 0
        for try await _ in connection.messages {
            count += 1
            if count >= most { return }
        }
    }

    /// Reads whatever no other task reads, so that no sender waits for ever.
    private static func readOn(_ connection: WebSocketConnection) async {
        while connection.end == nil {
            try? await read(connection, atMost: .max)
            await Task.yield()
        }
    }

    private static func call(
        _ connection: WebSocketConnection,
        _ dice: inout Dice,
        mayEnd: Bool,
        _ usesCallbacks: Bool,
        _ record: Record
    ) async throws {
        let bytes = [UInt8](repeating: UInt8(dice.roll(256)), count: dice.roll(3000))
        switch dice.roll(mayEnd ? 19 : 12) {
        case 0: try await connection.send(bytes)
        case 1: try await connection.send("text")
        case 2: try await connection.send(.init(kind: .text, bytes: [0x61, 0xFF]))
        case 3:
            try await connection.sendMessage(.binary) { writer in
                try await writer.write(bytes)
                try await writer.write(bytes)
            }
        case 4: _ = try await connection.ping()
        case 5: _ = await connection.bufferedAmount
        case 6:
            let prepared = try PreparedMessage(Message(bytes))
            connection.onLoop { try? $0.send(prepared) }
        case 7: connection.onLoop { try? $0.send(.binary, bytes.span.bytes) }
        case 8: connection.onLoop { isolated in try? isolated.send("\(isolated.bufferedAmount)") }
        case 9:
            _ = (
                connection.end, connection.role, connection.id, connection.remoteAddress,
                connection.subprotocol
            )
        case 10: _ = (Set([connection]), connection.eventLoop.inEventLoop, connection.request.path)
        case 11:
            if usesCallbacks { record.install(on: connection, number: dice.roll(.max)) }
            try? await read(connection, atMost: 1)
        case 12:
            record.ends.add(
                (connection.id, try await connection.close(code: CloseCode(4000), reason: "enough"))
            )
        case 13: record.ends.add((connection.id, try await connection.close(timeout: .zero)))
        case 14: _ = try await connection.close(code: CloseCode(1006))
        case 15: connection.onLoop { try? $0.close(timeout: .milliseconds(10)) }
        case 16: if dice.roll(4) == 0 { connection.abort() }
        case 17: if dice.roll(4) == 0 { connection.onLoop { $0.abort() } }
        default:
            let reading = Task { try await read(connection, atMost: 3) }
            await Task.yield()
            reading.cancel()
            try await reading.value
        }
    }

    @Test(
        "Many connections, opened at once by many tasks and cut in the middle of opening",
        arguments: LoopbackServer.Engine.names
    )
    func hammerConnecting(_ name: String) async throws {
        let engine = try LoopbackServer.Engine.named(name, loops: 3)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try await LoopbackServer(engine, onConnection: LoopbackServer.echo)
        let (url, outcomes) = (server.url, Log<Bool>())
        try await within(.seconds(60)) {
            await withTaskGroup(of: Void.self) { tasks in
                for number in 0..<Self.tasks {
                    tasks.addTask {
                        var dice = Dice(state: UInt64(number))
                        for _ in 0..<12 {
                            let attempt = Task {
                                try await WebSocketConnection.connect(
                                    to: url,
                                    options: .init(eventLoopGroup: group)
                                )
                            }
                            for _ in 0..<dice.roll(20) { await Task.yield() }
                            if dice.roll(2) == 0 { attempt.cancel() }
                            do {
                                let connection = try await attempt.value
                                try await connection.send("x")
                                let isRight = try await connection.receive() == Message("x")
                                outcomes.add(isRight)
                                connection.abort()
                            } catch is CancellationError {
                                outcomes.add(true)
                            } catch {
                                Issue.record("\(error)")
                            }
                        }
                    }
                }
            }
        }
        #expect(outcomes.entries.count == Self.tasks * 12)
        #expect(outcomes.entries.allSatisfy { $0 })
        await server.stop()
        try await group.shutdownGracefully()
        try await engine.group.shutdownGracefully()
    }
}
