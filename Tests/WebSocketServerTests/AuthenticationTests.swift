import HTTPTypes
import Logging
import NIOSSL
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

/// The examples of docs/authentication.md, each against a client that may and one that may not.
@Suite("Authentication", .timeLimit(.minutes(1)))
struct AuthenticationTests {
    private struct User: Sendable {
        let name: String
    }

    /// What an application has for looking up its users.
    private struct Users: Sendable {
        func owner(ofToken token: String?) async -> User? { token == "letmein" ? User(name: "ada") : nil }
        func owner(ofSession session: String?) async -> User? { session == "s3" ? User(name: "ada") : nil }
    }

    private let users = Users()

    private static let whoAreYou = HTTPAnswer(
        status: .unauthorized,
        headers: [.wwwAuthenticate: "Bearer", .contentType: "text/plain; charset=utf-8"],
        body: Array("who are you?\n".utf8)
    )

    private func greet(_ socket: WebSocketConnection, _ user: User) async throws {
        try await socket.send("hello, \(user.name)")
    }

    /// - Returns: what the server says first, or the status of its refusal.
    private func greeting(_ url: String, _ headers: HTTPFields = [:], protocols: [String] = []) async throws
        -> String
    {
        do {
            let socket = try await WebSocketConnection.connect(
                to: url,
                options: ClientOptions(subprotocols: protocols, headers: headers)
            )
            return try await socket.receive()?.text ?? "closed"
        } catch let error as ConnectError {
            return error.response.map { "\($0.status.code)" } ?? "\(error)"
        }
    }

    @Test func `By a header`() async throws {
        try await serving(.init(port: 0)) { [users] server in
            server.route("/chat") { request -> Upgrade<User> in
                guard let user = await users.owner(ofToken: request.bearerToken) else {
                    return .refuse(Self.whoAreYou)
                }
                return .accept(user)
            } handler: { socket, user, _ in
                try await greet(socket, user)
            }
        } _: { port in
            let url = "ws://127.0.0.1:\(port)/chat"
            expectEqual(try await greeting(url, [.authorization: "Bearer letmein"]), "hello, ada")
            for wrong in ["Bearer guess", "Basic letmein", "Bearer", "letmein"] {
                expectEqual(try await greeting(url, [.authorization: wrong]), "401")
            }
            expectEqual(try await greeting(url), "401")
        }
    }

    @Test func `By a cookie, which only pages of the server's own can use`() async throws {
        try await serving(.init(port: 0)) { [users] server in
            server.route("/chat") { request -> Upgrade<User> in
                guard let user = await users.owner(ofSession: request.cookie("session")) else {
                    return .refuse(.text(.unauthorized, "please sign in\n"))
                }
                return .accept(user)
            } handler: { socket, user, _ in
                try await greet(socket, user)
            }
        } _: { port in
            let url = "ws://127.0.0.1:\(port)/chat"
            let cookie: HTTPFields = [.cookie: "theme=dark; session=s3"]
            expectEqual(try await greeting(url, cookie), "hello, ada")
            expectEqual(try await greeting(url, [.cookie: "session=s4"]), "401")
            var own = cookie
            own[.origin] = "http://127.0.0.1:\(port)"
            expectEqual(try await greeting(url, own), "hello, ada")
            var strange = cookie
            strange[.origin] = "https://evil.example"
            expectEqual(try await greeting(url, strange), "403")
        }
    }

    @Test func `By a ticket in the query, which no log line has`() async throws {
        let log = LogCollector()
        try await serving(.init(port: 0, logger: log.logger)) { [users] server in
            server.route("/chat") { request -> Upgrade<User> in
                guard let user = await users.owner(ofToken: request.queryValue("ticket")) else {
                    return .refuse(.text(.unauthorized, "no such ticket\n"))
                }
                return .accept(user)
            } handler: { socket, user, _ in
                try await greet(socket, user)
            }
        } _: { port in
            let url = "ws://127.0.0.1:\(port)/chat?ticket="
            expectEqual(try await greeting(url + "letmein"), "hello, ada")
            expectEqual(try await greeting(url + "letmeout"), "401")
            expectEqual(try await greeting("ws://127.0.0.1:\(port)/nothing?ticket=letmein"), "404")
            expectEqual(
                try await greeting(url + "letmein", [.origin: "https://evil.example/?letmein"]),
                "403"
            )
        }
        #expect(log.lines.contains { $0.contains("opened") && $0.contains("path=/chat") })
        #expect(!log.lines.contains { $0.contains("letme") || $0.contains("ticket") || $0.contains("?") })
    }

    @Test func `By a subprotocol, since a page can send nothing else`() async throws {
        try await serving(.init(port: 0)) { [users] server in
            server.route("/chat") { request -> Upgrade<User> in
                let token = request.offeredSubprotocols.first { $0.hasPrefix("bearer.") }?.dropFirst(7)
                guard request.offeredSubprotocols.contains("chat.v1"),
                    let user = await users.owner(ofToken: token.map(String.init))
                else { return .refuse(.text(.unauthorized, "who are you?\n")) }
                // The token is not said back.
                return .accept(user, UpgradeTerms(subprotocol: .named("chat.v1")))
            } handler: { socket, user, _ in
                #expect(socket.subprotocol == "chat.v1")
                try await greet(socket, user)
            }
        } _: { port in
            let url = "ws://127.0.0.1:\(port)/chat"
            expectEqual(try await greeting(url, protocols: ["chat.v1", "bearer.letmein"]), "hello, ada")
            expectEqual(try await greeting(url, protocols: ["chat.v1", "bearer.guess"]), "401")
            expectEqual(try await greeting(url, protocols: ["chat.v1"]), "401")
            expectEqual(try await greeting(url), "401")
        }
    }

    @Test(.enabled(if: Tools.mayUse(Tools.openssl), "openssl is not installed"))
    func `By a certificate`() async throws {
        let (server, client) = (try await Certificate.make(), try await Certificate.make())
        var tls = server.serverConfiguration
        tls.certificateVerification = .noHostnameVerification
        tls.trustRoots = .certificates(client.chain)
        let known = try #require(client.chain.first)
        try await serving(.init(port: 0, tls: tls)) { server in
            server.route("/chat") { request -> Upgrade<User> in
                guard request.peerCertificate == known else { return .refuse(.text(.forbidden, "not you\n")) }
                return .accept(User(name: "ada"))
            } handler: { socket, user, _ in
                try await greet(socket, user)
            }
        } _: { port in
            var shown = server.clientConfiguration
            shown.certificateChain = client.chain.map { .certificate($0) }
            shown.privateKey = .privateKey(client.key)
            let url = "wss://127.0.0.1:\(port)/chat"
            let socket = try await WebSocketConnection.connect(to: url, options: ClientOptions(tls: shown))
            expectEqual(try await socket.receive()?.text, "hello, ada")
            _ = try await socket.close()
            await #expect(throws: ConnectError.self) {
                let options = ClientOptions(tls: server.clientConfiguration)
                let socket = try await WebSocketConnection.connect(to: url, options: options)
                // By TLS 1.3 a client learns only by reading that it was refused.
                _ = try await socket.receive()
            }
        }
    }

    // MARK: The first message, and the end of a session

    /// Lets anybody in for a while: whoever has not said who it is by then is closed with 3000. A message
    /// `token: …` says it, and says it anew before the token is over.
    private func tokenServer(within limit: Duration) -> (WebSocketServer) -> Void {
        { [users] server in
            server.route("/chat") { _ -> Upgrade<Void> in
                .accept((), UpgradeTerms(expiry: .after(limit)))
            } handler: { socket, _, _ in
                var user: User?
                for try await message in socket.messages {
                    guard let text = message.text, text.hasPrefix("token: ") else {
                        // Nothing else is listened to before.
                        guard let user else { break }
                        try await greet(socket, user)
                        continue
                    }
                    user = await users.owner(ofToken: String(text.dropFirst(7)))
                    socket.renew(user == nil ? .after(.zero) : .at(secondsSince1970: .max))
                }
            }
        }
    }

    @Test func `By the first message`() async throws {
        try await serving(.init(port: 0), tokenServer(within: .seconds(60))) { port in
            let url = "ws://127.0.0.1:\(port)/chat"
            let known = try await WebSocketConnection.connect(to: url)
            try await known.send("token: letmein")
            try await known.send("hello?")
            expectEqual(try await known.receive()?.text, "hello, ada")
            // What was right once is taken back by what is wrong.
            try await known.send("token: guess")
            let taken = try await within { await known.closed }
            #expect(taken.code == SessionExpiry.closeCode && taken.wasClean)
            let unknown = try await WebSocketConnection.connect(to: url)
            try await unknown.send("hello?")
            expectEqual(try await unknown.receive()?.text, nil)
            expectEqual(await unknown.closed.code, .normalClosure)
        }
    }

    @Test func `Whoever does not say who it is in time is closed with 3000`() async throws {
        try await serving(.init(port: 0), tokenServer(within: .milliseconds(100))) { port in
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/chat")
            expectEqual(try await socket.receive()?.text, nil)
            let end = await socket.closed
            #expect(end.code == SessionExpiry.closeCode && end.wasClean)
        }
    }
}
