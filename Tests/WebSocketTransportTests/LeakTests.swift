import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Connections come and go; nothing of them stays.
@Suite("Leaks", .timeLimit(.minutes(3)))
struct LeakTests {
    /// Connections that can be looked for without being held.
    private final class Watch: Sendable {
        private struct Weak: Sendable { weak let connection: WebSocketConnection? }
        private let log = Log<Weak>()

        func add(_ connection: WebSocketConnection) { log.add(Weak(connection: connection)) }
        var count: Int { log.entries.count }
        var alive: Int { log.entries.count { $0.connection != nil } }
    }

    enum Ending: Int, CaseIterable, Sendable { case close, abort, peerAborts, cancelReader, waitingSender }

    private static func run(_ ending: Ending, client: WebSocketConnection, server: WebSocketConnection)
        async throws
    {
        switch ending {
        case .close:
            try await client.send("hello")
            _ = try await server.receive()
            try await server.close()
        case .abort:
            client.abort()
        case .peerAborts:
            let ping = Task { try await client.ping() }
            server.abort()
            _ = try? await ping.value
        case .cancelReader:
            let reading = Task { for try await _ in client.messages {} }
            reading.cancel()
            _ = try? await reading.value
        case .waitingSender:
            let sending = Task {
                for _ in 0..<100 { try await client.send([UInt8](repeating: 0, count: 20_000)) }
            }
            server.abort()
            _ = try? await sending.value
        }
        _ = await (client.closed, server.closed)
    }

    @Test("2000 connections over a pipe, ended in every way: none is left")
    func pipe() async throws {
        let watch = Watch()
        for round in 0..<1000 {
            let ending = try #require(Ending(rawValue: round % Ending.allCases.count))
            try await within {
                let pair = try await PipePair(client: .init(outboundHighWaterMark: 1000), server: .init())
                watch.add(pair.client)
                watch.add(pair.server)
                if ending == .close { LoopbackServer.echo(pair.client) }
                try await Self.run(ending, client: pair.client, server: pair.server)
            }
        }
        #expect(watch.count == 2000)
        try await untilZero { watch.alive }
    }

    @Test("Connections over sockets: neither objects nor descriptors stay")
    func sockets() async throws {
        // Loops of their own, so that the sockets of other tests are not counted.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let watch = Watch()
        let accepted = AsyncStream<WebSocketConnection>.makeStream()
        let server = try await LoopbackServer(.nio(group), options: .init()) {
            watch.add($0)
            accepted.continuation.yield($0)
        }
        let counter = DescriptorCounter(port: server.port)
        var connections = accepted.stream.makeAsyncIterator()
        for round in 0..<400 {
            let ending = try #require(Ending(rawValue: round % Ending.allCases.count))
            var options = ClientOptions(eventLoopGroup: group)
            options.connection.outboundHighWaterMark = 1000
            let client = try await WebSocketConnection.connect(to: server.url, options: options)
            watch.add(client)
            let peer = try #require(await connections.next())
            // Both ends, or the count below means nothing.
            if round == 0 { try await within { while counter.open != 2 { await Task.yield() } } }
            try await within { try await Self.run(ending, client: client, server: peer) }
        }
        await server.stop()
        #expect(watch.count == 800)
        try await untilZero { watch.alive }
        try await untilZero { counter.open }
        try await group.shutdownGracefully()
    }

    @Test("Attempts that fail leave nothing open")
    func failedAttempts() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await RawServer.run { peer in
            let head = try await peer.readHead()
            if head.hasPrefix("GET /silent") { await peer.readToEnd() }
            try await peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        } _: { server in
            let counter = DescriptorCounter(port: server.port)
            for round in 0..<60 {
                let url = server.url + (round % 3 == 0 ? "silent" : "")
                var options = ClientOptions(eventLoopGroup: group)
                options.connection.handshakeTimeout = .milliseconds(5)
                let attempt = Task { [options] in
                    try await WebSocketConnection.connect(to: url, options: options)
                }
                if round % 3 == 1 { attempt.cancel() }
                _ = try? await within { try? await attempt.value }
            }
            try await untilZero { counter.open }
        }
        try await group.shutdownGracefully()
    }

    /// What is let go of on another thread is gone a moment later.
    private func untilZero(_ count: @escaping @Sendable () -> Int) async throws {
        try await within {
            while count() != 0 { await Task.yield() }
        }
    }
}
