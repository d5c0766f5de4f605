import NIOCore
import NIOEmbedded
import Testing

@testable import WebSocketTransport

/// A connection among several attempts begins only when it is chosen.
@Suite("Connecting to one of several addresses")
struct ConnectGateTests {
    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var events: [String] = []

        func channelActive(context: ChannelHandlerContext) { events.append("active") }
        func channelInactive(context: ChannelHandlerContext) { events.append("inactive") }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { events.append("error") }
    }

    private func channel() throws -> (EmbeddedChannel, ConnectGate, Recorder) {
        let (gate, recorder) = (ConnectGate(), Recorder())
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([gate, recorder])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return (channel, gate, recorder)
    }

    @Test("The chosen one begins when it is chosen, and its end is told")
    func chosen() throws {
        let (channel, gate, recorder) = try channel()
        #expect(recorder.events.isEmpty)
        gate.open()
        gate.open()
        #expect(recorder.events == ["active"])
        channel.pipeline.fireErrorCaught(ChannelError.operationUnsupported)
        _ = try channel.finish()
        #expect(recorder.events == ["active", "error", "inactive"])
    }

    @Test("Chosen before the pipeline has heard of it, it begins when that does, once")
    func early() throws {
        let (gate, recorder) = (ConnectGate(), Recorder())
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([gate, recorder])
        gate.open()
        #expect(recorder.events.isEmpty)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        #expect(recorder.events == ["active"])
        _ = try channel.finish()
        #expect(recorder.events == ["active", "inactive"])
    }

    @Test("One that came too late is closed without anybody's noticing")
    func late() throws {
        let (channel, _, recorder) = try channel()
        channel.pipeline.fireErrorCaught(ChannelError.operationUnsupported)
        _ = try channel.finish()
        #expect(recorder.events.isEmpty)
    }

    @Test("One that has ended when it is chosen is told to have ended")
    func ended() throws {
        let (channel, gate, recorder) = try channel()
        channel.pipeline.syncOperations.fireChannelInactive()
        gate.open()
        #expect(recorder.events == ["inactive"])
        _ = try? channel.finish()
    }

    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var reads = 0

        func read(context: ChannelHandlerContext) {
            reads += 1
            context.read()
        }
    }

    @Test("What a server says at once waits for the choice")
    func spokenFirst() throws {
        let (counter, gate, recorder) = (ReadCounter(), ConnectGate(), Recorder())
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([counter, gate, recorder])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        channel.read()
        #expect(counter.reads == 0)
        gate.open()
        #expect(recorder.events == ["active"])
        #expect(counter.reads == 1)
        channel.read()
        #expect(counter.reads == 2)
        _ = try channel.finish()
    }
}
