import HTTPTypes
import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// A hook that decides who may open a WebSocket, and how.
@Suite("Upgrade hooks", .timeLimit(.minutes(1)))
struct UpgradeTests {
    private struct User: Sendable, Hashable {
        let name: String
    }

    private func ask(
        _ request: String,
        handshakeTimeout: Duration = .seconds(60),
        then frames: [UInt8] = [],
        _ upgrade: @escaping UpgradeHook<User>,
        _ body: @escaping @Sendable (inout RawConnection, String) async throws -> Void
    ) async throws {
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.connection.handshakeTimeout = handshakeTimeout
        let routes: (WebSocketServer) -> Void = { server in
            server.route("/:room", subprotocols: ["v2", "v1"], upgrade: upgrade) { socket, user, parameters in
                #expect(socket.value(as: User.self) == user)
                #expect(socket.value(as: String.self) == nil)
                try await socket.send("\(user.name) in \(parameters["room"] ?? "")")
                for try await message in socket.messages { try await socket.send(message) }
            }
        }
        try await serving(configuration, routes) { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Array(request.utf8) + frames)
                let head = try await connection.readHead()
                try await body(&connection, head)
            }
        }
    }

    @Test func `What the hook finds out comes to the handler, and frames that came early are not lost`()
        async throws
    {
        let request = Handshake.request(
            "/tea?token=t%2B1&x=a+b",
            fields: "Cookie: a=1; sid = s3 \r\nAuthorization: bearer abc\r\n"
        )
        try await ask(request, then: Handshake.frame("early")) { request in
            #expect(request.parameters == ["room": "tea"])
            #expect(request.queryValue("token") == "t+1")
            #expect(request.queryValue("x") == "a b")
            #expect(request.queryValue("y") == nil)
            #expect(request.cookie("sid") == "s3")
            #expect(request.cookie("b") == nil)
            #expect(request.bearerToken == "abc")
            #expect(request.httpVersion == .http1_1)
            #expect(!request.isSecure)
            #expect(request.peerCertificate == nil)
            #expect(request.remoteAddress?.ipAddress == "127.0.0.1")
            await Task.yield()
            return .accept(User(name: "Ana"))
        } _: { connection, head in
            #expect(head.hasPrefix("HTTP/1.1 101 "))
            #expect(try await connection.read(12) == [0x81, 10] + "Ana in tea".utf8)
            #expect(try await connection.read(7) == [0x81, 5] + "early".utf8)
            try await connection.write(Handshake.frame("late"))
            #expect(try await connection.read(6) == [0x81, 4] + "late".utf8)
        }
    }

    @Test(arguments: [SubprotocolChoice.automatic, .none, .named("v1")])
    func `It chooses the subprotocol, and adds fields and limits`(choice: SubprotocolChoice) async throws {
        let request = Handshake.request("/r", fields: "Sec-WebSocket-Protocol: v1, v2\r\n")
        try await ask(request) { request in
            #expect(request.offeredSubprotocols == ["v1", "v2"])
            var options = ConnectionOptions()
            options.limits.maxMessageSize = 3
            let terms = UpgradeTerms(
                subprotocol: choice,
                headers: [.setCookie: "sid=1; HttpOnly"],
                connection: options
            )
            return .accept(User(name: "B"), terms)
        } _: { connection, head in
            #expect(head.lowercased().contains("set-cookie: sid=1; httponly\r\n"))
            let line = head.split(separator: "\r\n").first {
                $0.lowercased().hasPrefix("sec-websocket-protocol")
            }
            switch choice {
            case .automatic: #expect(line?.hasSuffix(" v2") == true)
            case .none: #expect(line == nil)
            case .named: #expect(line?.hasSuffix(" v1") == true)
            }
            #expect(try await connection.read(8) == [0x81, 6] + "B in r".utf8)
            try await connection.write(Handshake.frame("four"))
            // 1009, too big.
            let close = try await connection.readToEnd()
            #expect(Array(close.prefix(4).suffix(2)) == [0x03, 0xF1])
        }
    }

    @Test func `It may refuse with any status, fields and text, and what came behind is not answered`()
        async throws
    {
        let behind = Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        try await ask(Handshake.request("/r"), then: behind) { _ in
            await Task.yield()
            return .refuse(
                HTTPAnswer(
                    status: .init(code: 402, reasonPhrase: "Payment Required"),
                    headers: [.wwwAuthenticate: "Bearer realm=\"r\""],
                    body: Array("pay\n".utf8)
                )
            )
        } _: { connection, head in
            #expect(head.hasPrefix("HTTP/1.1 402 Payment Required\r\n"))
            #expect(head.lowercased().contains("www-authenticate: bearer realm=\"r\"\r\n"))
            #expect(head.lowercased().contains("connection: close\r\n"))
            let body = try await connection.readToEnd()
            #expect(body == Array("pay\n".utf8))
        }
    }

    @Test(arguments: [true, false])
    func `A hook that fails, or chooses what was not offered, is the server's mistake`(throwing: Bool)
        async throws
    {
        struct Broken: Error {}
        try await ask(Handshake.request("/r")) { _ in
            if throwing { throw Broken() }
            return .accept(User(name: ""), .init(subprotocol: .named("v3")))
        } _: { connection, head in
            #expect(head.hasPrefix("HTTP/1.1 500 "))
            let body = try await connection.readToEnd()
            #expect(body == Array("the upgrade failed\n".utf8))
        }
    }

    @Test func `A hook that takes too long is answered for, and told`() async throws {
        let wasCancelled = Promised<Bool>()
        try await ask(Handshake.request("/r"), handshakeTimeout: .seconds(1)) { _ in
            do {
                try await Task.sleep(for: .seconds(60))
            } catch {
                wasCancelled.fulfil(true)
            }
            return .accept(User(name: "late"))
        } _: { connection, head in
            #expect(head.hasPrefix("HTTP/1.1 503 "))
            let body = try await connection.readToEnd()
            #expect(body == Array("the server did not decide in time\n".utf8))
        }
        _ = try await within { try await wasCancelled.value }
    }

    @Test func `A hook hears of a client that has gone`() async throws {
        let (hasBegun, wasCancelled) = (Promised<Bool>(), Promised<Bool>())
        let routes: (WebSocketServer) -> Void = { server in
            server.route("/r") { _ -> Upgrade<User> in
                hasBegun.fulfil(true)
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    wasCancelled.fulfil(true)
                }
                return .accept(User(name: "late"))
            } handler: { _, _, _ in
                Issue.record("nobody is there")
            }
        }
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.shutdownTimeout = .seconds(1)
        try await serving(configuration, routes) { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Handshake.request("/r"))
                _ = try await within { try await hasBegun.value }
            }
        }
        _ = try await within { try await wasCancelled.value }
    }

    @Test func `By callbacks too`() async throws {
        let routes: (WebSocketServer) -> Void = { server in
            server.route("/r") { request in
                .accept(User(name: request.bearerToken ?? ""))
            } callbacks: { _, user, _ in
                ConnectionCallbacks(onMessage: { socket, _, _ in try? socket.send(user.name) })
            }
        }
        try await serving(.init(port: 0), routes) { port in
            try await RawConnection.with(port: port) { connection in
                try await connection.write(Handshake.request("/r", fields: "Authorization: Bearer Eva\r\n"))
                try await connection.write(Handshake.frame("?"))
                _ = try await connection.readHead()
                #expect(try await connection.read(5) == [0x81, 3] + "Eva".utf8)
            }
        }
    }

    @Test(arguments: [SessionExpiry.after(.milliseconds(50)), .at(secondsSince1970: .min), .after(.zero)])
    func `A session that is over closes its socket, and says so`(expiry: SessionExpiry) async throws {
        try await ask(Handshake.request("/r")) { _ in
            .accept(User(name: "B"), .init(expiry: expiry))
        } _: { connection, _ in
            let all = try await connection.readToEnd()
            // One that is over at once may end before its handler has said a word.
            let greeting = [0x81, 6] + Array("B in r".utf8)
            let farewell = [0x88, 25, 0x0B, 0xB8] + Array("the session has expired".utf8)
            #expect(all == greeting + farewell || all == farewell)
        }
    }

    @Test func `A session that is renewed goes on, and one without an end can be given one`() async throws {
        let routes: (WebSocketServer) -> Void = { server in
            server.route("/r") { _ -> Upgrade<Void> in
                .accept((), .init(expiry: .after(.seconds(2))))
            } callbacks: { socket, _, _ in
                ConnectionCallbacks(onMessage: { isolated, _, bytes in
                    socket.renew(bytes.byteCount == 0 ? .after(.zero) : .at(secondsSince1970: .max))
                    try? isolated.send("renewed")
                })
            }
        }
        try await serving(.init(port: 0), routes) { port in
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/r")
            try await socket.send("token")
            #expect(try await socket.receive() == Message("renewed"))
            // Longer than it would have lived.
            #expect(try await socket.isOpen(after: .milliseconds(2200)))
            try await socket.send("")
            let end = try await within { await socket.closed }
            #expect(end.code == SessionExpiry.closeCode)
            #expect(end.wasClean)
        }
    }
}

extension WebSocketConnection {
    /// Whether it still answers pings after some time of the clock, which is what the test is about.
    fileprivate func isOpen(after time: Duration) async throws -> Bool {
        try await Task.sleep(for: time)
        _ = try await ping()
        return end == nil
    }
}
