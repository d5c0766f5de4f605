import NIOCore
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// What of a connection's messages is compressed.
@Suite("Compression of connections", .timeLimit(.minutes(1)))
struct CompressionTests {
    private static let alone = DeflateAgreement.Direction(keepsContext: false, windowBits: 15)
    private let text = String(repeating: "again and ", count: 100)

    private func connection(
        _ options: DeflateOptions = DeflateOptions(),
        keepsContext: Bool = false,
        change: (inout ConnectionOptions) -> Void = { _ in }
    ) throws -> EmbeddedConnection {
        let direction = DeflateAgreement.Direction(keepsContext: keepsContext, windowBits: 15)
        return try EmbeddedConnection(
            .server,
            .quiet {
                $0.compression = options
                change(&$0)
            },
            compression: DeflateAgreement(server: direction, client: direction)
        )
    }

    /// The first byte of each frame on the wire, and how long its payload is.
    private func frames(_ socket: EmbeddedConnection) -> [(first: UInt8, size: Int)] {
        var wire = socket.pipe.takeWire()[...]
        var frames: [(UInt8, Int)] = []
        while let first = wire.popFirst(), let second = wire.popFirst() {
            var size = Int(second)
            if second > 125 {
                let bytes = second == 126 ? 2 : 8
                size = wire.prefix(bytes).reduce(0) { $0 << 8 | Int($1) }
                wire = wire.dropFirst(bytes)
            }
            frames.append((first, size))
            wire = wire.dropFirst(size)
        }
        return frames
    }

    @Test("Messages are compressed from the threshold on, unless they ask not to be")
    func threshold() throws {
        let socket = try connection(DeflateOptions(threshold: 600))
        var secret = Message(text)
        secret.allowsCompression = false
        try socket.core.enqueue(Message(text))
        try socket.core.enqueue(secret)
        try socket.core.enqueue(Message("short"))
        try socket.isolated.send(.text, Array(text.utf8).span.bytes, compress: false)
        let sent = frames(socket)
        #expect(sent.map(\.first) == [0xC1, 0x81, 0x81, 0x81])
        #expect(sent[0].size < 100)
        #expect(sent.dropFirst().map(\.size) == [1000, 5, 1000])
    }

    @Test("A large message is compressed fragment by fragment, marked on the first")
    func fragments() throws {
        let socket = try connection(change: { $0.fragmentSize = 400 })
        try socket.core.enqueue(Message(text))
        #expect(frames(socket).map(\.first) == [0x41, 0x00, 0x80])
    }

    @Test("A message in pieces is compressed, or is not")
    func pieces() throws {
        let socket = try connection()
        for compress in [true, false] {
            let stream = try socket.core.beginStream(.text, compress: compress)
            try socket.core.append(Array(text.utf8), toStream: stream, isLast: false)
            try socket.core.append([], toStream: stream, isLast: true)
        }
        #expect(frames(socket).map(\.first) == [0x41, 0x80, 0x01, 0x80])
    }

    @Test("What is buffered is counted as it was given, not as it is compressed")
    func bufferedAmount() throws {
        let socket = try connection()
        socket.pipe.takesWrites = false
        try socket.core.enqueue(Message(text))
        #expect(socket.core.bufferedAmount == 1000)
        socket.pipe.takesWrites = true
        socket.endTurn()
        #expect(socket.core.bufferedAmount == 0)
    }

    @Test("A prepared message is compressed once and shared")
    func prepared() throws {
        let message = try PreparedMessage(Message(text))
        let (one, two) = (try connection(), try connection())
        let remembering = try connection(keepsContext: true)
        for socket in [one, two, remembering] { try socket.isolated.send(message) }
        for socket in [one, two, remembering] { socket.endTurn() }
        let wires = [one, two].map { $0.pipe.takeWire() }
        #expect(wires[0] == wires[1])
        #expect(wires[0].first == 0xC1)
        #expect(frames(remembering).map(\.first) == [0xC1])
        let plain = try EmbeddedConnection(.server, .quiet())
        try plain.isolated.send(message)
        plain.endTurn()
        #expect(frames(plain).map(\.first) == [0x81])
        // Made once, found again.
        let (first, second) = (message.frame(for: one.core.deflate), message.frame(for: two.core.deflate))
        #expect(first == second)
        #expect(first?.first == 0xC1)
        #expect(message.frame(for: remembering.core.deflate) == nil)
        var secret = Message(text)
        secret.allowsCompression = false
        #expect(try PreparedMessage(secret).frame(for: one.core.deflate)?.first == 0x81)
    }
}
