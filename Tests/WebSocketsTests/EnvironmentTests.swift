import HTTPTypes
import NIOSSL
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

@testable import WebSockets

/// What sockets share.
@MainActor
@Suite("WebSocketEnvironment", .timeLimit(.minutes(3)))
struct EnvironmentTests {
    /// The request's head as a server saw it.
    private func head(
        of path: String = "",
        _ change: @escaping (inout WebSocketEnvironment.Configuration) -> Void = { _ in },
        protocols: [String] = [],
        url: (Int) -> String = { "ws://127.0.0.1:\($0)/" }
    ) async throws -> [String] {
        let head = Promised<String>()
        return try await RawServer.run { peer in
            head.fulfil(try await peer.readHead())
        } _: { server in
            let socket = try WebSocket(url(server.port), protocols: protocols, environment: .patient(change))
            let lines = try await within { try await head.value }.split(separator: "\r\n").map(String.init)
            _ = socket
            return lines
        }
    }

    @Test("RFC 6455 §4.1: one connects to a host and port at a time, the others wait for their turn")
    func oneByOne() async throws {
        let arrived = Log<Int>()
        let mayAnswer = Promised<Void>()
        try await RawServer.run { peer in
            let number = arrived.count(adding: 1)
            if number == 1 { try await mayAnswer.value }
            try await peer.accept()
            await peer.readToEnd()
        } _: { server in
            let environment = WebSocketEnvironment.patient()
            let transcript = Transcript()
            func connect(_ number: Int) throws -> WebSocket {
                let socket = try WebSocket(server.url, environment: environment)
                socket.onopen = { _ in transcript.add("open \(number)") }
                return socket
            }
            var sockets = [try connect(0)]
            try await within { while arrived.entries.isEmpty { await Task.yield() } }
            for number in 1..<5 { sockets.append(try connect(number)) }
            // Another place need not wait.
            try await withEcho { url in
                let elsewhere = try WebSocket(url, environment: environment)
                elsewhere.onopen = { _ in transcript.add("elsewhere") }
                try await transcript.until("elsewhere")
            }
            #expect(arrived.entries.count == 1)
            // One that waits can be given up; the next has its turn.
            sockets[1].close()
            mayAnswer.fulfil(())
            for number in [0, 2, 3, 4] { try await transcript.until("open \(number)") }
            #expect(!transcript.lines.contains("open 1"))
            #expect(arrived.entries.count == 4)
            for socket in sockets { socket.close() }
        }
    }

    @Test("More than maxConnections: the next fails at once, as in Gecko; when one goes, there is room again")
    func maxConnections() async throws {
        try await withEcho { url in
            let environment = WebSocketEnvironment.patient { $0.maxConnections = 3 }
            let transcript = Transcript()
            let sockets = try (0..<3).map { number in
                let socket = try WebSocket(url, environment: environment)
                socket.onopen = { _ in transcript.add("open \(number)") }
                return socket
            }
            try await transcript.until("open 2")
            #expect(environment.liveConnections == 3)
            let fourth = try WebSocket(url, environment: environment)
            let fate = Transcript()
            fate.record(fourth)
            try await fate.until("end")
            #expect(fate.lines == ["error closed", "close 1006  false", "end"])
            #expect(fourth.failure?.description.contains("3 sockets") == true)
            sockets[0].close()
            try await within { while environment.liveConnections > 2 { await Task.yield() } }
            let fifth = try WebSocket(url, environment: environment)
            fifth.onopen = { _ in transcript.add("room") }
            try await transcript.until("room")
            for socket in sockets + [fifth] { socket.close() }
        }
    }

    @Test("The default of maxConnections is Gecko's")
    func defaults() {
        let configuration = WebSocketEnvironment.Configuration()
        #expect(configuration.maxConnections == 200)
        #expect(configuration.connectsOneByOne && configuration.blocksPorts)
        #expect(configuration.origin == nil && configuration.baseURL == nil && configuration.cookies == nil)
    }

    @Test("The request: no Origin by default, the environment's headers, the subprotocols, the offer")
    func request() async throws {
        let plain = try await head(protocols: ["a", "b"])
        #expect(plain.contains("Sec-WebSocket-Protocol: a, b"))
        #expect(plain.contains { $0.hasPrefix("Sec-WebSocket-Extensions: permessage-deflate") })
        #expect(!plain.contains { $0.lowercased().hasPrefix("origin:") })
        let furnished = try await head {
            $0.headers[.authorization] = "Bearer 42"
            $0.origin = "https://example.org"
            $0.compression = nil
        }
        #expect(furnished.contains("Authorization: Bearer 42"))
        #expect(furnished.contains("Origin: https://example.org"))
        #expect(!furnished.contains { $0.hasPrefix("Sec-WebSocket-Extensions") })
    }

    @Test("A base URL: relative URLs, and its origin")
    func base() async throws {
        let head = try await RawServer.run { peer in
            _ = try await peer.readHead()
        } _: { _ in
            try await self.head {
                $0.baseURL = try? WebURL("https://example.org:8443/page/index.html?x#y")
            }
        }
        #expect(head.contains("Origin: https://example.org:8443"))
        let environment = WebSocketEnvironment.patient { $0.baseURL = try? WebURL("http://127.0.0.1:1/a/b") }
        #expect(try WebSocket("../c?d", environment: environment).url == "ws://127.0.0.1:1/c?d")
        #expect(try WebSocket("", environment: environment).url == "ws://127.0.0.1:1/a/b")
        #expect(try WebSocket("//127.0.0.1:2", environment: environment).url == "ws://127.0.0.1:2/")
    }

    @Test("A user and password in the URL go into Authorization, and not into the request line")
    func credentials() async throws {
        let head = try await head(url: { "ws://us%65r:p%C3%A4ss@127.0.0.1:\($0)/path" })
        #expect(head[0] == "GET /path HTTP/1.1")
        // "user:päss"
        #expect(head.contains("Authorization: Basic dXNlcjpww6Rzcw=="))
    }

    private final class Jar: CookieProvider {
        let stored = Log<String>()
        func cookies(for url: WebURL) async throws -> String? { "seen=\(stored.entries.count)" }
        func setCookies(_ fields: [String], from url: WebURL) async {
            for field in fields { stored.add("\(url.pathname) \(field)") }
        }
    }

    @Test("Cookies come from the provider and go back to it, granted or refused")
    func cookies() async throws {
        let heads = Log<String>()
        try await RawServer.run { peer in
            let head = try await peer.readHead()
            heads.add(head)
            if heads.entries.count == 1 {
                try await peer.write("HTTP/1.1 401 No\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n")
            } else {
                let answer = try RawPeer.acceptance(of: head, extra: "Set-Cookie: b=2\r\nSet-Cookie: c=3\r\n")
                try await peer.write(answer)
                await peer.readToEnd()
            }
        } _: { server in
            let jar = Jar()
            let environment = WebSocketEnvironment.patient { $0.cookies = jar }
            let refused = Transcript()
            refused.record(try WebSocket(server.url + "one", environment: environment))
            try await refused.until("end")
            let granted = Transcript()
            let socket = try WebSocket(server.url + "two", environment: environment)
            granted.record(socket)
            try await granted.until("open open true")
            #expect(jar.stored.entries == ["/one a=1", "/two b=2", "/two c=3"])
            #expect(heads.entries[0].contains("Cookie: seen=0\r\n"))
            #expect(heads.entries[1].contains("Cookie: seen=1\r\n"))
            socket.close()
        }
    }

    @Test("What a proxy refuses with brings no cookies for the server")
    func cookiesOfProxies() async throws {
        try await RawServer.run { peer in
            _ = try await peer.readHead()
            try await peer.write("HTTP/1.1 407 No\r\nSet-Cookie: session=forged\r\nContent-Length: 0\r\n\r\n")
        } _: { proxy in
            let jar = Jar()
            let through = try ClientProxy("http://127.0.0.1:\(proxy.port)")
            let environment = WebSocketEnvironment.patient {
                $0.cookies = jar
                $0.proxy = through
            }
            let refused = Transcript()
            let socket = try WebSocket("wss://server.test/", environment: environment)
            refused.record(socket)
            try await refused.until("end")
            #expect(socket.failure?.response?.status.code == 407)
            #expect(jar.stored.entries.isEmpty)
        }
    }

    private struct NoCookies: Error {}
    private final class BrokenJar: CookieProvider {
        func cookies(for url: WebURL) async throws -> String? { throw NoCookies() }
        func setCookies(_ fields: [String], from url: WebURL) async {}
    }

    @Test("A provider that fails keeps the socket from opening, and the failure says so")
    func brokenCookies() async throws {
        let socket = try WebSocket(
            "ws://127.0.0.1:1/",
            environment: .patient {
                $0.cookies = BrokenJar()
                $0.blocksPorts = false
            }
        )
        let transcript = Transcript()
        transcript.record(socket)
        try await transcript.until("end")
        #expect(socket.failure?.description.contains("NoCookies") == true)
    }

    @Test(
        "wss with a certificate of one's own: trusted where told so, and not elsewhere",
        .enabled(if: Tools.mayUse(Tools.openssl))
    )
    func tls() async throws {
        let certificate = try await Certificate.make()
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.tls = certificate.serverConfiguration
        try await serving(configuration) { server in
            server.route("/") { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
        } _: { port in
            let trusted = Transcript()
            let socket = try WebSocket(
                "wss://localhost:\(port)/",
                environment: .patient { $0.tls = certificate.clientConfiguration }
            )
            trusted.record(socket)
            socket.addEventListener(.open) { _ in try? socket.send("secret") }
            socket.addEventListener(.message) { event in
                #expect(event.origin == "wss://localhost:\(port)")
                socket.close()
            }
            try await trusted.until("end")
            #expect(trusted.lines == ["open open true", "message secret", "close 1005  true", "end"])

            let stranger = try WebSocket("wss://localhost:\(port)/", environment: .patient())
            let untrusted = Transcript()
            untrusted.record(stranger)
            try await untrusted.until("end")
            #expect(untrusted.lines == ["error closed", "close 1006  false", "end"])
            guard case .tls = stranger.failure?.cause else {
                Issue.record("not \(String(describing: stranger.failure))")
                return
            }
        }
    }

    @Test("Ports that browsers block are refused, unless told otherwise")
    func blockedPort() async throws {
        for port in [1, 22, 25, 6000, 10080] {
            let socket = try WebSocket("ws://127.0.0.1:\(port)/", environment: .patient())
            let transcript = Transcript()
            transcript.record(socket)
            try await transcript.until("end")
            #expect(transcript.lines == ["error closed", "close 1006  false", "end"])
            #expect(socket.failure?.description.contains("port \(port)") == true)
        }
        let free = try WebSocket("ws://127.0.0.1:1/", environment: .patient { $0.blocksPorts = false })
        let transcript = Transcript()
        transcript.record(free)
        try await transcript.until("end")
        #expect(free.failure?.cause == .connectionRefused)
    }

    @Test(
        "What is no URL for a WebSocket is a SyntaxError at once",
        arguments: [
            "", "foo", "/relative", "ftp://example.org/", "ws://", "ws://a b/", "ws://example.org/#",
            "ws://example.org/#x",
            "mailto:x", "ws://example.org:99999/", "wss://[::1", "ws://exa%mple.org/",
        ]
    )
    func badURL(url: String) async throws {
        let error = await thrownError(DOMException.self) { _ = try WebSocket(url, environment: .patient()) }
        #expect(error?.name == .syntax)
    }

    @Test("http and https are taken for ws and wss; hosts are mapped, and paths encoded")
    func urls() async throws {
        let cases = [
            "http://127.0.0.1:1/x": "ws://127.0.0.1:1/x", "https://127.0.0.1:1": "wss://127.0.0.1:1/",
            "WS://127.0.0.1:80/a b?c d": "ws://127.0.0.1/a%20b?c%20d",
            "ws://faß.invalid/": "ws://xn--fa-hia.invalid/",
            "ws://EXAMPLE.invalid:80/../é": "ws://example.invalid/%C3%A9",
            "ws://0x7f.1:1/": "ws://127.0.0.1:1/",
            "  ws://[::1]:1/\n": "ws://[::1]:1/",
        ]
        for (given, url) in cases {
            #expect(try WebSocket(given, environment: .patient()).url == url)
        }
    }

    @Test(
        "Subprotocols have to be tokens, none twice",
        arguments: [["a", "a"], [""], ["a b"], ["a", "b,c"], ["é"], ["\u{7F}"], ["a/b"]]
    )
    func badProtocols(protocols: [String]) async throws {
        let error = await thrownError(DOMException.self) {
            _ = try WebSocket("ws://127.0.0.1:1/", protocols: protocols, environment: .patient())
        }
        #expect(error?.name == .syntax)
    }

    @Test("A server that chooses a subprotocol nobody offered fails the socket")
    func unofferedProtocol() async throws {
        try await RawServer.run { peer in
            try await peer.accept(extra: "Sec-WebSocket-Protocol: other\r\n")
            await peer.readToEnd()
        } _: { server in
            let socket = try WebSocket(server.url, protocols: "mine", environment: .patient())
            let transcript = Transcript()
            transcript.record(socket)
            try await transcript.until("end")
            #expect(transcript.lines == ["error closed", "close 1006  false", "end"])
            #expect(socket.protocol == "")
        }
    }
}
