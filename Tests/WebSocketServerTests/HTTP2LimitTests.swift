import HTTPTypes
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// What a client of HTTP/2 may cost, and that none costs the others anything.
@Suite("HTTP/2 limits", .timeLimit(.minutes(1)))
struct HTTP2LimitTests {
    private typealias Raw = HTTP2RawFrame

    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// RFC 9113 §7; 11 is ENHANCE_YOUR_CALM.
        var codes: Set<UInt32> = [11]
        /// Stream 1 is a WebSocket.
        let bytes: @Sendable (inout HTTP2Peer) throws -> [UInt8]

        init(
            _ name: String,
            codes: Set<UInt32> = [11],
            _ bytes: @escaping @Sendable (inout HTTP2Peer) throws -> [UInt8]
        ) {
            testDescription = name
            self.codes = codes
            self.bytes = bytes
        }

        static func repeated(_ name: String, _ frame: HTTP2RawFrame, count: Int = 1_001) -> Attack {
            Attack(name) { _ in [[UInt8]](repeating: frame.bytes, count: count).flatMap(\.self) }
        }
    }

    static let attacks: [Attack] = [
        .repeated("PING", HTTP2RawFrame(type: 6, payload: [0, 1, 2, 3, 4, 5, 6, 7])),
        .repeated(
            "acknowledgements of nothing",
            HTTP2RawFrame(type: 6, flags: 1, payload: [0, 1, 2, 3, 4, 5, 6, 7])
        ),
        .repeated("SETTINGS", HTTP2RawFrame(type: 4)),
        .repeated(
            "few SETTINGS, of thousands",
            HTTP2RawFrame(
                type: 4,
                payload: [[UInt8]](repeating: [0, 3, 0, 0, 0, 9], count: 2_730).flatMap(\.self)
            ),
            count: 4
        ),
        .repeated("PRIORITY", HTTP2RawFrame(type: 2, stream: 3, payload: [0, 0, 0, 1, 9])),
        .repeated("frames nobody knows", HTTP2RawFrame(type: 0xEE, payload: [1])),
        .repeated("empty DATA", HTTP2RawFrame(type: 0, stream: 1)),
        .repeated("WINDOW_UPDATE", HTTP2RawFrame(type: 8, payload: [0, 0, 0, 1]), count: 1_100),
        .repeated(
            "WINDOW_UPDATE of a stream",
            HTTP2RawFrame(type: 8, stream: 1, payload: [0, 0, 0, 1]),
            count: 1_100
        ),
        Attack("CONTINUATION without end") { _ in
            HTTP2RawFrame(type: 1, stream: 3, payload: [0x82]).bytes
                + [[UInt8]](repeating: HTTP2RawFrame(type: 9, stream: 3).bytes, count: 1_000).flatMap(\.self)
        },
        Attack("rapid reset") { peer in
            var bytes: [UInt8] = []
            for number in 1...210 as ClosedRange<UInt32> {
                bytes += try peer.connect(stream: 2 * number + 1).bytes
                bytes += HTTP2Peer.reset(2 * number + 1).bytes
            }
            return bytes
        },
        // A value of 4,000 bytes, told once and then named by its place in the table, a byte each time.
        Attack("HPACK bomb", codes: [1, 2, 9, 11]) { _ in
            let name: [UInt8] = [0x40, 1, UInt8(ascii: "x")]
            let length: [UInt8] = [0x7F, 0xA1, 0x1E]
            let value = [UInt8](repeating: UInt8(ascii: "y"), count: 4_000)
            let block = name + length + value + [UInt8](repeating: 0xBE, count: 8_000)
            return HTTP2RawFrame(type: 1, flags: 4, stream: 3, payload: block).bytes
        },
        Attack("a head of twice the limit", codes: [1, 2, 9, 11]) { peer in
            let fields = (0..<6).map { ("x-\($0)", String(repeating: "~", count: 6_000)) }
            let whole = try peer.headers(fields, stream: 3).payload
            return HTTP2RawFrame(type: 1, stream: 3, payload: Array(whole.prefix(16_000))).bytes
                + HTTP2RawFrame(type: 9, stream: 3, payload: Array(whole.dropFirst(16_000).prefix(16_000)))
                .bytes
                + HTTP2RawFrame(type: 9, flags: 4, stream: 3, payload: Array(whole.dropFirst(32_000))).bytes
        },
        Attack("padding longer than the frame", codes: [1]) { _ in
            HTTP2RawFrame(type: 0, flags: 8, stream: 1, payload: [9, 1]).bytes
        },
        Attack("a frame longer than is allowed", codes: [6]) { _ in
            HTTP2RawFrame(type: 0, stream: 1, payload: [UInt8](repeating: 0, count: 16_385)).bytes
        },
        Attack("a stream of the server's", codes: [1]) { peer in try peer.connect(stream: 2).bytes },
    ]

    @Test(arguments: attacks)
    func `Whoever attacks is told so and loses its connection; others notice nothing`(attack: Attack)
        async throws
    {
        // What is not read must not be given room again.
        let hold = Promised<Void>()
        try await serving(.cleartextHTTP2()) { server in
            HTTP2Peer.echo(server)
            server.route("/held") { _, _ in try await hold.value }
        } _: { port in
            try await HTTP2Peer.with(port: port) { normal in
                try await normal.acknowledgeSettings()
                try await normal.open(stream: 1)
                try await normal.echo("before", stream: 1)
                try await HTTP2Peer.with(port: port) { peer in
                    try await peer.acknowledgeSettings()
                    try await peer.open("/held", stream: 1)
                    // The server may have closed before all of it is sent.
                    try? await peer.write(try attack.bytes(&peer))
                    var frames: [Raw] = []
                    do {
                        while let frame = try await peer.next() { frames.append(frame) }
                    } catch {
                        // A reset is an end as well; what came before it was read.
                    }
                    let goAway = frames.first { $0.type == Raw.goAway }
                    #expect(attack.codes.contains(goAway?.errorCode ?? .max), "\(frames.suffix(3))")
                }
                try await normal.echo("after", stream: 1)
            }
            hold.fulfil(())
        }
    }

    @Test func `Fewer streams than asked for are served, and the rest refused unharmed`() async throws {
        let configuration = WebSocketServer.Configuration.cleartextHTTP2 { $0.http2.maxConcurrentStreams = 2 }
        try await serving(configuration, HTTP2Peer.echo) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.open(stream: 1)
                try await peer.open(stream: 3)
                // It has not acknowledged the limit, so it is told again.
                try await peer.send(try peer.connect(stream: 5))
                #expect(try await peer.answer(on: 5)[":status"] == "reset 7")
                try await peer.send(HTTP2Peer.data(Handshake.close(1000), stream: 1, endStream: true))
                #expect(try await peer.next(Raw.data, on: 1).flags == Raw.endStream)
                try await peer.open(stream: 7)
                try await peer.echo("room again", stream: 7)
            }
        }
    }

    @Test func `What nobody reads yet is held up to the stream's window, and comes in order`() async throws {
        let decide = Promised<Void>()
        let window = 64 << 10
        let configuration = WebSocketServer.Configuration.cleartextHTTP2 { $0.http2.initialWindow = window }
        try await serving(configuration) { server in
            server.route("/late") { _ in
                try await decide.value
                return .accept(())
            } handler: { socket, _, _ in
                for try await message in socket.messages { try await socket.send("\(message.bytes.count)") }
            }
        } _: { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                try await peer.send(try peer.connect("/late", stream: 1))
                // A message of the whole window, header and mask included, in pieces.
                let message = Frame(.binary, [UInt8](repeating: 7, count: window - 8)).bytes(from: .client)
                #expect(message.count == window)
                for start in stride(from: 0, to: window, by: 1_000) {
                    try await peer.send(
                        HTTP2Peer.data(Array(message[start..<min(start + 1_000, window)]), stream: 1)
                    )
                }
                // All of it is there once a PING is answered; no more was allowed meanwhile.
                try await peer.send(Raw(type: Raw.ping, payload: [1, 2, 3, 4, 5, 6, 7, 8]))
                var frames: [Raw] = []
                while frames.last?.type != Raw.ping, let frame = try await peer.next() {
                    frames.append(frame)
                }
                #expect(!frames.contains { $0.type == Raw.windowUpdate && $0.stream == 1 })
                #expect(!frames.contains { $0.type == Raw.headers })
                decide.fulfil(())
                #expect(try await peer.answer(on: 1)[":status"] == "200")
                var increment = 0
                var answer: [UInt8] = []
                while answer.isEmpty || increment == 0, let frame = try await peer.next() {
                    if frame.stream == 1, frame.type == Raw.data { answer = frame.payload }
                    if frame.stream == 1 { increment += frame.increment }
                }
                #expect(answer == [0x81, 5] + "\(window - 8)".utf8)
                #expect(increment == window)
            }
        }
    }

    @Test func `A socket whose handler does not read makes nobody wait but its own client`() async throws {
        let read = Promised<Void>()
        var configuration = WebSocketServer.Configuration.cleartextHTTP2 { $0.http2.initialWindow = 64 << 10 }
        configuration.connection.inboundHighWaterMark = 10_000
        try await serving(configuration) { server in
            HTTP2Peer.echo(server)
            server.route("/held") { socket, _ in
                try await read.value
                var count = 0
                for try await message in socket.messages {
                    count += message.bytes.count
                    if count == 300 * 1_000 { try await socket.send("all") }
                }
            }
        } _: { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                try await peer.open("/held", stream: 1)
                try await peer.open(stream: 3)
                // What the server allows the held stream in all, before it is read.
                var room = 64 << 10
                var sent = 0
                let message = Frame(.binary, [UInt8](repeating: 7, count: 1_000)).bytes(from: .client)
                var isFull = false
                while !isFull {
                    while room >= message.count, sent < 300 {
                        try await peer.send(HTTP2Peer.data(message, stream: 1))
                        room -= message.count
                        sent += 1
                    }
                    try await peer.send(HTTP2Peer.data(Handshake.frame("other"), stream: 3))
                    var hasMore = false
                    while let frame = try await peer.next() {
                        if frame.type == Raw.windowUpdate, frame.stream == 1 {
                            room += frame.increment
                            hasMore = true
                        }
                        if frame.type == Raw.data, frame.stream == 3 { break }
                    }
                    isFull = !hasMore && room < message.count
                }
                #expect(sent < 160, "\(sent) messages of 1,000 bytes were taken of a socket that is not read")
                read.fulfil(())
                while sent < 300 {
                    while room < message.count {
                        room += try await peer.next(Raw.windowUpdate, on: 1).increment
                    }
                    try await peer.send(HTTP2Peer.data(message, stream: 1))
                    room -= message.count
                    sent += 1
                }
                #expect(try await peer.next(Raw.data, on: 1).payload == [0x81, 3] + "all".utf8)
            }
        }
    }

    @Test func `Answers wait for the client's room, whose end of patience is the server's limit`()
        async throws
    {
        let end = Promised<EndCause>()
        var configuration = WebSocketServer.Configuration.cleartextHTTP2()
        configuration.connection.outboundLimit = 1 << 20
        try await serving(configuration) { server in
            HTTP2Peer.echo(server)
            server.route(
                "/pour",
                callbacks: { _, _ in
                    ConnectionCallbacks(
                        onMessage: { isolated, _, _ in
                            let piece = [UInt8](repeating: 1, count: 100_000)
                            // Until it is refused: the client has given no room at all.
                            while (try? isolated.send(.binary, piece.span.bytes)) != nil {}
                            isolated.abort()
                        },
                        onEnd: { _, ended in
                            end.fulfil(ended.cause)
                        }
                    )
                }
            )
        } _: { port in
            // SETTINGS_INITIAL_WINDOW_SIZE 0.
            try await HTTP2Peer.with(port: port, settings: [0, 4, 0, 0, 0, 0]) { peer in
                try await peer.acknowledgeSettings()
                try await peer.open("/pour", stream: 1)
                try await peer.open(stream: 3)
                let room = Raw(type: Raw.windowUpdate, stream: 3, payload: [0, 0, 0x10, 0])
                try await peer.send(room)
                try await peer.send(HTTP2Peer.data(Handshake.frame("pour"), stream: 1))
                try await peer.echo("meanwhile", stream: 3)
                #expect(try await end.value == .aborted)
            }
        }
    }

    @Test func `Who sends more than a stream has room for loses the stream`() async throws {
        let hold = Promised<Void>()
        try await serving(.cleartextHTTP2()) { server in
            HTTP2Peer.echo(server)
            server.route("/held") { _, _ in try await hold.value }
        } _: { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                try await peer.open("/held", stream: 1)
                // More than the window and what the connection's reader takes before nobody reads it.
                let piece = Frame(.binary, [UInt8](repeating: 7, count: 16_000)).bytes(from: .client)
                for _ in 0..<200 { try await peer.send(HTTP2Peer.data(piece, stream: 1)) }
                let reset = try await peer.next(Raw.reset, on: 1)
                // FLOW_CONTROL_ERROR.
                #expect(reset.errorCode == 3)
                try await peer.send(try peer.get("/page", stream: 3))
                #expect(try await peer.answer(on: 3)[":status"] == "200")
            }
            hold.fulfil(())
        }
    }

    @Test func `Padding counts against the window, and its room comes back`() async throws {
        try await serving(.cleartextHTTP2 { $0.http2.initialWindow = 20_000 }, HTTP2Peer.echo) { port in
            try await HTTP2Peer.with(port: port) { peer in
                try await peer.acknowledgeSettings()
                try await peer.open(stream: 1)
                for _ in 0..<200 {
                    let payload = [200] + Handshake.frame("padded") + [UInt8](repeating: 0, count: 200)
                    try await peer.send(Raw(type: Raw.data, flags: Raw.padded, stream: 1, payload: payload))
                    #expect(try await peer.next(Raw.data, on: 1).payload == [0x81, 6] + "padded".utf8)
                }
            }
        }
    }
}
