// What a message costs on its way through a connection and back, without a socket: from the bytes of a read, by
// way of the callback, to the bytes of a write. Beside the figures of the protocol core it says what the
// connection adds, and beside those of whole servers what is left for the kernel.
//
//     connection-path [SECONDS]      prints a table in Markdown

import HTTPTypes
import NIOCore
import NIOPosix
import WebSocketProtocol
import WebSocketTransport

/// A transport that takes everything at once and keeps nothing.
final class Sink: ByteTransport {
    var bytes = 0
    func write(_ first: RawSpan, _ more: RawSpan) -> Bool {
        bytes += first.byteCount + more.byteCount
        return true
    }
    func pauseReading() {}
    func resumeReading() {}
    func closeOutput() {}
    func abort() {}
}

/// Reads that all bring the same messages, to a connection that sends each back.
struct Echo: Sendable {
    let kind: MessageKind
    let size: Int
    /// Messages in a read.
    let burst: Int

    /// - Returns: nanoseconds per message, the median of many turns; to be called on the loop.
    func measure(on eventLoop: any EventLoop, seconds: Int) throws(UsageError) -> Double {
        let sink = Sink()
        let (connection, input) = WebSocketConnection.start(
            on: sink,
            role: .server,
            request: HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/"),
            eventLoop: eventLoop
        )
        defer { connection.abort() }
        connection.setCallbacks(.init(onMessage: { socket, kind, bytes in try? socket.send(kind, bytes) }))
        var wire: [UInt8] = []
        var client = WebSocketEndpoint(role: .client)
        let message = [UInt8](repeating: 0x61, count: size)
        for _ in 0..<burst { try client.send(kind, message.span.bytes, into: &wire) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: wire.count, alignment: 64)
        defer { buffer.deallocate() }

        // Unmasked in place, so each read begins with a copy, as one from a socket does.
        let reads = max(1, 200_000 / (burst * (100 + size / 16)))
        var times: [Double] = []
        let end = NIODeadline.now() + .seconds(Int64(seconds))
        while times.count < 5 || NIODeadline.now() < end {
            sink.bytes = 0
            let start = NIODeadline.now()
            for _ in 0..<reads {
                buffer.copyBytes(from: wire)
                input.received(buffer)
            }
            times.append(Double((NIODeadline.now() - start).nanoseconds) / Double(reads * burst))
            precondition(sink.bytes >= reads * burst * (size + 2), "a message was lost")
        }
        return times.sorted()[times.count / 2]
    }
}

let seconds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1
let loop = MultiThreadedEventLoopGroup.singleton.any()
print("| message | in a read | ns/message |\n| --- | ---: | ---: |")
for kind in [MessageKind.binary, .text] {
    for (size, burst) in [(64, 1), (64, 16), (512, 1), (16 << 10, 4)] {
        let echo = Echo(kind: kind, size: size, burst: burst)
        let figure = try await loop.submit { try echo.measure(on: loop, seconds: seconds) }.get()
        print("| \(kind), \(size) B | \(burst) | \(Int(figure.rounded())) |")
    }
}
