import NIOCore
import NIOSSL
import Synchronization
import TestSupport
import Testing
import WebSocketTransport

@testable import WebSocketServer

/// The PROXY protocol's header ahead of TLS, and what it does to both versions of HTTP in there.
@Suite(
    "Serving TLS behind proxies",
    .enabled(if: Tools.mayUse(Tools.openssl), "openssl is not installed"),
    .timeLimit(.minutes(1))
)
struct ProxyTLSTests {
    private let certificate: Certificate

    init() async throws { certificate = try await Certificate.make() }

    private static let line = proxied("192.0.2.60")
    private static let binary = ProxyHeaderParserTests.binary(
        0x21,
        0x11,
        [192, 0, 2, 60, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xBB, 0x04, 0, 1, 0]
    )
    private static let local = ProxyHeaderParserTests.binary(0x20, 0, [])

    private static func proxied(_ client: String) -> [UInt8] {
        Array("PROXY TCP4 \(client) 10.0.0.1 4711 443\r\n".utf8)
    }

    /// Serves an echo, a page, and a route that tells a client who it is taken for.
    private func served<Value>(
        _ admission: WebSocketServer.Admission = .init(proxyProtocol: .required(from: [.loopback])),
        handshakeTimeout: Duration = .seconds(60),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (WebSocketServer, Int) async throws -> Value
    ) async throws -> Value {
        var configuration = WebSocketServer.Configuration(
            port: 0,
            tls: certificate.serverConfiguration,
            admission: admission
        )
        configuration.connection.handshakeTimeout = handshakeTimeout
        let served = Locked<WebSocketServer?>(nil)
        return try await serving(configuration) { server in
            HTTP2Peer.echo(server)
            server.routeWho()
            served.withLock { $0 = server }
        } _: { port in
            let server = try #require(served.withLock { $0 })
            let value = try await body(server, port)
            try await within(waitingFor: "every connection's end") { await server.registry.waitUntilEmpty() }
            #expect(server.admission.withLock { $0?.addresses?.totals.connections ?? 0 } == 0)
            return value
        }
    }

    /// What puts a header ahead of a client's TLS.
    private func lower(
        _ header: [UInt8],
        _ way: ProxyHeaderSender.Way = .apart,
        protocols: [String] = []
    ) throws -> @Sendable (any Channel) throws -> Void {
        var configuration = certificate.clientConfiguration
        configuration.applicationProtocols = protocols
        let context = try NIOSSLContext(configuration: configuration)
        return { channel in
            try channel.pipeline.syncOperations.addHandlers([
                ProxyHeaderSender(header, way),
                try NIOSSLClientHandler(context: context, serverHostname: "localhost"),
            ])
        }
    }

    private func who(_ port: Int, _ header: [UInt8], _ way: ProxyHeaderSender.Way) async throws -> String {
        try await RawConnection.with(port: port, over: try lower(header, way)) { connection in
            try await connection.write(Handshake.request("/who"))
            #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
            let header = try await connection.read(2)
            return String(decoding: try await connection.read(Int(header[1])), as: UTF8.self)
        }
    }

    /// Asks on two streams of one connection.
    private func whoByHTTP2(_ port: Int, _ header: [UInt8], _ way: ProxyHeaderSender.Way) async throws
        -> Set<String>
    {
        try await HTTP2Peer.with(port: port, over: try lower(header, way, protocols: ["h2"])) { peer in
            try await peer.acknowledgeSettings()
            var answers: Set<String> = []
            for stream in [1, 3] as [UInt32] {
                try await peer.open("/who", stream: stream)
                let frame = try await peer.next(HTTP2RawFrame.data, on: stream).payload
                answers.insert(String(decoding: frame.dropFirst(2).prefix(Int(frame[1])), as: UTF8.self))
            }
            return answers
        }
    }

    /// Sends bytes without any TLS of the client's own, and reads to the end, or the reset.
    private func answer(_ port: Int, _ bytes: [UInt8], endsOutput: Bool = false) async throws -> [UInt8] {
        try await RawConnection.with(port: port) { connection in
            try? await connection.write(bytes)
            if endsOutput { connection.endOutput() }
            return await connection.readToEndOrReset()
        }
    }

    // MARK: Whose it is

    @Test(arguments: ProxyHeaderSender.Way.allCases)
    func `In both versions of HTTP the client is the header's`(way: ProxyHeaderSender.Way) async throws {
        try await served { server, port in
            for header in [Self.line, Self.binary] {
                expectEqual(try await who(port, header, way), "192.0.2.60 4711 https")
                expectEqual(try await whoByHTTP2(port, header, way), ["192.0.2.60 4711 https"])
            }
            // The proxy's own connections are the proxy's.
            for header in [Self.local, Array("PROXY UNKNOWN\r\n".utf8)] {
                expectEqual(try await who(port, header, way).hasPrefix("127.0.0.1 "), true)
                let answers = try await whoByHTTP2(port, header, way)
                #expect(answers.count == 1 && answers.allSatisfy { $0.hasPrefix("127.0.0.1 ") })
            }
            #expect(server.refusals.isEmpty)
        }
    }

    // MARK: Who is refused

    /// The beginning of TLS, as far as a server would have a word for it.
    private static let hello: [UInt8] = [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]

    @Test
    func `Without a header, or with a wrong one, nothing is said, not by TLS either, and it is counted`()
        async throws
    {
        try await served { server, port in
            let wrong = [
                Self.hello, Array("PROXY TCP4 a b c d\r\n".utf8) + Self.hello,
                Array("PROXY TCP6 192.0.2.60 10.0.0.1 1 2\r\n".utf8) + Self.hello,
                Array("PROXY ".utf8) + [UInt8](repeating: 0x20, count: 200) + Self.hello,
                ProxyHeaderParserTests.binary(0x21, 0x11, [], length: 5000) + Self.hello,
                Array("GET /page HTTP/1.1\r\nHost: h\r\n\r\n".utf8),
            ]
            for bytes in wrong { expectEqual(try await answer(port, bytes), []) }
            #expect(server.refusals == [.proxyHeader: wrong.count])
            // A whole client of TLS that knows of no proxy is none that could be answered.
            for protocols in [[], ["h2"]] {
                await #expect(throws: (any Error).self) {
                    try await RawConnection.with(
                        port: port,
                        over: try lower([], protocols: protocols)
                    ) { connection in
                        try await connection.write(Handshake.request("/who"))
                        _ = try await connection.read(1)
                    }
                }
            }
            #expect(server.refusals == [.proxyHeader: wrong.count + 2])
        }
    }

    @Test func `What follows a header is TLS, and not another header or HTTP`() async throws {
        try await served { server, port in
            let request = Array("GET /page HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
            for bytes in [Self.line + Self.line, Self.line + request, Self.binary + request] {
                let answer = try await answer(port, bytes)
                #expect(!answer.starts(with: "HTTP/".utf8))
            }
            #expect(server.refusals.isEmpty)
        }
    }

    @Test func `A header inside TLS is none`() async throws {
        try await served { _, port in
            let answer = try await RawConnection.with(port: port, over: try lower(Self.line)) { connection in
                try await connection.write(Self.proxied("203.0.113.9") + Handshake.request("/who").utf8)
                return try await connection.readHead()
            }
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func `Who hangs up in the middle of a header, or of TLS behind it, is let go at once`() async throws
    {
        try await served { _, port in
            for bytes in [[], Self.line.dropLast(), Self.line, Self.line + Self.hello.dropLast()] {
                expectEqual(try await answer(port, Array(bytes), endsOutput: true), [])
            }
        }
    }

    @Test func `Header and TLS have the handshake's deadline together`() async throws {
        try await served(handshakeTimeout: .milliseconds(200)) { _, port in
            for bytes in [[], Self.line.dropLast(), Self.line, Self.line + Self.hello.dropLast()] {
                expectEqual(try await answer(port, Array(bytes)), [])
            }
        }
    }

    @Test func `From elsewhere than its proxies the server takes nothing`() async throws {
        let elsewhere = try AddressRange("192.0.2.0/24")
        try await served(.init(proxyProtocol: .required(from: [elsewhere]))) { server, port in
            expectEqual(try await answer(port, Self.line + Self.hello), [])
            #expect(server.refusals == [.notAProxy: 1])
        }
    }

    // MARK: How many

    @Test func `An address of the header's has so many WebSockets, over HTTP/1.1 and HTTP/2 together`()
        async throws
    {
        let admission = WebSocketServer.Admission(
            proxyProtocol: .required(from: [.loopback]),
            maxConnectionsPerAddress: 2
        )
        try await served(admission) { server, port in
            let table = try #require(server.admission.withLock { $0?.addresses })
            let one = try lower(Self.proxied("198.51.100.1"))
            let oneByHTTP2 = try lower(Self.proxied("198.51.100.1"), protocols: ["h2"])
            let otherByHTTP2 = try lower(Self.proxied("198.51.100.2"), protocols: ["h2"])
            try await RawConnection.with(port: port, over: one) { connection in
                try await connection.write(Handshake.request("/echo"))
                #expect(try await connection.readHead().hasPrefix("HTTP/1.1 101 "))
                try await HTTP2Peer.with(port: port, over: oneByHTTP2) { peer in
                    try await peer.acknowledgeSettings()
                    try await peer.open(stream: 1)
                    // The WebSocket before, this connection, and its stream.
                    #expect(table.totals == AddressTable.Totals(1, 3))
                    try await peer.send(try peer.connect(stream: 3))
                    #expect(try await peer.answer(on: 3)[":status"] == "429")
                    try await HTTP2Peer.with(port: port, over: otherByHTTP2) { other in
                        try await other.acknowledgeSettings()
                        try await other.open(stream: 1)
                        try await other.open(stream: 3)
                        try await other.send(try other.connect(stream: 5))
                        #expect(try await other.answer(on: 5)[":status"] == "429")
                        try await other.echo("other", stream: 3)
                    }
                    try await peer.echo("one", stream: 1)
                }
            }
            #expect(server.refusals == [.connectionsOfAddress: 2])
        }
    }

    @Test func `An address of the header's that goes on is closed before TLS begins`() async throws {
        let admission = WebSocketServer.Admission(
            proxyProtocol: .required(from: [.loopback]),
            maxConnectionsPerAddress: 1
        )
        try await served(admission) { server, port in
            let table = try #require(server.admission.withLock { $0?.addresses })
            let done = Promised<Void>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<17 {
                    group.addTask {
                        try await RawConnection.with(port: port) { connection in
                            try await connection.write(Self.line)
                            try await done.value
                        }
                    }
                }
                try await within(waitingFor: "all to be counted") {
                    while table.totals.connections < 17 { await Task.yield() }
                }
                expectEqual(try await answer(port, Self.line + Self.hello), [])
                #expect(server.refusals == [.socketsOfAddress: 1])
                expectEqual(
                    try await who(port, Self.proxied("198.51.100.2"), .apart),
                    "198.51.100.2 4711 https"
                )
                done.fulfil(())
                try await group.waitForAll()
            }
        }
    }
}

/// Says whose connection it is before anything else is said on it, as a proxy does.
final class ProxyHeaderSender: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Way: CaseIterable {
        /// At once, ahead of the rest.
        case apart
        /// Byte by byte.
        case cut
        /// In one write with the beginning of the rest.
        case together
    }

    private var header: [UInt8]
    private let way: Way

    init(_ header: [UInt8], _ way: Way) { (self.header, self.way) = (header, way) }

    func channelActive(context: ChannelHandlerContext) {
        switch way {
        case .apart: send(header, context)
        case .cut: for byte in header { send([byte], context) }
        case .together: break
        }
        if way != .together { header = [] }
        context.fireChannelActive()
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var bytes = ByteBuffer(bytes: header)
        header = []
        bytes.writeImmutableBuffer(unwrapOutboundIn(data))
        context.write(wrapOutboundOut(bytes), promise: promise)
    }
}
