#if os(Linux)
import CAllocationCounter
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Memory asked for while messages go in and out, counted by a malloc that counts.
@Suite(
    "Allocations",
    .timeLimit(.minutes(1)),
    .enabled(if: duplex_allocations() >= 0, "no malloc of our own here")
)
struct AllocationTests {
    @Test("The counter sees what is allocated")
    func counter() {
        let before = duplex_allocations()
        let array = [UInt8](repeating: 1, count: Int.random(in: 100...200))
        #expect(duplex_allocations() > before)
        #expect(!array.isEmpty)
    }

    /// A transport that takes everything at once and keeps nothing.
    private final class Sink: ByteTransport {
        var written = 0
        func write(_ bytes: RawSpan, _ more: RawSpan) -> Bool {
            written += bytes.byteCount + more.byteCount
            return true
        }
        func pauseReading() {}
        func resumeReading() {}
        func closeOutput() {}
        func abort() {}
    }

    private struct Count: Sendable {
        var allocations: Int
        var written: Int
    }

    /// Has a server's callback echo `burst` messages a read, again and again.
    ///
    /// - Returns: what all reads but the first few allocated.
    private func echo(_ message: Frame, burst: Int, reads: Int) async throws -> Count {
        let loop = try SocketLoop(name: "allocations")
        let count = try await loop.submit { () -> Count in
            let sink = Sink()
            let (connection, input) = WebSocketConnection.start(
                on: sink,
                role: .server,
                request: .test,
                options: .quiet(),
                eventLoop: loop
            )
            connection.setCallbacks(
                .init(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) })
            )
            let wire = (0..<burst).flatMap { _ in message.bytes(from: .client) }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: wire.count, alignment: 16)
            defer { buffer.deallocate() }
            var before = 0
            for read in 0..<(reads + 10) {
                if read == 10 { (before, sink.written) = (duplex_allocations(), 0) }
                buffer.copyBytes(from: wire)
                input.received(buffer)
            }
            let count = Count(allocations: duplex_allocations() - before, written: sink.written)
            connection.abort()
            return count
        }.get()
        try await loop.shutdownGracefully()
        return count
    }

    @Test(
        "A small message that a callback sends back costs no allocation",
        arguments: [1, 16],
        [Frame.text("sixty-four bytes or so"), Frame(.binary, [UInt8](repeating: 9, count: 1000))]
    )
    func smallMessages(burst: Int, message: Frame) async throws {
        let count = try await echo(message, burst: burst, reads: 1000)
        let header = message.payload.count > 125 ? 4 : 2
        #expect(count.written == 1000 * burst * (header + message.payload.count))
        #expect(count.allocations == 0)
    }

    @Test("A message that comes whole in a read costs none at any size, if it is sent back")
    func largeMessage() async throws {
        let message = Frame(.binary, [UInt8](repeating: 9, count: 200_000))
        let count = try await echo(message, burst: 1, reads: 50)
        #expect(count.written == 50 * (10 + 200_000))
        #expect(count.allocations == 0)
    }
}
#endif
