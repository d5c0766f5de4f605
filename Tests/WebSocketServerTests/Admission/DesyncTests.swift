import HTTPTypes
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

/// Requests that two parsers could read in two ways (RFC 9112 §11): whatever is in front of this server may have read
/// the other one. Each is answered once, with an end of the connection, and nothing behind it is ever a request.
@Suite("Requests with two meanings", .timeLimit(.minutes(1)))
struct DesyncTests {
    private static let get = "GET /page HTTP/1.1\r\nHost: h\r\n"
    private static let post = "POST /page HTTP/1.1\r\nHost: h\r\n"
    private static let upgrade =
        "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        /// Those of an answer that is no success; a page may be answered, if only once.
        var statuses: ClosedRange<Int> = 400...499
        var testDescription: String { name }
    }

    static let samples: [Sample] = [
        .init(
            name: "length and chunks",
            text: post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        .init(
            name: "chunks and length",
            text: post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
        ),
        .init(name: "two lengths", text: post + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n"),
        .init(name: "the same length twice", text: post + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
        .init(name: "a list of lengths", text: post + "Content-Length: 0, 44\r\n\r\n"),
        .init(name: "a length with a sign", text: post + "Content-Length: +0\r\n\r\n"),
        .init(name: "a length below zero", text: post + "Content-Length: -1\r\n\r\n"),
        .init(name: "a length in hexadecimal", text: post + "Content-Length: 0x0\r\n\r\n"),
        .init(name: "a length without end", text: post + "Content-Length: 18446744073709551616\r\n\r\n"),
        .init(name: "no length", text: post + "Content-Length:\r\n\r\n"),
        .init(name: "chunks in another coding", text: post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        .init(name: "chunks not last", text: post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        .init(
            name: "chunks twice",
            text: post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        .init(
            name: "chunks behind a control",
            text: post + "Transfer-Encoding: \u{B}chunked\r\n\r\n0\r\n\r\n"
        ),
        .init(name: "a space before the colon", text: post + "Content-Length : 44\r\n\r\n"),
        .init(name: "a space before a name", text: get + " Content-Length: 44\r\n\r\n"),
        .init(name: "a folded line", text: get + "X: a\r\n Transfer-Encoding: chunked\r\n\r\n"),
        .init(name: "a folded line with a tab", text: get + "X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n"),
        .init(name: "a bare LF between fields", text: get + "X: a\nTransfer-Encoding: chunked\r\n\r\n"),
        .init(name: "a bare LF at the end", text: get + "X: a\r\n\nGET /smuggled HTTP/1.1\r\n\r\n"),
        .init(name: "only LF", text: "GET /page HTTP/1.1\nHost: h\n\n"),
        .init(name: "a bare CR in a value", text: get + "X: a\rTransfer-Encoding: chunked\r\n\r\n"),
        .init(name: "CR CR LF", text: get + "X: a\r\r\n\r\n"),
        .init(name: "a NUL in a value", text: get + "X: a\u{0}b\r\n\r\n"),
        .init(name: "a NUL in a name", text: get + "X\u{0}: a\r\n\r\n"),
        .init(name: "a name with a blank", text: get + "X Y: a\r\n\r\n"),
        .init(name: "a field without a colon", text: get + "Transfer-Encoding\r\n\r\n"),
        .init(name: "a field without a name", text: get + ": chunked\r\n\r\n"),
        .init(name: "two hosts", text: get + "Host: other\r\n\r\n"),
        .init(name: "no host", text: "GET /page HTTP/1.1\r\n\r\n"),
        .init(name: "a host with a path", text: "GET /page HTTP/1.1\r\nHost: h/x\r\n\r\n"),
        .init(name: "a host and its user", text: "GET /page HTTP/1.1\r\nHost: u@h\r\n\r\n"),
        .init(name: "a target with a blank", text: "GET /page /x HTTP/1.1\r\nHost: h\r\n\r\n"),
        .init(name: "a tab in the start line", text: "GET\t/page HTTP/1.1\r\nHost: h\r\n\r\n"),
        .init(name: "a start line without a version", text: "GET /page\r\nHost: h\r\n\r\n"),
        .init(name: "a version in small letters", text: "GET /page http/1.1\r\nHost: h\r\n\r\n"),
        .init(name: "another version", text: "GET /page HTTP/1.2\r\nHost: h\r\n\r\n", statuses: 200...505),
        .init(name: "an authority as target", text: "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
        .init(name: "a body on a page", text: get + "Content-Length: 5\r\n\r\nhello", statuses: 200...499),
        .init(name: "a page", text: get + "\r\n", statuses: 200...200),
        .init(
            name: "a page that is to be kept open",
            text: get + "Connection: keep-alive\r\n\r\n",
            statuses: 200...200
        ),
        .init(name: "a page that expects", text: get + "Expect: 100-continue\r\n\r\n", statuses: 200...499),
        .init(name: "an upgrade with a body", text: upgrade + "Content-Length: 5\r\n\r\nhello"),
        .init(name: "an upgrade in chunks", text: upgrade + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        .init(
            name: "an upgrade with length and chunks",
            text: upgrade + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
        ),
        .init(name: "an upgrade in another version", text: upgrade.replacing("13", with: "7") + "\r\n"),
        .init(
            name: "an upgrade of a stranger's page",
            text: upgrade + "Origin: https://evil.example\r\n\r\n"
        ),
        .init(
            name: "an upgrade that a hook refuses",
            text: upgrade.replacing("/echo", with: "/refused") + "\r\n"
        ),
        .init(name: "an upgrade by POST", text: upgrade.replacing("GET", with: "POST") + "\r\n"),
        .init(
            name: "an upgrade without a key",
            text: upgrade.replacing("Sec-WebSocket-Key", with: "X") + "\r\n"
        ),
        .init(
            name: "an upgrade to something else",
            text: upgrade.replacing("websocket", with: "h2c") + "\r\n"
        ),
    ]

    @Test(arguments: samples)
    func `One answer, the end, and nothing behind it`(sample: Sample) async throws {
        let wasAsked = Locked(false)
        try await serving { server in
            server.route("/echo") { _, _ in }
            server.route("/refused") { _ -> Upgrade<Void> in
                .refuse(.text(.forbidden, "no\n"))
            } handler: { _, _, _ in
            }
            server.page("/page") { _ in .text(.ok, "a page\n") }
            server.page("/smuggled") { _ in
                wasAsked.withLock { $0 = true }
                return .text(.ok, "smuggled\n")
            }
        } _: { port in
            let answer = try await RawConnection.with(port: port) { connection in
                try await connection.write(sample.text + Self.smuggled)
                return String(decoding: try await connection.readToEnd(), as: UTF8.self)
            }
            let status = try #require(Int(answer.dropFirst(9).prefix(3)), "\(answer)")
            #expect(sample.statuses.contains(status))
            #expect(answer.ranges(of: "HTTP/1.1 ").count == 1, "\(answer)")
            let head = answer.lowercased()
            #expect(
                head.contains("\r\nconnection: close\r\n")
                    || head.contains("\r\nconnection: upgrade, close\r\n"),
                "\(answer)"
            )
            #expect(!wasAsked.withLock { $0 })
        }
    }
}
