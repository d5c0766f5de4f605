import NIOCore
import NIOEmbedded
import Testing

@testable import WebSocketServer

@Suite("Pieces of a body")
struct BodyPumpTests {
    private let loop = EmbeddedEventLoop()

    /// Gives what the test makes of the part.
    private final class Source: BodySource {
        let count: Int
        let stallTimeout = Duration.seconds(1)
        private let make: @Sendable (Range<Int>) throws -> [UInt8]

        init(_ count: Int, _ make: @escaping @Sendable (Range<Int>) throws -> [UInt8]) {
            self.count = count
            self.make = make
        }

        func read(_ part: Range<Int>, on eventLoop: any EventLoop) -> EventLoopFuture<[UInt8]> {
            eventLoop.makeCompletedFuture { try make(part) }
        }
    }

    @Test(arguments: [1, BodyPump.pieceSize, BodyPump.pieceSize + 1, 3 * BodyPump.pieceSize])
    func `Pieces follow each other to the end`(count: Int) {
        var (pieces, isOver) = ([Int](), false)
        let pump = BodyPump(Source(count) { [UInt8](repeating: 0, count: $0.count) }, on: loop) { piece in
            guard case .bytes(let bytes, let isLast) = piece else { return }
            #expect(!isOver)
            pieces.append(bytes.count)
            isOver = isLast
        }
        // More often than there are pieces.
        for _ in 0..<5 { pump.pull() }
        #expect(isOver)
        #expect(pieces.reduce(0, +) == count)
        #expect(pieces.dropLast().allSatisfy { $0 == BodyPump.pieceSize })
    }

    @Test func `A piece that cannot be read is the end`() {
        var failures = 0
        let pump = BodyPump(Source(10) { _ in throw FileProblem.shrunk }, on: loop) { piece in
            if case .failed(let error) = piece, error as? FileProblem == .shrunk { failures += 1 }
        }
        pump.pull()
        pump.pull()
        #expect(failures == 1)
    }

    @Test func `Nothing is delivered to who has gone`() {
        var delivered = 0
        let pump = BodyPump(Source(10) { _ in [] }, on: loop) { _ in delivered += 1 }
        pump.stop()
        pump.pull()
        #expect(delivered == 0)
    }
}
