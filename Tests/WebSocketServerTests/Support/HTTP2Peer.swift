import NIOCore
import NIOHPACK
import TestSupport

/// A frame of HTTP/2 as it stands on the wire (RFC 9113 §4.1).
struct HTTP2RawFrame: Sendable, Hashable {
    var type: UInt8
    var flags: UInt8 = 0
    var stream: UInt32 = 0
    var payload: [UInt8] = []

    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9

    static let endStream: UInt8 = 1
    static let ack: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8

    var bytes: [UInt8] {
        Self.number(UInt32(payload.count), bytes: 3) + [type, flags] + Self.number(stream, bytes: 4) + payload
    }

    static func number(_ value: UInt32, bytes: Int) -> [UInt8] {
        (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    /// The code of a reset or a GOAWAY (RFC 9113 §7).
    var errorCode: UInt32? {
        switch type {
        case Self.reset: Self.read(payload[...])
        case Self.goAway: Self.read(payload.dropFirst(4).prefix(4))
        default: nil
        }
    }

    /// What a WINDOW_UPDATE adds.
    var increment: Int { type == Self.windowUpdate ? Int(Self.read(payload[...])) : 0 }

    static func read(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}

/// A client of HTTP/2 that sends what a test wants it to, in whatever order, and that acknowledges nothing unasked.
struct HTTP2Peer {
    private var connection: RawConnection
    private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Connects to a port of this machine that serves HTTP/2, without TLS or by way of what `lower` puts into the
    /// channel, and says hello.
    static func with<Value: Sendable>(
        port: Int,
        over lower: @escaping @Sendable (any Channel) throws -> Void = { _ in },
        settings: [UInt8] = [],
        _ body: @escaping @Sendable (inout HTTP2Peer) async throws -> Value
    ) async throws -> Value {
        try await RawConnection.with(port: port, over: lower) { connection in
            var peer = HTTP2Peer(connection: connection)
            try await peer.write(
                preface + HTTP2RawFrame(type: HTTP2RawFrame.settings, payload: settings).bytes
            )
            return try await body(&peer)
        }
    }

    private init(connection: RawConnection) { self.connection = connection }

    func write(_ bytes: [UInt8]) async throws { try await connection.write(bytes) }
    func send(_ frames: HTTP2RawFrame...) async throws { try await connection.write(frames.flatMap(\.bytes)) }

    func acknowledgeSettings() async throws {
        try await send(HTTP2RawFrame(type: HTTP2RawFrame.settings, flags: HTTP2RawFrame.ack))
    }

    /// What follows, or `nil` at the end.
    mutating func next() async throws -> HTTP2RawFrame? {
        let head = try await connection.read(9)
        guard head.count == 9 else { return nil }
        let count = Int(HTTP2RawFrame.read(head[..<3]))
        return HTTP2RawFrame(
            type: head[3],
            flags: head[4],
            stream: HTTP2RawFrame.read(head[5...]),
            payload: try await connection.read(count)
        )
    }

    /// The next frame of this type, others passed over.
    mutating func next(_ type: UInt8, on stream: UInt32? = nil) async throws -> HTTP2RawFrame {
        while let frame = try await next() {
            if frame.type == type, stream == nil || frame.stream == stream { return frame }
        }
        throw TookTooLong(limit: .zero, what: "a frame of type \(type) before the end")
    }

    /// All that follows.
    mutating func rest() async throws -> [HTTP2RawFrame] {
        var frames: [HTTP2RawFrame] = []
        while let frame = try await next() { frames.append(frame) }
        return frames
    }

    mutating func headers(
        _ fields: [(String, String)],
        stream: UInt32,
        endStream: Bool = false
    ) throws -> HTTP2RawFrame {
        var block = ByteBuffer()
        try encoder.encode(headers: HPACKHeaders(fields), to: &block)
        return HTTP2RawFrame(
            type: HTTP2RawFrame.headers,
            flags: HTTP2RawFrame.endHeaders | (endStream ? HTTP2RawFrame.endStream : 0),
            stream: stream,
            payload: Array(buffer: block)
        )
    }

    /// An extended CONNECT (RFC 8441 §4).
    mutating func connect(
        _ path: String = "/echo",
        stream: UInt32,
        authority: String = "example.test",
        fields: [(String, String)] = [("sec-websocket-version", "13")]
    ) throws -> HTTP2RawFrame {
        try headers(
            [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
                (":authority", authority),
            ] + fields,
            stream: stream
        )
    }

    /// A request for a page or a file, with nothing behind it unless the stream stays open.
    mutating func get(
        _ path: String,
        stream: UInt32,
        method: String = "GET",
        fields: [(String, String)] = [],
        endStream: Bool = true
    ) throws -> HTTP2RawFrame {
        try headers(
            [(":method", method), (":scheme", "http"), (":path", path), (":authority", "example.test")]
                + fields,
            stream: stream,
            endStream: endStream
        )
    }

    /// The fields of the next answer on a stream.
    mutating func answer(on stream: UInt32) async throws -> [String: String] {
        try await head(on: stream).fields
    }

    private mutating func head(on stream: UInt32) async throws -> (fields: [String: String], isLast: Bool) {
        while let frame = try await next() {
            if frame.type == HTTP2RawFrame.reset, frame.stream == stream {
                return ([":status": "reset \(frame.errorCode ?? 0)"], true)
            }
            guard frame.type == HTTP2RawFrame.headers else { continue }
            var block = ByteBuffer(bytes: frame.payload)
            // Those of other streams, too: they change the table.
            let headers = try decoder.decodeHeaders(from: &block)
            guard frame.stream == stream else { continue }
            let fields = Dictionary(headers.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            return (fields, frame.flags & HTTP2RawFrame.endStream != 0)
        }
        throw TookTooLong(limit: .zero, what: "an answer on stream \(stream)")
    }

    /// The next answer on a stream, up to its end.
    mutating func wholeAnswer(on stream: UInt32) async throws -> (fields: [String: String], body: [UInt8]) {
        var (fields, isLast) = try await head(on: stream)
        var body: [UInt8] = []
        while !isLast {
            let frame = try await next(HTTP2RawFrame.data, on: stream)
            body += frame.payload
            isLast = frame.flags & HTTP2RawFrame.endStream != 0
        }
        return (fields, body)
    }

    /// Waits until the server has seen all that was sent before. What it says meanwhile is passed over.
    mutating func ping() async throws {
        try await send(HTTP2RawFrame(type: HTTP2RawFrame.ping, payload: [UInt8](repeating: 7, count: 8)))
        _ = try await next(HTTP2RawFrame.ping)
    }

    /// Opens a WebSocket.
    mutating func open(_ path: String = "/echo", stream: UInt32) async throws {
        try await send(try connect(path, stream: stream))
        let status = try await answer(on: stream)[":status"]
        guard status == "200" else { throw TookTooLong(limit: .zero, what: "a WebSocket: \(status ?? "")") }
    }

    static func data(_ payload: [UInt8], stream: UInt32, endStream: Bool = false) -> HTTP2RawFrame {
        HTTP2RawFrame(
            type: HTTP2RawFrame.data,
            flags: endStream ? HTTP2RawFrame.endStream : 0,
            stream: stream,
            payload: payload
        )
    }

    static func reset(_ stream: UInt32, code: UInt32 = 8) -> HTTP2RawFrame {
        HTTP2RawFrame(
            type: HTTP2RawFrame.reset,
            stream: stream,
            payload: HTTP2RawFrame.number(code, bytes: 4)
        )
    }

    /// Sends a short text on a WebSocket, and waits for it to come back.
    mutating func echo(_ text: String, stream: UInt32) async throws {
        try await send(Self.data(Handshake.frame(text), stream: stream))
        let answer = try await next(HTTP2RawFrame.data, on: stream).payload
        guard answer == [0x81, UInt8(text.utf8.count)] + text.utf8 else {
            throw TookTooLong(limit: .zero, what: "\(text), got \(answer)")
        }
    }
}
