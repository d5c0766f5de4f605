import NIOCore
import NIOPosix

/// A client that opens a WebSocket, and never says a word again: no pong, no answer to a close frame, no end of its half.
/// What the server sends is read and dropped.
package struct SilentPeer: Sendable {
    private let channel: any Channel

    /// Connects and asks for a WebSocket; the answer is not waited for.
    package static func open(port: Int, _ path: String) async throws -> SilentPeer {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connectTimeout(.seconds(60))
            .connect(host: "127.0.0.1", port: port).get()
        let request =
            "GET \(path) HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        try await channel.writeAndFlush(ByteBuffer(string: request))
        return SilentPeer(channel: channel)
    }

    package func close() { channel.close(promise: nil) }
}
