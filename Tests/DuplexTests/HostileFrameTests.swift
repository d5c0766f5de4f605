import TestSupport
import Testing

@testable import WebSocketProtocol

/// Peers that have opened a WebSocket and abuse it. See ``HostileHandshakeTests``.
@Suite("Hostile frames", .timeLimit(.minutes(3)))
struct HostileFrameTests {
    private static let mebibyte = 1 << 20

    /// Writes until the server has had enough.
    private static func flood(_ connection: RawConnection, _ bytes: [UInt8], times: Int) async {
        for _ in 0..<times {
            do { try await connection.write(bytes) } catch { return }
        }
    }

    @Test(arguments: [0, 1])
    func `A million fragments of one byte or none are 1008`(size: Int) async throws {
        try await Besieged.run(growingAtMost: 64 * Self.mebibyte) { besieged in
            try await besieged.open { connection in
                let piece = [UInt8](repeating: 0x61, count: size)
                try await connection.write(hostileFrame(0x01, piece))
                let more = [UInt8]((0..<1000).map { _ in hostileFrame(0x00, piece) }.joined())
                await Self.flood(connection, more, times: 1000)
                let code = try await connection.readCloseCode()
                #expect(code == 1008)
            }
        }
    }

    @Test func `A hundred thousand pings from a peer that does not read are 1008`() async throws {
        try await Besieged.run(growingAtMost: 32 * Self.mebibyte) { besieged in
            try await besieged.open { connection in
                let pings = [UInt8](
                    (0..<1000).map { _ in hostileFrame(0x89, [UInt8](repeating: 7, count: 125)) }.joined()
                )
                await Self.flood(connection, pings, times: 100)
                let code = try await connection.readCloseCode()
                #expect(code == 1008)
            }
        }
    }

    @Test(arguments: [1 << 24 + 1, 1 << 31, 1 << 32, 1 << 62, 1 << 63 - 1] as [UInt64])
    func `A frame that claims too much is 1009 on its header`(length: UInt64) async throws {
        try await Besieged.run(growingAtMost: 16 * Self.mebibyte) { besieged in
            for _ in 0..<20 {
                try await besieged.open { connection in
                    try await connection.write(hostileFrame(0x82, [1, 2, 3], claiming: length))
                    let code = try await connection.readCloseCode()
                    #expect(code == 1009)
                }
            }
        }
    }

    @Test func `A hundred frames that claim 16 MiB and send little reserve little`() async throws {
        try await Besieged.run(growingAtMost: 64 * Self.mebibyte) { besieged in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        try await besieged.open { connection in
                            try await connection.write(
                                hostileFrame(0x82, [UInt8](repeating: 1, count: 1000), claiming: 16 << 20)
                                    + hostileFrame(0x82, []).prefix(0)
                            )
                            connection.endOutput()
                            _ = try await connection.readToEnd()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `A peer that never reads its echoes is not read either`() async throws {
        try await Besieged.run(growingAtMost: 64 * Self.mebibyte) { besieged in
            try await besieged.open { connection in
                let frame = hostileFrame(0x82, [UInt8](repeating: 7, count: 64 << 10))
                // 256 MiB, if somebody took them.
                var taken = 0
                for _ in 0..<4096 {
                    guard try await connection.isTaken(frame, within: .seconds(3)) else { break }
                    taken += frame.count
                }
                #expect(taken < 128 * Self.mebibyte, "the server goes on reading")
            }
        }
    }

    @Test(arguments: ["/echo", "/topic/empty"])
    func `Messages without a byte do not pile up for a peer that never reads`(path: String) async throws {
        try await Besieged.run(growingAtMost: 64 * Self.mebibyte) { besieged in
            try await besieged.open(path) { connection in
                let frames = [UInt8]((0..<10_000).map { _ in hostileFrame(0x82) }.joined())
                // Twenty million messages, if somebody took them. A topic closes the connection before.
                for _ in 0..<2000 {
                    guard (try? await connection.isTaken(frames, within: .seconds(3))) == true else { break }
                }
            }
        }
    }

    // MARK: Compression

    /// Zeroes, compressed as far as DEFLATE can: 1,029 to 1.
    private static let bomb: [UInt8] = {
        guard let deflater = Deflater(.init(windowBits: 15, level: 9, memoryLevel: 9)) else { return [] }
        var output: [UInt8] = []
        let piece = [UInt8](repeating: 0, count: 4 << 20)
        for number in 0..<256 {
            piece.withUnsafeBytes { deflater.compress($0, isLast: number == 255, into: &output) }
        }
        return output
    }()

    @Test func `A mebibyte that stands for a gibibyte is 1009, whole or in fragments`() async throws {
        let bomb = Self.bomb
        #expect(bomb.count < 2 << 20)
        try await Besieged.run(growingAtMost: 80 * Self.mebibyte) { besieged in
            for _ in 0..<3 {
                try await besieged.open(compressed: true) { connection in
                    await Self.flood(connection, hostileFrame(0xC2, bomb), times: 1)
                    let code = try await connection.readCloseCode()
                    #expect(code == 1009)
                }
                try await besieged.open(compressed: true) { connection in
                    try await connection.write(hostileFrame(0x42, Array(bomb.prefix(100))))
                    for start in stride(from: 100, to: bomb.count, by: 1000) {
                        let piece = Array(bomb[start...].prefix(1000))
                        do { try await connection.write(hostileFrame(0x00, piece)) } catch { break }
                    }
                    let code = try await connection.readCloseCode()
                    #expect(code == 1009)
                }
            }
        }
    }

    @Test func `What is not DEFLATE is 1007, and the next connection's messages are whole`() async throws {
        try await Besieged.run(growingAtMost: 16 * Self.mebibyte) { besieged in
            for number in 0..<50 {
                try await besieged.open(compressed: true) { connection in
                    try await connection.write(hostileFrame(0xC2, [0xFF, UInt8(number)]))
                    let code = try await connection.readCloseCode()
                    #expect(code == 1007)
                }
                try await besieged.open(compressed: true) { connection in
                    // "Hello" of RFC 7692 §7.2.3.1. The echo is short, and so it comes back as it is.
                    try await connection.write(
                        hostileFrame(0xC1, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
                    )
                    let echo = try await connection.read(7)
                    #expect(echo == [0x81, 5] + "Hello".utf8)
                }
            }
        }
    }
}
