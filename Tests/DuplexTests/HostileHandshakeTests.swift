import TestSupport
import Testing

/// Peers that never mean to finish their request. Their server is a process of its own, whose memory is
/// watched, and somebody else's echoes go on meanwhile.
@Suite("Hostile handshakes", .timeLimit(.minutes(3)))
struct HostileHandshakeTests {
    private static let mebibyte = 1 << 20

    @Test func `A header without end is 431 after 16 KiB`() async throws {
        try await Besieged.run(growingAtMost: 32 * Self.mebibyte) { besieged in
            let head = try await RawConnection.with(port: besieged.serve.port) { connection in
                try await connection.write("GET /echo HTTP/1.1\r\nHost: h\r\nX: ")
                let piece = [UInt8](repeating: 0x78, count: 64 << 10)
                // 20 MB, if somebody took them.
                for _ in 0..<320 {
                    do { try await connection.write(piece) } catch { break }
                }
                return try await connection.readHead()
            }
            #expect(head.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func `A hundred thousand fields are 431 after a hundred`() async throws {
        try await Besieged.run(growingAtMost: 32 * Self.mebibyte) { besieged in
            let head = try await RawConnection.with(port: besieged.serve.port) { connection in
                try await connection.write("GET /echo HTTP/1.1\r\nHost: h\r\n")
                let piece = String(repeating: "X: y\r\n", count: 10_000)
                for _ in 0..<10 {
                    do { try await connection.write(piece) } catch { break }
                }
                return try await connection.readHead()
            }
            #expect(head.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func `A byte now and then does not hold a connection beyond the one deadline`() async throws {
        try await Besieged.run(growingAtMost: 32 * Self.mebibyte) { besieged in
            let port = besieged.serve.port
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let text = try await RawConnection.with(port: port) { connection in
                            try await connection.write("GET /\(number) HTTP/1.1\r\nX: ")
                            // For twice the deadline, which is ten seconds, if nobody objects.
                            for _ in 0..<100 {
                                do { try await connection.write("x") } catch { break }
                                try await Task.sleep(for: .milliseconds(200))
                                guard number % 10 == 0 else { break }
                            }
                            return String(decoding: try await connection.readToEnd(), as: UTF8.self)
                        }
                        #expect(text.hasPrefix("HTTP/1.1 408 "))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `Nothing that a request says can add a field to the answer`() async throws {
        try await Besieged.run(growingAtMost: 32 * Self.mebibyte) { besieged in
            let port = besieged.serve.port
            for request in [
                "GET /%0d%0aX-Evil:%20yes HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /topic/%0d%0aX-Evil:%20yes HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Version: 13\rX-Evil: yes\r\n\r\n",
                "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Protocol: a\tX-Evil: yes\r\n\r\n",
                "X-Evil:\u{1} /echo HTTP/1.1\r\nX-Evil: yes\r\n\r\n",
            ] {
                let answer = try await HTTPGet.answer(port: port, request)
                #expect((400..<500).contains(answer.status))
                #expect(!answer.head.contains("\nx-evil"))
            }
        }
    }

    @Test func `Five hundred connections that say nothing, and two hundred that are reset`() async throws {
        try await Besieged.run(growingAtMost: 96 * Self.mebibyte) { besieged in
            let port = besieged.serve.port
            let request =
                "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            let open = Array(request.utf8)
            // In the request, behind it, in a frame's header, in its payload, inside a message, and while
            // closing.
            let states: [[UInt8]] = [
                [], Array(open.prefix(20)), open, open + [0x81],
                open + hostileFrame(0x81, [0x61], claiming: 100),
                open + hostileFrame(0x01, [0x61]), open + hostileFrame(0x88, [3, 232]),
                open + hostileFrame(0x82, [UInt8](repeating: 7, count: 100_000)),
            ]
            for number in 0..<200 {
                try await RawConnection.reset(port: port, behind: states[number % states.count])
            }
            var silent: [Task<Void, any Error>] = []
            for _ in 0..<500 {
                silent.append(
                    Task { try await RawConnection.with(port: port) { _ = try await $0.readToEnd() } }
                )
            }
            for _ in 0..<20 {
                let status = try await HTTPGet.get(port: port, "/healthz").status
                #expect(status == 200)
            }
            for task in silent { task.cancel() }
        }
    }
}
