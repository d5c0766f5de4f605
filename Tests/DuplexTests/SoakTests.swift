import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// Many connections that come, talk and go in every way there is: afterwards the server has what it had before.
@Suite("Soak", .timeLimit(.minutes(3)))
struct SoakTests {
    private static let rounds = 30
    private static let clients = 24

    @Test func `A thousand connections that end in every way leave nothing behind`() async throws {
        let serve = try await ServeProcess.start(["--workers", "2"])
        // Once before, so that what is made once is not counted.
        try await Self.round(serve, number: 0)
        try await Self.settle(serve, at: 0)
        let descriptors = serve.process.openDescriptors
        var memory: [Int] = []
        for number in 1...Self.rounds {
            try await Self.round(serve, number: number)
            if let resident = serve.process.residentBytes { memory.append(resident) }
        }
        try await Self.settle(serve, at: descriptors ?? 0)
        #expect(try await HTTPGet.get(port: serve.port, "/healthz").status == 200)
        // Memory that grew with each round would have doubled the first half's growth in the second.
        if let middle = memory.dropLast(Self.rounds / 2).max(), let end = memory.last {
            #expect(end - middle < 16 << 20, "grew by \((end - middle) >> 20) MiB in the second half")
        }
    }

    /// Waits until the server has no more open than `descriptors`, which it may close a moment after its peers.
    private static func settle(_ serve: ServeProcess, at descriptors: Int) async throws {
        guard descriptors > 0 else { return }
        try await within(waitingFor: "the server to have \(descriptors) descriptors") {
            while let open = serve.process.openDescriptors, open > descriptors { await Task.yield() }
        }
    }

    private static func round(_ serve: ServeProcess, number: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<clients {
                group.addTask { try await visit(serve, kind: client % 8, seed: number * clients + client) }
            }
            try await group.waitForAll()
        }
    }

    /// One connection's life.
    private static func visit(_ serve: ServeProcess, kind: Int, seed: Int) async throws {
        switch kind {
        case 0...3: try await talk(serve, kind: kind, seed: seed)
        case 4:
            // Hangs up in the middle of a request.
            try await RawConnection.with(port: serve.port) { try await $0.write("GET /echo HTTP/1.1\r\nHo") }
        case 5:
            #expect(try await HTTPGet.get(port: serve.port, "/nothing").status == 404)
        case 6:
            // Breaks the protocol: a frame without a mask.
            try await RawConnection.with(port: serve.port) { connection in
                try await connection.write(handshake)
                _ = try await connection.readHead()
                try await connection.write([0x81, 0x01, 0x61])
                #expect(try await connection.readToEnd().starts(with: [0x88]))
            }
        default:
            // Hangs up in the middle of a frame.
            try await RawConnection.with(port: serve.port) { connection in
                try await connection.write(handshake)
                _ = try await connection.readHead()
                try await connection.write([0x82, 0xFE, 0x10, 0x00, 1, 2, 3, 4, 5])
            }
        }
    }

    private static func talk(_ serve: ServeProcess, kind: Int, seed: Int) async throws {
        var options = ClientOptions()
        if kind == 1 { options.connection.compression = nil }
        let path = kind == 3 ? "/topic/soak-\(seed)" : "/echo"
        let socket = try await WebSocketConnection.connect(to: serve.url(path), options: options)
        for size in [0, 1, 125, 126, 70_000, seed * 7919 % 300_000] {
            let message =
                kind == 0
                ? Message(String(repeating: "é", count: size / 2))
                : Message((0..<size).map { UInt8(truncatingIfNeeded: $0 &* seed) })
            try await socket.send(message)
            #expect(try await socket.receive() == message)
        }
        if kind == 2 { socket.abort() } else { #expect(try await socket.close().wasClean) }
    }

    private static let handshake =
        "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
}
