import TestSupport
import Testing
import WebSocketTransport

/// A `duplex serve` under attack.
struct Besieged: Sendable {
    let serve: ServeProcess
    private let before: Int?

    /// Runs an attack on a server of its own, with a bystander: a connection of that server that wants its
    /// echoes all the while, and gets every one.
    ///
    /// - Parameter memory: how far the server may grow, in bytes; judged right behind the attack, and not
    ///   where the system does not tell.
    static func run(
        growingAtMost memory: Int,
        _ arguments: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation,
        _ attack: @escaping @Sendable (Besieged) async throws -> Void
    ) async throws {
        let serve = try await ServeProcess.start(arguments)
        let bystander = try await WebSocketConnection.connect(to: serve.url("/echo"))
        let besieged = Besieged(serve: serve, before: serve.process.residentBytes)
        // A flag, not a cancellation, which would close the connection.
        let isOver = Locked(false)
        let echoes = Task {
            var count = 0
            while !isOver.withLock({ $0 }) {
                try await bystander.send("\(count)")
                let answer = try await bystander.receive()?.text
                guard answer == "\(count)" else { throw Lost(sent: count, got: answer) }
                count += 1
            }
            return count
        }
        do {
            try await attack(besieged)
        } catch {
            isOver.withLock { $0 = true }
            throw error
        }
        if let before = besieged.before, let after = serve.process.residentBytes {
            #expect(
                after - before <= memory,
                "grew by \((after - before) >> 20) MiB",
                sourceLocation: sourceLocation
            )
        }
        isOver.withLock { $0 = true }
        let count = try await within(waitingFor: "the bystander's last echo") { try await echoes.value }
        #expect(count > 0, sourceLocation: sourceLocation)
        #expect(try await bystander.close().wasClean, sourceLocation: sourceLocation)
        #expect(
            try await HTTPGet.get(port: serve.port, "/healthz").status == 200,
            sourceLocation: sourceLocation
        )
    }

    private struct Lost: Error {
        let sent: Int
        let got: String?
    }

    /// An open connection, byte by byte.
    func open(
        _ path: String = "/echo",
        compressed: Bool = false,
        _ body: @escaping @Sendable (inout RawConnection) async throws -> Void
    ) async throws {
        try await RawConnection.with(port: serve.port) { connection in
            let offer = compressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : ""
            try await connection.write(
                "GET \(path) HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(offer)\r\n"
            )
            let head = try await connection.readHead()
            try #require(head.hasPrefix("HTTP/1.1 101 "))
            try await body(&connection)
        }
    }
}

/// A client's frame, masked with a key of zeroes, so that its payload stands there as it is.
func hostileFrame(_ first: UInt8, _ payload: [UInt8] = [], claiming length: UInt64? = nil) -> [UInt8] {
    let length = length ?? UInt64(payload.count)
    let key: [UInt8] = [0, 0, 0, 0]
    func bytes(_ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) }
    }
    switch length {
    case ...125: return [first, 0x80 | UInt8(length)] + key + payload
    case ...0xFFFF: return [first, 0xFE] + bytes(2) + key + payload
    default: return [first, 0xFF] + bytes(8) + key + payload
    }
}

extension RawConnection {
    /// Reads to the end and says the code of the close frame that must come last.
    mutating func readCloseCode() async throws -> Int? {
        let bytes = try await readToEnd()
        // A close frame is short: a header of two bytes, the code, a reason.
        guard
            let start = bytes.indices.reversed().first(where: { index in
                bytes[index] == 0x88 && index + 2 + Int(bytes[(index + 1) % bytes.count]) == bytes.count
            }), bytes.count >= start + 4
        else { return nil }
        return Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
    }
}
