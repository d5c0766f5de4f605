package import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A TCP connection without any protocol: the test writes each byte, and sees each byte.
package struct RawConnection {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    /// Read from the network and not yet handed out.
    private var unread = ByteBuffer()

    /// Connects to a port of this machine, for as long as `body` runs.
    package static func with<Value: Sendable>(
        port: Int,
        _ body: @escaping @Sendable (inout RawConnection) async throws -> Value
    ) async throws -> Value {
        try await with(port: port, over: { _ in }, body)
    }

    /// Connects to a port of this machine, for as long as `body` runs, by way of what `lower` puts into the channel.
    package static func with<Value: Sendable>(
        port: Int,
        over lower: @escaping @Sendable (any Channel) throws -> Void,
        _ body: @escaping @Sendable (inout RawConnection) async throws -> Value
    ) async throws -> Value {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try lower(channel)
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true)
                    )
                }
            }
        return try await within(waitingFor: "an exchange of bytes") {
            try await channel.executeThenClose { inbound, outbound in
                var connection = RawConnection(inbound: inbound.makeAsyncIterator(), outbound: outbound)
                return try await body(&connection)
            }
        }
    }

    /// Connects, sends, and resets the connection (TCP RST), whatever the peer is doing.
    package static func reset(port: Int, behind bytes: [UInt8]) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port).get()
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        // The peer may have closed already, and then there is nothing to reset.
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes))
        try? await channel.close()
    }

    private init(
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound
        self.outbound = outbound
    }

    package func write(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }
    package func write(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

    /// Whether the peer takes some bytes in time, rather than leave them in the system's buffers.
    package func isTaken(_ bytes: [UInt8], within limit: Duration) async throws -> Bool {
        let outbound = outbound
        do {
            try await TestSupport.within(limit) { try await outbound.write(ByteBuffer(bytes: bytes)) }
            return true
        } catch is TookTooLong {
            return false
        }
    }

    /// Ends this half (TCP FIN).
    package func endOutput() { outbound.finish() }

    /// Reads until the peer ends its half.
    package mutating func readToEnd() async throws -> [UInt8] {
        while var part = try await inbound.next() { unread.writeBuffer(&part) }
        return Array(buffer: take(unread.readableBytes))
    }

    /// Reads to the end, or to the reset, ahead of which something may have come.
    package mutating func readToEndOrReset() async -> [UInt8] {
        while var part = try? await inbound.next() { unread.writeBuffer(&part) }
        return Array(buffer: take(unread.readableBytes))
    }

    /// Reads exactly so many bytes, or fewer if the peer ends before.
    package mutating func read(_ count: Int) async throws -> [UInt8] {
        while unread.readableBytes < count, var part = try await inbound.next() { unread.writeBuffer(&part) }
        return Array(buffer: take(min(count, unread.readableBytes)))
    }

    /// Reads an HTTP head, its empty line included.
    package mutating func readHead() async throws -> String {
        while !String(buffer: unread).contains("\r\n\r\n"), var part = try await inbound.next() {
            unread.writeBuffer(&part)
        }
        let text = String(buffer: unread)
        let end = text.firstRange(of: "\r\n\r\n")?.upperBound ?? text.endIndex
        return String(buffer: take(text.utf8.distance(from: text.startIndex, to: end)))
    }

    private mutating func take(_ count: Int) -> ByteBuffer { unread.readSlice(length: count) ?? ByteBuffer() }
}
