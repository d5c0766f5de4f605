import HTTPTypes
import NIOCore
import NIOEmbedded
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// What is said with a proxy, in bytes, on a channel whose clock only the test turns.
@Suite("Dialogues with a proxy")
struct ProxyDialogueTests {
    /// Behind the ``ProxyHandler``: what of the channel comes through.
    private final class Server: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var isActive = false
        var received = ""

        func channelActive(context: ChannelHandlerContext) { isActive = true }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            #expect(isActive, "the channel is active before there is anything to read")
            received += String(buffer: unwrapInboundIn(data))
        }
    }

    private final class Attempt {
        let channel = EmbeddedChannel()
        let server = Server()
        let attempt: ProxyAttempt
        private let promise: EventLoopPromise<WebSocketConnection.Opened>
        private(set) var failure: (any Error)?

        init(_ proxy: String, to url: String = "ws://server.test/") throws {
            let url = try WebSocketURL(url)
            attempt = try ProxyAttempt(through: ClientProxy(proxy), to: url, ClientOptions())
            promise = channel.eventLoop.makePromise()
            promise.futureResult.assumeIsolated().whenFailure { self.failure = $0 }
            try channel.pipeline.syncOperations.addHandlers([ProxyHandler(attempt, promise), server])
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        deinit {
            struct Over: Error {}
            promise.fail(Over())
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }

        var error: ConnectError? { failure as? ConnectError }

        func sent() throws -> [UInt8] {
            var bytes: [UInt8] = []
            while let part = try channel.readOutbound(as: ByteBuffer.self) { bytes += part.readableBytesView }
            return bytes
        }
        func sentText() throws -> String { String(decoding: try sent(), as: UTF8.self) }

        /// - Parameter isCut: whether each byte comes by itself.
        func receive(_ bytes: some Sequence<UInt8>, isCut: Bool = false) throws {
            for part in isCut ? bytes.map({ [$0] }) : [Array(bytes)] {
                try channel.writeInbound(ByteBuffer(bytes: part))
                channel.pipeline.fireChannelReadComplete()
            }
        }

        func hangUp() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        func passTime() { channel.embeddedEventLoop.advanceTime(to: attempt.deadline) }
    }

    // MARK: HTTP

    @Test(
        "CONNECT names host and port, and the password if there is one",
        arguments: [
            ("http://p", "ws://server.test/", "server.test:80", ""),
            ("http://p", "wss://server.test/path", "server.test:443", ""),
            ("http://p", "wss://127.0.0.1:9", "127.0.0.1:9", ""),
            ("http://p", "ws://[2001:db8::1]:8080/", "[2001:db8::1]:8080", ""),
            // RFC 7617 §2 and §2.1.
            (
                "http://Aladdin:open%20sesame@p", "ws://server.test/", "server.test:80",
                "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
            ),
            ("http://test:123%C2%A3@p", "ws://a/", "a:80", "Proxy-Authorization: Basic dGVzdDoxMjPCow==\r\n"),
        ]
    )
    func connectRequest(_ proxy: String, _ url: String, _ target: String, _ extra: String) throws {
        let attempt = try Attempt(proxy, to: url)
        #expect(try attempt.sentText() == "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\(extra)\r\n")
    }

    @Test(
        "Behind a 2xx it is the server who speaks, however the bytes are cut",
        arguments: [
            "HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200 OK\r\nProxy-Agent: old\r\n\r\n",
            "HTTP/1.1 204 \r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 8) + "HTTP/1.1 299 Odd\r\n\r\n",
        ],
        [false, true]
    )
    func httpTunnel(_ answer: String, isCut: Bool) throws {
        let attempt = try Attempt("http://p")
        try attempt.receive((answer + "the server's").utf8, isCut: isCut)
        #expect(attempt.server.isActive)
        #expect(attempt.server.received == "the server's")
        try attempt.receive(" words".utf8)
        #expect(attempt.server.received == "the server's words")
        #expect(attempt.failure == nil)
        // Its time is over when it has connected us: what follows is the handshake's.
        attempt.passTime()
        #expect(attempt.failure == nil)
        #expect(attempt.channel.isActive)
    }

    @Test("The channel is active for those behind only when there is a tunnel")
    func heldBack() throws {
        let attempt = try Attempt("http://p")
        try attempt.receive("HTTP/1.1 200 OK\r\n\r".utf8)
        #expect(!attempt.server.isActive)
        try attempt.receive("\n".utf8)
        #expect(attempt.server.isActive)
        #expect(attempt.server.received.isEmpty)
    }

    @Test(
        "Any other answer is a refusal, with what the proxy said",
        arguments: [
            ("407 Proxy Authentication Required", "Content-Length: 5\r\n", "login", "login"),
            ("403 Forbidden", "Transfer-Encoding: chunked\r\n", "5\r\nnever\r\n0\r\n\r\n", "never"),
            ("502 Bad Gateway", "Content-Length: 0\r\n", "", ""),
            ("301 Moved Permanently", "Location: http://other/\r\nContent-Length: 0\r\n", "", ""),
            ("101 Switching Protocols", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "", ""),
            ("304 Not Modified", "", "", ""),
        ],
        [false, true]
    )
    func httpRefusal(_ answer: (status: String, fields: String, sent: String, body: String), isCut: Bool)
        throws
    {
        let attempt = try Attempt("http://ana:secret@p")
        try attempt.receive(
            "HTTP/1.1 \(answer.status)\r\n\(answer.fields)\r\n\(answer.sent)".utf8,
            isCut: isCut
        )
        let error = try #require(attempt.error)
        #expect(error.cause == .proxyFailed("proxy answered \(answer.status)"))
        #expect(error.description == "proxy answered \(answer.status)")
        #expect(error.response.map { "\($0.status)" } == answer.status)
        #expect(String(decoding: error.body, as: UTF8.self) == answer.body)
        #expect(!attempt.server.isActive)
        #expect(!attempt.channel.isActive)
    }

    @Test("A refusal without a reason is told by its number, a long reason in part")
    func reasons() throws {
        let short = try Attempt("http://p")
        try short.receive("HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n".utf8)
        #expect(short.error?.description == "proxy answered 500")
        let long = try Attempt("http://p")
        let reason = String(repeating: "no ", count: 1000)
        try long.receive("HTTP/1.1 500 \(reason)\r\nContent-Length: 0\r\n\r\n".utf8)
        #expect(long.error?.description == "proxy answered 500 \(reason.prefix(200))")
    }

    @Test("A refusal whose body does not end is told with as much of it as has come")
    func unfinishedBody() throws {
        let answer = "HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nqueue"
        for end in [{ $0.hangUp() }, { $0.passTime() }] as [(Attempt) -> Void] {
            let attempt = try Attempt("http://p")
            try attempt.receive(answer.utf8)
            #expect(attempt.failure == nil)
            end(attempt)
            #expect(attempt.error?.cause == .proxyFailed("proxy answered 503 Busy"))
            #expect(attempt.error?.body == Array("queue".utf8))
        }
    }

    @Test("Of a refusal's body 64 KiB are read, and no more waited for")
    func largeBody() throws {
        let attempt = try Attempt("http://p")
        try attempt.receive("HTTP/1.1 403 Forbidden\r\n\r\n".utf8)
        try attempt.receive([UInt8](repeating: 0x78, count: (64 << 10) - 1))
        #expect(attempt.failure == nil)
        try attempt.receive([0x78])
        #expect(attempt.error?.body.count == 64 << 10)
    }

    @Test("A ninth interim answer is one too many")
    func interimForEver() throws {
        let attempt = try Attempt("http://p")
        try attempt.receive(String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 9).utf8)
        #expect(attempt.error?.cause == .proxyFailed("proxy answered 102 Processing"))
    }

    @Test(
        "What is no answer of HTTP is named",
        arguments: [
            ("SSH-2.0-x\r\n\r\n", "malformed HTTP head: the answer is not HTTP"),
            ("HTTP/2 200\r\n\r\n", "HTTP/2 is not HTTP/1.1"),
            ("HTTP/1.1 2000 OK\r\n\r\n", "malformed HTTP head: the status is not three digits"),
            ("HTTP/1.1 200 OK\n\n", "malformed HTTP head: a line ends in LF without CR"),
            ("\u{5}\u{0}", "malformed HTTP head: control character 5"),
        ],
        [false, true]
    )
    func notHTTP(_ answer: (bytes: String, why: String), isCut: Bool) throws {
        let attempt = try Attempt("http://p")
        try attempt.receive(answer.bytes.utf8, isCut: isCut)
        #expect(attempt.error?.cause == .proxyFailed("proxy does not answer as one: \(answer.why)"))
        #expect(!attempt.channel.isActive)
    }

    @Test("A head of 16 KiB is taken, one byte more is not")
    func headLimit() throws {
        for (size, isTaken) in [(16 << 10, true), ((16 << 10) + 1, false)] {
            let attempt = try Attempt("http://p")
            let (start, end) = ("HTTP/1.1 200 OK\r\nX-Filler: ", "\r\n\r\n")
            let filler = String(repeating: "x", count: size - start.utf8.count - end.utf8.count)
            try attempt.receive((start + filler + end).utf8)
            #expect(attempt.server.isActive == isTaken)
            let cause = EndCause.proxyFailed("proxy does not answer as one: HTTP head exceeds 16384 bytes")
            #expect(attempt.error?.cause == (isTaken ? nil : cause))
        }
    }

    // MARK: SOCKS

    private static let connected: [UInt8] = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

    @Test(
        "Names go to the proxy as they are, addresses as bytes",
        arguments: [
            ("ws://server.test/", [3, 11] + Array("server.test".utf8) + [0, 80]),
            ("wss://localhost/", [3, 9] + Array("localhost".utf8) + [1, 187]),
            ("ws://192.0.2.7:258/", [1, 192, 0, 2, 7, 1, 2]),
            (
                "ws://[2001:db8::7]:65535/",
                [4, 0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7, 255, 255]
            ),
        ] as [(String, [UInt8])]
    )
    func socksRequest(_ url: String, _ address: [UInt8]) throws {
        let attempt = try Attempt("socks5://p", to: url)
        #expect(try attempt.sent() == [5, 1, 0])
        try attempt.receive([5, 0])
        #expect(try attempt.sent() == [5, 1, 0] + address)
    }

    @Test("A name of 255 bytes fits, a longer one is refused before anything is sent")
    func longName() throws {
        let name = String(repeating: "x", count: 255)
        _ = try Attempt("socks5://p", to: "ws://\(name)/")
        #expect(throws: UsageError.invalidProxy("the server's name has 256 bytes, SOCKS takes up to 255")) {
            _ = try Attempt("socks5://p", to: "ws://\(name)x/")
        }
    }

    @Test(
        "User and password are told when the proxy wants them",
        arguments: [1, 5] as [UInt8],
        [false, true]
    )
    func login(_ version: UInt8, isCut: Bool) throws {
        let attempt = try Attempt("socks5://ana:secret@p", to: "ws://a/")
        #expect(try attempt.sent() == [5, 2, 0, 2])
        try attempt.receive([5, 2], isCut: isCut)
        #expect(try attempt.sent() == [1, 3] + Array("ana".utf8) + [6] + Array("secret".utf8))
        try attempt.receive([version, 0], isCut: isCut)
        #expect(try attempt.sent() == [5, 1, 0, 3, 1, 0x61, 0, 80])
        try attempt.receive(Self.connected + Array("hi".utf8), isCut: isCut)
        #expect(attempt.server.received == "hi")
    }

    @Test("A proxy that wants no login is told none")
    func loginNotWanted() throws {
        let attempt = try Attempt("socks5://ana:secret@p", to: "ws://a/")
        _ = try attempt.sent()
        try attempt.receive([5, 0])
        #expect(try attempt.sent() == [5, 1, 0, 3, 1, 0x61, 0, 80])
    }

    @Test(
        "Behind the proxy's yes it is the server who speaks, whatever address is in it and however the bytes are cut",
        arguments: [
            connected, [5, 0, 0, 3, 0, 0, 0], [5, 0, 0, 3, 2, 0x61, 0x62, 0, 1],
            [5, 0, 0, 3, 255] + [UInt8](repeating: 0x61, count: 257),
            [5, 0, 9, 4] + [UInt8](repeating: 7, count: 18),
        ] as [[UInt8]],
        [false, true]
    )
    func socksTunnel(_ answer: [UInt8], isCut: Bool) throws {
        let attempt = try Attempt("socks5://p")
        // Nothing keeps a proxy from answering ahead.
        try attempt.receive([5, 0] + answer + Array("the server's words".utf8), isCut: isCut)
        #expect(attempt.failure == nil)
        #expect(attempt.server.received == "the server's words")
        attempt.passTime()
        #expect(attempt.failure == nil)
    }

    @Test(
        "A refusal is told on the byte that makes it one",
        arguments: [
            ("socks5://p", [5, 0xFF], "wants a login, and no user is given"),
            ("socks5://u:p@p", [5, 0xFF], "wants a login other than with user and password"),
            ("socks5://p", [5, 2], "wants a login of kind 2, which was not offered"),
            ("socks5://u:p@p", [5, 1], "wants a login of kind 1, which was not offered"),
            ("socks5://p", [4], "is none for SOCKS 5: its answer begins with 4"),
            ("socks5://p", Array("H".utf8), "is none for SOCKS 5: its answer begins with 72"),
            ("socks5://u:p@p", [5, 2, 1, 1], "does not take this user and password"),
            ("socks5://p", [5, 0, 5, 1], "answered 1: general failure"),
            ("socks5://p", [5, 0, 5, 2], "answered 2: not allowed"),
            ("socks5://p", [5, 0, 5, 3], "answered 3: network unreachable"),
            ("socks5://p", [5, 0, 5, 4], "answered 4: host unreachable"),
            ("socks5://p", [5, 0, 5, 5], "answered 5: connection refused"),
            ("socks5://p", [5, 0, 5, 6], "answered 6: TTL expired"),
            ("socks5://p", [5, 0, 5, 7], "answered 7: command not supported"),
            ("socks5://p", [5, 0, 5, 8], "answered 8: kind of address not supported"),
            ("socks5://p", [5, 0, 5, 200], "answered 200: no meaning assigned"),
            ("socks5://p", [5, 0, 0], "is none for SOCKS 5: its answer begins with 0"),
            ("socks5://p", [5, 0, 5, 0, 0, 2, 0], "answered with an address of kind 2"),
        ] as [(String, [UInt8], String)]
    )
    func socksRefusal(_ proxy: String, _ answer: [UInt8], _ why: String) throws {
        for isCut in [false, true] {
            let attempt = try Attempt(proxy)
            for byte in answer.dropLast() {
                if isCut { try attempt.receive([byte]) }
            }
            #expect(attempt.failure == nil)
            try attempt.receive(isCut ? Array(answer.suffix(1)) : answer)
            #expect(attempt.error?.cause == .proxyFailed("proxy \(why)"))
            #expect(attempt.error?.response == nil)
            #expect(!attempt.channel.isActive)
        }
    }

    // MARK: Both

    @Test("Silence, at any point, is a timeout of connecting", arguments: ["http", "socks5"])
    func silence(_ scheme: String) throws {
        for beginning in [[], Array("HTTP/1.1 200 OK\r\n".utf8), [5], [5, 0, 5, 0, 0]] as [[UInt8]] {
            guard beginning.isEmpty || (beginning[0] == 5) == (scheme == "socks5") else { continue }
            let attempt = try Attempt("\(scheme)://p")
            if !beginning.isEmpty { try attempt.receive(beginning) }
            #expect(attempt.failure == nil)
            attempt.passTime()
            #expect(attempt.error?.cause == .connectTimeout)
            #expect(!attempt.channel.isActive)
        }
    }

    @Test("A proxy that ends the connection, or whose connection breaks, is told as the proxy")
    func broken() throws {
        for scheme in ["http", "socks5"] {
            let ended = try Attempt("\(scheme)://ana:secret@p:9")
            ended.hangUp()
            #expect(
                ended.error?.description
                    == "proxy \(scheme)://p:9 ended the connection before it had connected us"
            )
            let closed = try Attempt("\(scheme)://p:9")
            closed.channel.close(promise: nil)
            #expect(closed.error?.cause == ended.error?.cause)
            let reset = try Attempt("\(scheme)://p:9")
            reset.channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "read"))
            #expect(reset.error?.description.hasPrefix("proxy \(scheme)://p:9: ") == true)
        }
    }
}
