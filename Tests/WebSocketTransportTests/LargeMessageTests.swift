import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// What a message of many megabytes does not hold up.
@Suite("Large messages", .timeLimit(.minutes(3)))
struct LargeMessageTests {
    @Test(
        "The peer's close overtakes what has not been sent of a message, compressed or not",
        arguments: [true, false]
    )
    func overtaken(isCompressed: Bool) async throws {
        try await RawServer.run { peer in
            let extra = isCompressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : ""
            try await peer.accept(extra: extra)
            // The first bytes of a message that is under way.
            _ = try await peer.read(10)
            try await peer.write(.close(4567))
            await peer.readToEnd()
        } _: { server in
            var options = ClientOptions.patient
            if !isCompressed { options.connection.compression = nil }
            let connection = try await WebSocketConnection.connect(to: server.url, options: options)
            let sending = Task { try await connection.send([UInt8](repeating: 0, count: 256 << 20)) }
            let end = try await within { await connection.closed }
            #expect(end.code == CloseCode(4567))
            #expect(end.unsentBytes > 0)
            let error = await thrownError(SendError.self) { try await sending.value }
            #expect(error == .ended(end))
        }
    }
}
