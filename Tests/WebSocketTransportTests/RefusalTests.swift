import HTTPTypes
import NIOCore
import NIOEmbedded
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Servers that answer the opening handshake with something else: the caller gets status, header fields and
/// body, whichever way the body is framed (RFC 9112 §6), and at most 64 KiB of it.
@Suite("Refusals of the opening handshake", .timeLimit(.minutes(3)))
struct RefusalTests {
    static let limit = 65_536

    /// - Parameter closes: whether the server ends the connection behind its answer.
    private func refusal(
        _ answer: String,
        pieces: Int = 1,
        closes: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> ConnectError {
        try await RawServer.run { peer in
            _ = try await peer.readHead()
            let bytes = Array(answer.utf8)
            let size = (bytes.count + pieces - 1) / pieces
            for start in stride(from: 0, to: bytes.count, by: size) {
                try await peer.write(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            if !closes { await peer.readToEnd() }
        } _: { server in
            let url = server.url
            let failure = try await within {
                await thrownError(ConnectError.self) {
                    try await WebSocketConnection.connect(to: url, options: .patient).abort()
                }
            }
            return try #require(failure, sourceLocation: sourceLocation)
        }
    }

    private func text(_ error: ConnectError) -> String { String(decoding: error.body, as: UTF8.self) }

    @Test("A body of known length", arguments: [1, 3, 40])
    func contentLength(_ pieces: Int) async throws {
        let error = try await refusal(
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nX-Why: you\r\n\r\nno entry\nmore than announced",
            pieces: pieces
        )
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(403)))
        #expect(error.response?.status.code == 403)
        #expect(error.response?.headerFields[try #require(.init("X-Why"))] == "you")
        #expect(text(error) == "no entry\n")
        #expect(error.description == "the server answered 403, 101 was expected")
    }

    @Test(
        "Answers that have no body are complete with their head",
        arguments: [
            "204 No Content\r\n", "304 Not Modified\r\nContent-Length: 5\r\n",
            "404 Not Found\r\nContent-Length: 0\r\n",
        ]
    )
    func noBody(_ head: String) async throws {
        let error = try await refusal("HTTP/1.1 \(head)\r\n")
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(try #require(Int(head.prefix(3))))))
        #expect(error.body.isEmpty)
    }

    @Test("A body in chunks", arguments: [1, 4, 60])
    func chunked(_ pieces: Int) async throws {
        let error = try await refusal(
            "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "4\r\nno w\r\nA;ext=1\r\nay through\r\n01\r\n!\r\n0\r\n\r\n",
            pieces: pieces
        )
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(502)))
        #expect(text(error) == "no way through!")
    }

    @Test("A body up to the end of the connection")
    func untilEnd() async throws {
        let error = try await refusal("HTTP/1.1 500 Oops\r\n\r\nall of this", pieces: 3, closes: true)
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(500)))
        #expect(text(error) == "all of this")
    }

    @Test("A body that breaks off is told as far as it came")
    func incomplete() async throws {
        let error = try await refusal(
            "HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nas far as",
            closes: true
        )
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(503)))
        #expect(text(error) == "as far as")
    }

    @Test("A body that never ends is told as far as it came when the time is up")
    func endless() throws {
        let channel = EmbeddedChannel()
        let promise = channel.eventLoop.makePromise(of: WebSocketConnection.Opened.self)
        let failure = Log<ConnectError>()
        promise.futureResult.whenFailure { error in (error as? ConnectError).map(failure.add) }
        let handler = try ClientHandshakeHandler(
            handshake: ClientHandshake(url: WebSocketURL("ws://example.test/")),
            options: .init(handshakeTimeout: .seconds(10)),
            promise: promise
        )
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeInbound(ByteBuffer(string: "HTTP/1.1 503 Busy\r\n\r\nas "))
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        try channel.writeInbound(ByteBuffer(string: "far as"))
        #expect(failure.entries.isEmpty)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        let error = try #require(failure.entries.first)
        #expect(
            error.cause == .handshakeRefused(.unexpectedStatus(503)),
            "the server's word, not the clock's"
        )
        #expect(text(error) == "as far as")
        #expect(!channel.isActive)
    }

    @Test(
        "Chunks that break off are told as far as they came",
        arguments: [
            ("4\r\nno w\r\nA\r\nay thr", "no way thr"), ("4\r\nno w\r\nA", "no w"), ("4\r\nno w\r", "no w"),
            ("4\r\nno w\r\n7fffffffffffffff\r\nay", "no way"),
        ]
    )
    func brokenOffChunks(_ body: String, _ kept: String) async throws {
        let error = try await refusal(
            "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n\(body)",
            pieces: 5,
            closes: true
        )
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(500)))
        #expect(text(error) == kept)
    }

    @Test("Chunks that break the rules are told as they stand")
    func badChunks() async throws {
        let error = try await refusal(
            "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\nx",
            closes: true
        )
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(500)))
        #expect(text(error) == "not a size\r\nx")
    }

    @Test(
        "No more than 64 KiB is kept, however much comes",
        arguments: ["Content-Length: 200000\r\n", "", "Transfer-Encoding: chunked\r\n"]
    )
    func large(_ framing: String) async throws {
        let body = String(repeating: "0123456789", count: 20_000)
        let isChunked = framing.contains("chunked")
        let error = try await refusal(
            "HTTP/1.1 403 Forbidden\r\n\(framing)\r\n" + (isChunked ? "30d40\r\n\(body)\r\n0\r\n\r\n" : body)
        )
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(403)))
        #expect(error.body.count <= Self.limit)
        #expect(error.body.count >= Self.limit - 7, "all but the line of the chunk's size")
        #expect(text(error) == body.prefix(error.body.count))
    }

    @Test("A redirect is told, not followed")
    func redirect() async throws {
        let error = try await refusal(
            "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        )
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(302)))
        #expect(error.response?.headerFields[.location] == "ws://127.0.0.1:1/")
    }

    @Test("A length that is no number is told as such", arguments: ["-5", "+5", "5, 5", "abc", ""])
    func badLength(_ length: String) async throws {
        let error = try await refusal(
            "HTTP/1.1 403 Forbidden\r\nContent-Length: \(length)\r\n\r\nreason",
            closes: true
        )
        #expect(error.cause == .handshakeRefused(.malformedHead("Content-Length is not one number")))
    }

    @Test(
        "A length beyond all memory hides nothing of the body",
        arguments: ["99999999999999999999", "9223372036854775807"]
    )
    func hugeLength(_ length: String) async throws {
        let error = try await refusal(
            "HTTP/1.1 403 Forbidden\r\nContent-Length: \(length)\r\n\r\nreason",
            closes: true
        )
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(403)))
        #expect(text(error) == "reason")
    }

    @Test("What a length says is not trusted by the body's reader either", arguments: ["-5", "+5", "abc"])
    func badLengthInBody(_ length: String) {
        var body = RefusalBody(
            of: HTTPResponse(status: .forbidden, headerFields: [.contentLength: length])
        )
        body.append(Array("reason".utf8))
        #expect(!body.isComplete)
        #expect(body.bytes == Array("reason".utf8))
    }
}
