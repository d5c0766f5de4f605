import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// What callbacks send while a read is under way: gathered in the loop's burst buffer where that is possible, and in
/// the same order on the wire where it is not.
@Suite("Bursts", .timeLimit(.minutes(3)))
struct BurstTests {
    /// What the peer sends, and what the callback makes of it.
    private enum Step: String, CaseIterable {
        case echoText, echoBinary, copyOfText, string, prepared, empty, large, fragmented, ping, silence

        /// From the peer.
        var frames: [Frame] {
            switch self {
            case .ping: [Frame(.ping, [1, 2])]
            case .fragmented: [.text("frag", isFinal: false), Frame(.continuation, Array("mented".utf8))]
            case .echoBinary: [Frame(.binary, [UInt8](repeating: 3, count: 200))]
            default: [.text(rawValue)]
            }
        }

        /// To the peer.
        var answers: [Frame] {
            switch self {
            case .ping: [Frame(.pong, [1, 2])]
            case .fragmented: [.text("fragmented")]
            case .echoBinary: frames
            case .empty: [Frame(.binary)]
            case .large: [Frame(.binary, [UInt8](repeating: 5, count: 70_000))]
            case .silence: []
            default: [.text(rawValue)]
            }
        }

        @Sendable static func answer(
            _ socket: WebSocketConnection.Isolated,
            _ kind: MessageKind,
            _ bytes: RawSpan
        ) {
            let copy = bytes.withUnsafeBytes { [UInt8]($0) }
            let step = Step(rawValue: String(decoding: copy, as: UTF8.self))
            do {
                switch step {
                case .copyOfText: try socket.send(.text, copy.span.bytes)
                case .string: try socket.send("string")
                case .prepared: try socket.send(try PreparedMessage(Message("prepared")))
                case .empty: try socket.send(.binary, RawSpan())
                case .large: try socket.send(.binary, [UInt8](repeating: 5, count: 70_000).span.bytes)
                case .silence: break
                default: try socket.send(kind, bytes)
                }
            } catch {
                Issue.record("refused: \(error)")
            }
        }
    }

    private func socket(
        _ role: Role = .server,
        _ options: ConnectionOptions = .quiet(),
        compression: DeflateAgreement? = nil,
        _ onMessage: @escaping ConnectionCallbacks.OnMessage = Step.answer
    ) throws -> EmbeddedConnection {
        let socket = try EmbeddedConnection(role, options, compression: compression, hasReader: false)
        socket.connection.setCallbacks(.init(onMessage: onMessage))
        return socket
    }

    @Test(
        "Whatever is answered in whatever way, the answers stand in the order they were given",
        arguments: [1, 2, .max]
    )
    func order(_ pieceSize: Int) throws {
        // Byte by byte every way of it takes long; three of all in one read do not.
        let choices = pieceSize == .max ? Step.allCases : [.echoText, .prepared, .ping, .fragmented]
        for first in choices {
            for second in choices {
                for third in choices {
                    let steps = [first, second, third, .echoText]
                    let socket = try socket()
                    socket.pipe.pieceSize = pieceSize
                    socket.receive(steps.flatMap(\.frames))
                    try #require(try socket.takeFrames() == steps.flatMap(\.answers), "\(steps)")
                    try #require(socket.core.bufferedAmount == 0)
                    try #require(socket.core.burst == nil)
                }
            }
        }
    }

    @Test("The answers to one read are one write, however many")
    func oneWrite() throws {
        let socket = try socket()
        socket.receive([Frame](repeating: .text("echoText"), count: 1000))
        #expect(socket.pipe.takeCalls() == [.write(1000 * 10)])
        #expect(try socket.takeFrames() == [Frame](repeating: .text("echoText"), count: 1000))
    }

    @Test("More than the buffer holds goes out all the same, in order, and is accounted for")
    func more() throws {
        let socket = try socket()
        let frames = (0..<40).map { Frame(.binary, [UInt8](repeating: UInt8($0), count: 20_000)) }
        socket.receive(frames)
        #expect(try socket.takeFrames() == frames)
        #expect(socket.core.bufferedAmount == 0)
    }

    @Test("A socket that takes nothing: what was gathered counts as buffered until it does")
    func slow() throws {
        let socket = try socket()
        socket.pipe.takesWrites = false
        socket.receive(.text("echoText"), .text("silence"), .text("echoText"))
        #expect(socket.core.bufferedAmount == 16)
        socket.receive(.text("echoText"))
        #expect(socket.core.bufferedAmount == 24)
        socket.pipe.takesWrites = true
        #expect(socket.core.bufferedAmount == 0)
        #expect(try socket.takeFrames() == [Frame](repeating: .text("echoText"), count: 3))
    }

    @Test("Past the mark callbacks pause, past the limit sends are refused, as outside of a burst")
    func limits() throws {
        let refused = Log<SendError>()
        let socket = try socket(.server, .quiet { $0.outboundLimit = 20 }) { socket, kind, bytes in
            for _ in 0..<4 {
                do throws(SendError) { try socket.send(kind, bytes) } catch { refused.add(error) }
            }
        }
        socket.receive(Frame(.binary, [UInt8](repeating: 1, count: 10)))
        #expect(refused.entries == [.bufferFull(buffered: 30, limit: 20)])
        #expect(try socket.takeFrames().count == 3)

        let marked = try self.socket(.server, .quiet { $0.outboundHighWaterMark = 20 })
        marked.pipe.takesWrites = false
        marked.receive([Frame](repeating: .text("echoText"), count: 6))
        #expect(marked.core.bufferedAmount == 24)
        #expect(marked.core.inboundCost > 0)
        marked.pipe.takesWrites = true
        #expect(try marked.takeFrames() == [Frame](repeating: .text("echoText"), count: 6))
    }

    @Test("A callback that closes: what it sent before goes out, nothing after")
    func close() throws {
        let socket = try socket { socket, kind, bytes in
            try? socket.send(kind, bytes)
            try? socket.close(code: .goingAway)
            #expect(throws: SendError.usage(.notOpen)) { try socket.send(kind, bytes) }
        }
        socket.receive(.text("one"), .text("two"))
        #expect(try socket.takeFrames() == [.text("one"), .close(1001)])
    }

    @Test("The peer closes, or breaks the protocol, behind messages: their answers go out first")
    func peerEnds() throws {
        let closing = try socket()
        closing.receive(.text("echoText"), .close(1000), .text("echoText"))
        #expect(try closing.takeFrames() == [.text("echoText"), .close(1000)])

        let failing = try socket()
        failing.receive(.text("echoText"), Frame(.binary, [1], isFinal: false), .text("echoText"))
        let frames = try failing.takeFrames()
        #expect(frames.first == .text("echoText"))
        #expect(frames.dropFirst().map(\.closeCode) == [1002])
    }

    @Test("A callback that aborts lets go of the buffer, and of what was to be sent")
    func abort() throws {
        let loop = EmbeddedEventLoop()
        let aborting = try EmbeddedConnection(.server, .quiet(), hasReader: false, loop: loop)
        aborting.connection.setCallbacks(
            .init(onMessage: { socket, kind, bytes in
                try? socket.send(kind, bytes)
                socket.abort()
            })
        )
        aborting.receive(.text("one"), .text("two"))
        #expect(try aborting.takeFrames().isEmpty)
        #expect(aborting.core.end?.unsentBytes == 3)
        // The next connection of the loop has it.
        let other = try socket { socket, kind, bytes in
            #expect(socket.core.burst != nil)
            try? socket.send(kind, bytes)
        }
        other.receive(.text("three"))
        #expect(try other.takeFrames() == [.text("three")])
    }

    @Test("Callbacks that are replaced by a callback are not called again")
    func replaced() throws {
        let later = Log<String>()
        let socket = try socket { socket, kind, bytes in
            try? socket.send(kind, bytes)
            socket.connection?.setCallbacks(
                .init(onMessage: { socket, kind, bytes in
                    later.add(String(decoding: bytes.withUnsafeBytes { [UInt8]($0) }, as: UTF8.self))
                    try? socket.send(kind, bytes)
                })
            )
        }
        socket.receive(.text("one"), .text("two"), .text("three"))
        #expect(later.entries == ["two", "three"])
        #expect(try socket.takeFrames() == [.text("one"), .text("two"), .text("three")])
    }

    @Test("A callback may send to other connections of its loop, in the middle of its own answers")
    func others() throws {
        let other = try socket()
        let isolated = UncheckedBox(other.isolated)
        let socket = try socket { socket, kind, bytes in
            try? socket.send(kind, bytes)
            try? isolated.value.send(kind, bytes)
            try? socket.send(kind, bytes)
        }
        socket.receive(.text("one"), .text("two"))
        #expect(try socket.takeFrames() == [.text("one"), .text("one"), .text("two"), .text("two")])
        #expect(try other.takeFrames() == [.text("one"), .text("two")])
    }

    /// For a test that stays on one thread.
    private struct UncheckedBox: @unchecked Sendable {
        // Sendable: everything of an embedded loop happens on the test's thread.
        let value: WebSocketConnection.Isolated
        init(_ value: WebSocketConnection.Isolated) { self.value = value }
    }

    private static let agreement = DeflateAgreement(
        server: .init(keepsContext: false, windowBits: 15),
        client: .init(keepsContext: false, windowBits: 15)
    )

    @Test("A client's frames, and compressed ones, take the long way")
    func longWay() throws {
        let client = try socket(.client) { socket, kind, bytes in
            #expect(socket.core.burst == nil)
            try? socket.send(kind, bytes)
        }
        client.receive(.text("one"), .text("two"))
        #expect(try client.takeFrames() == [.text("one"), .text("two")])

        let compressed = try socket(.server, .quiet(), compression: Self.agreement) { socket, kind, bytes in
            #expect(socket.core.burst == nil)
            try? socket.send(kind, bytes)
        }
        compressed.receive(.text("one"))
        #expect(try compressed.takeFrames() == [.text("one")])
    }

    @Test("Text that is not UTF-8 is refused in the middle of a burst, and the burst goes on")
    func notUTF8() throws {
        let socket = try socket { socket, kind, bytes in
            #expect(throws: SendError.usage(.textNotUTF8(offset: 0))) {
                try socket.send(.text, [0xFF].span.bytes)
            }
            try? socket.send(kind, bytes)
        }
        socket.receive(.text("one"), .text("two"))
        #expect(try socket.takeFrames() == [.text("one"), .text("two")])
    }
}
