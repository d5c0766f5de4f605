import Foundation
import NIOCore
import NIOPosix
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// What people read in logs and programs count in metrics.
@Suite("Causes and errors")
struct ErrorsTests {
    static let causes: [(EndCause, name: String, text: String)] = [
        (.closedByUs, "closedByUs", "closed by this end"),
        (.closedByPeer, "closedByPeer", "closed by the peer"),
        (
            .protocolError(.messageTooBig(length: 5, limit: 4)), "protocolError",
            "the peer broke the protocol: message of at least 5 bytes exceeds the limit of 4"
        ),
        (.endOfStream, "endOfStream", "the peer ended the connection without a close frame"),
        (.reset, "reset", "the connection was reset"),
        (.aborted, "aborted", "aborted by this end"),
        (.closeTimeout, "closeTimeout", "the peer did not answer the close frame in time"),
        (.pingTimeout, "pingTimeout", "the peer did not answer a ping in time"),
        (.idleTimeout, "idleTimeout", "no message for too long"),
        (.maximumAge, "maximumAge", "open for too long"),
        (.expired, "expired", "its time had expired"),
        (.connectTimeout, "connectTimeout", "no connection in time"),
        (.handshakeTimeout, "handshakeTimeout", "the opening handshake did not finish in time"),
        (
            .handshakeRefused(.unexpectedStatus(503)), "handshakeRefused",
            "the server answered 503, 101 was expected"
        ),
        (.proxyFailed("proxy answered 403 Forbidden"), "proxyFailed", "proxy answered 403 Forbidden"),
        (.tls("certificate has expired"), "tls", "TLS: certificate has expired"),
        (.nameNotFound("example.invalid"), "nameNotFound", "no address found for example.invalid"),
        (.connectionRefused, "connectionRefused", "connection refused: nobody listens there"),
        (.network("no route"), "network", "network: no route"),
    ]

    @Test("Each cause has a name and a sentence of its own")
    func descriptions() {
        for (cause, name, text) in Self.causes {
            #expect(cause.name == name)
            #expect(cause.description == text)
            #expect(ConnectError(cause).description == text)
        }
        #expect(Set(Self.causes.map(\.name)).count == Self.causes.count)
    }

    @Test("An end reads as a line of a log")
    func end() {
        let clean = ConnectionEnd(
            code: .normalClosure,
            reason: "done",
            wasClean: true,
            cause: .closedByPeer,
            sent: nil,
            unsentBytes: 0
        )
        #expect(clean.description == "1000 (normal closure) \"done\", clean: closed by the peer")
        let cut = ConnectionEnd(
            code: .abnormalClosure,
            reason: "",
            wasClean: false,
            cause: .reset,
            sent: nil,
            unsentBytes: 7
        )
        #expect(cut.description == "1006 (abnormal closure), not clean: the connection was reset")
        #expect(SendError.ended(cut).description == "the connection has ended: \(cut)")
        #expect(ReceiveError.ended(cut).description == "the connection ended: \(cut)")
        #expect(
            SendError.bufferFull(buffered: 9, limit: 8).description
                == "9 bytes wait to be sent, the limit is 8"
        )
        #expect(SendError.usage(.notOpen).description == "the connection is closing or closed")
        #expect(
            ReceiveError.alreadyConsumed.description == "the messages of this connection have another reader"
        )
    }

    @Test("What the system reports becomes a cause")
    func systemErrors() {
        let expected: [(any Error, EndCause)] = [
            (IOError(errnoCode: ECONNRESET, reason: "read"), .reset),
            (IOError(errnoCode: EPIPE, reason: "write"), .reset),
            (IOError(errnoCode: ECONNREFUSED, reason: "connect"), .connectionRefused),
            (IOError(errnoCode: ETIMEDOUT, reason: "read"), .network("the peer stopped answering")),
            (ChannelError.connectTimeout(.seconds(1)), .connectTimeout),
            (ChannelError.ioOnClosedChannel, .endOfStream),
            (ChannelError.alreadyClosed, .endOfStream),
            (ChannelError.eof, .endOfStream),
        ]
        for (error, cause) in expected { #expect(EndCause(error) == cause, "\(error)") }
        guard case .network(let words) = EndCause(IOError(errnoCode: EHOSTUNREACH, reason: "connect")) else {
            Issue.record("an unreachable host is a matter of the network")
            return
        }
        #expect(words.lowercased().contains("host"))
    }
}

@Suite("What a peer chose, in a line of a log")
struct QuotingTests {
    @Test(
        "Nothing but visible characters stays as it is",
        arguments: [
            ("bye", "\"bye\""),
            ("é 🌍", "\"é 🌍\""),
            ("a\nb\r\u{1B}[31m", "\"a\\u{A}b\\u{D}\\u{1B}[31m\""),
            ("\u{202E}\u{85}\u{2028}\u{0}", "\"\\u{202E}\\u{85}\\u{2028}\\u{0}\""),
            ("say \"x\\\"", "\"say \\\"x\\\\\\\"\""),
        ]
    )
    func quoting(_ text: String, _ quoted: String) {
        #expect(text.quotedInOneLine == quoted)
    }
}
