import HTTPTypes
import NIOCore
import NIOPosix
import TestSupport
import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// Connections that never open: what the caller is told, for each way that can go.
@Suite("Connections that do not open", .timeLimit(.minutes(3)))
struct ConnectEndingsTests {
    /// Connects to a server that runs `script`, and tells why that failed.
    private func failure(
        _ change: (inout ClientOptions) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation,
        _ script: @escaping RawServer.Script
    ) async throws -> ConnectError {
        var options = ClientOptions.patient
        change(&options)
        return try await RawServer.run(script) { [options] server in
            try await connectError(to: server.url, options, sourceLocation: sourceLocation)
        }
    }

    private func connectError(
        to url: String,
        _ options: ClientOptions = .patient,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> ConnectError {
        let failure = try await within {
            await thrownError(ConnectError.self, sourceLocation: sourceLocation) {
                try await WebSocketConnection.connect(to: url, options: options).abort()
            }
        }
        return try #require(failure, sourceLocation: sourceLocation)
    }

    // MARK: No TCP connection

    @Test("A name without an address")
    func nameNotFound() async throws {
        // RFC 6761 §6.4: .invalid never exists.
        let error = try await connectError(to: "ws://nothing.invalid/")
        guard case .nameNotFound(let what) = error.cause else {
            Issue.record("not \(error.cause)")
            return
        }
        #expect(what.contains("nothing.invalid"))
        #expect(error.description.contains("nothing.invalid"))
        #expect(error.response == nil)
    }

    @Test("Nobody listens")
    func refused() async throws {
        let port = try await RawServer.unusedPort()
        let error = try await connectError(to: "ws://127.0.0.1:\(port)/")
        #expect(error.cause == .connectionRefused)
        #expect(error.response == nil)
        #expect(error.body.isEmpty)
    }

    @Test("A URL that is none is refused before anything is sent")
    func badURL() async throws {
        let error = try await within {
            await thrownError(UsageError.self) {
                _ = try await WebSocketConnection.connect(to: "ftp://127.0.0.1/")
            }
        }
        guard case .invalidURL = error else {
            Issue.record("not \(String(describing: error))")
            return
        }
    }

    @Test("A header that the handshake writes itself is refused before anything is sent")
    func reservedHeader() async throws {
        let error = try await within {
            await thrownError(UsageError.self) {
                let options = ClientOptions(headers: [.connection: "close"])
                _ = try await WebSocketConnection.connect(to: "ws://127.0.0.1:1/", options: options)
            }
        }
        #expect(error == .reservedHeader("Connection"))
    }

    // MARK: No answer

    @Test("A server that accepts and says nothing")
    func silence() async throws {
        let error = try await failure {
            $0.connection.handshakeTimeout = .milliseconds(50)
        } _: { peer in
            await peer.readToEnd()
        }
        #expect(error.cause == .handshakeTimeout)
        #expect(error.response == nil)
    }

    @Test("A server that sends its answer too slowly")
    func slowAnswer() async throws {
        let error = try await failure {
            $0.connection.handshakeTimeout = .milliseconds(50)
        } _: { peer in
            _ = try await peer.readHead()
            try await peer.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: web")
            await peer.readToEnd()
        }
        #expect(error.cause == .handshakeTimeout)
    }

    @Test("A server that hangs up", arguments: ["", "HTTP/1.1 101 Switching"])
    func hangUp(_ beginning: String) async throws {
        let error = try await failure { peer in
            _ = try await peer.readHead()
            try await peer.write(beginning)
        }
        #expect(error.cause == .endOfStream)
        #expect(error.response == nil)
    }

    @Test("A server that resets the connection")
    func reset() async throws {
        let error = try await failure { peer in
            _ = try await peer.readHead()
            try await peer.reset()
        }
        #expect(error.cause == .reset)
    }

    @Test("A cancelled task gives up, and the server sees it")
    func cancelled() async throws {
        let (request, ended) = (Promised<String>(), Promised<Void>())
        let script: RawServer.Script = { peer in
            request.fulfil(try await peer.readHead())
            await peer.readToEnd()
            ended.fulfil(())
        }
        try await RawServer.run(script) { server in
            let url = server.url
            let connecting = Task { try await WebSocketConnection.connect(to: url, options: .patient) }
            _ = try await within { try await request.value }
            connecting.cancel()
            let error = try await within {
                await thrownError(CancellationError.self) { _ = try await connecting.value }
            }
            #expect(error != nil)
            try await within { try await ended.value }
        }
    }

    @Test("A task cancelled beforehand opens nothing")
    func cancelledBefore() async throws {
        try await RawServer.run { peer in
            try await peer.accept()
            await peer.readToEnd()
        } _: { server in
            let url = server.url
            let connecting = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                _ = try await WebSocketConnection.connect(to: url, options: .patient)
            }
            let error = try await within {
                await thrownError(CancellationError.self) { try await connecting.value }
            }
            #expect(error != nil)
        }
    }

    // MARK: An answer that breaks a rule

    @Test("A 101 with the hash of another key")
    func acceptMismatch() async throws {
        let error = try await failure { peer in
            // RFC 6455 §1.3: the hash of that section's example key.
            _ = try await peer.readHead()
            try await peer.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            )
            await peer.readToEnd()
        }
        #expect(error.cause == .handshakeRefused(.acceptMismatch))
        #expect(error.response?.status.code == 101, "what was refused can be looked at")
    }

    @Test("A 101 with an extension that was not offered")
    func extensionNotOffered() async throws {
        let error = try await failure({ $0.connection.compression = nil }) { peer in
            try await peer.accept(extra: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            await peer.readToEnd()
        }
        #expect(error.cause == .handshakeRefused(.extensionNotOffered("permessage-deflate")))
    }

    @Test("A 101 with a subprotocol that was not offered")
    func subprotocolNotOffered() async throws {
        let error = try await failure {
            $0.subprotocols = ["chat", "soup"]
        } _: { peer in
            try await peer.accept(extra: "Sec-WebSocket-Protocol: soap\r\n")
            await peer.readToEnd()
        }
        #expect(error.cause == .handshakeRefused(.subprotocolNotOffered("soap")))
    }

    @Test("A subprotocol that was offered is the connection's")
    func subprotocol() async throws {
        try await RawServer.run { peer in
            try await peer.accept(extra: "Sec-WebSocket-Protocol: soup\r\n")
            await peer.readToEnd()
        } _: { server in
            let (url, options) = (server.url, ClientOptions(subprotocols: ["chat", "soup"]))
            let connection = try await within {
                try await WebSocketConnection.connect(to: url, options: options)
            }
            #expect(connection.subprotocol == "soup")
            #expect(connection.remoteAddress?.port == server.port)
            connection.abort()
        }
    }

    @Test("No HTTP at all")
    func notHTTP() async throws {
        let error = try await failure { peer in
            try await peer.write("220 mail.example ESMTP\r\n\r\n")
            await peer.readToEnd()
        }
        guard case .handshakeRefused(.malformedHead) = error.cause else {
            Issue.record("not \(error.cause)")
            return
        }
    }

    @Test("A head without end is cut at its limit")
    func headTooLarge() async throws {
        let error = try await failure { peer in
            _ = try await peer.readHead()
            try await peer.write("HTTP/1.1 101 Switching Protocols\r\n")
            let field = "X-Filler: " + String(repeating: "x", count: 990) + "\r\n"
            for _ in 0..<64 { try await peer.write(field) }
            await peer.readToEnd()
        }
        #expect(error.cause == .handshakeRefused(.headTooLarge(limit: 16 << 10)))
    }

    // MARK: Interim answers

    @Test("Up to eight interim answers come before the real one", arguments: [0, 1, 8])
    func interim(_ count: Int) async throws {
        try await RawServer.run { peer in
            let answer = try RawPeer.acceptance(of: await peer.readHead())
            let interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
            try await peer.write(String(repeating: interim, count: count) + answer)
            await peer.readToEnd()
        } _: { server in
            let url = server.url
            try await within { try await WebSocketConnection.connect(to: url, options: .patient) }.abort()
        }
    }

    @Test("A ninth interim answer is one too many")
    func interimForEver() async throws {
        let error = try await failure { peer in
            let answer = try RawPeer.acceptance(of: await peer.readHead())
            let interim = "HTTP/1.1 102 Processing\r\n\r\n"
            try await peer.write(String(repeating: interim, count: 9) + answer)
            await peer.readToEnd()
        }
        #expect(error.cause == .handshakeRefused(.unexpectedStatus(102)))
    }
}
