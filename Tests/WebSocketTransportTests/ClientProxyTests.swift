import Testing
import WebSocketProtocol

@testable import WebSocketTransport

@Suite("A proxy's address")
struct ClientProxyTests {
    private func refusal(of text: String) -> String? {
        do throws(UsageError) {
            _ = try ClientProxy(text)
            return nil
        } catch {
            guard case .invalidProxy = error else { return "another error: \(error)" }
            return error.description
        }
    }

    @Test(
        "A URL names kind, host and port",
        arguments: [
            ("http://proxy.example:3128", ClientProxy.Kind.http, "proxy.example", 3128),
            ("http://proxy.example", .http, "proxy.example", 80),
            ("http://proxy.example:/", .http, "proxy.example", 80),
            ("HTTP://127.0.0.1:8080/", .http, "127.0.0.1", 8080),
            ("proxy:3128", .http, "proxy", 3128),
            ("proxy", .http, "proxy", 80),
            ("socks5://[::1]:9050", .socks5, "::1", 9050),
            ("socks5h://[2001:db8::1]", .socks5, "2001:db8::1", 1080),
            ("Socks5://tor", .socks5, "tor", 1080),
            ("http://proxy:65535", .http, "proxy", 65_535),
        ]
    )
    func addresses(_ text: String, _ kind: ClientProxy.Kind, _ host: String, _ port: Int) throws {
        let proxy = try ClientProxy(text)
        #expect(proxy.kind == kind)
        #expect(proxy.host == host)
        #expect(proxy.port == port)
        #expect(proxy.credentials == nil)
    }

    @Test(
        "User and password stand before the last @, percent-encoded where they must be",
        arguments: [
            ("http://ana:secret@proxy", "ana", "secret"),
            ("ana:secret@proxy:1", "ana", "secret"),
            ("socks5://ana@proxy", "ana", ""),
            ("http://:token@proxy", "", "token"),
            ("http://a@b:c:d@e@proxy", "a@b", "c:d@e"),
            ("http://a%3a%2F%40:%25%C3%BC@proxy", "", ""),
            ("http://%40%2F:%25%C3%BC@proxy", "@/", "%ü"),
        ]
    )
    func credentials(_ text: String, _ username: String, _ password: String) throws {
        guard !username.isEmpty || !password.isEmpty else {
            // RFC 7617 §2: in a user's name there is no colon.
            #expect(refusal(of: text)?.contains("colon") == true)
            return
        }
        let proxy = try ClientProxy(text)
        #expect(proxy.credentials == .init(username: username, password: password))
        #expect(proxy.host == "proxy")
    }

    @Test("Nothing before the @ is no user", arguments: ["http://@proxy:1", "socks5://:@proxy:1"])
    func noCredentials(_ text: String) throws {
        #expect(try ClientProxy(text).credentials == nil)
    }

    @Test(
        "What is no proxy's address is refused",
        arguments: [
            "", "http://", "http://:3128", "http://proxy:0", "http://proxy:65536", "http://proxy:http",
            "http://pro xy", "http://::1:80", "http://[::1", "http://proxy:1/path", "http://proxy?x",
            "http://proxy#x",
            "https://proxy", "socks4://proxy", "socks://proxy", "ftp://proxy", "://proxy", "http:///proxy",
            "http://a%zz@proxy", "http://a%4@proxy", "http://%FF@proxy", "http://a:b%0A@proxy",
            "http://a\r\n:b@proxy",
            "socks5://:password@proxy", "http://prox%y", "http://próxy",
        ]
    )
    func refused(_ text: String) {
        #expect(refusal(of: text)?.hasPrefix("proxy: ") == true)
    }

    @Test(
        "A refusal shows nothing of user and password, not even where they are misplaced",
        arguments: [
            "http://ana:seza/mum@proxy", "http://ana:seza?mum@proxy:1", "http://ana:seza#mum@proxy",
            "ftp://ana:seza-mum@proxy", "ana:seza-mum://x@proxy", "http://ana:seza-mum@",
            "http://ana:seza-mum@proxy:x",
            "http://ana:seza%mum@proxy", "https://ana:seza-mum@proxy", "http://ana:1/seza-mum@proxy",
        ]
    )
    func secrets(_ text: String) {
        let refusal = refusal(of: text)
        #expect(refusal != nil)
        for part in ["ana", "seza", "mum"] {
            #expect(refusal?.contains(part) == false, "\(refusal ?? "taken")")
        }
    }

    @Test("What is given in parts is checked in the same way")
    func parts() throws {
        #expect(try ClientProxy.http(host: "proxy", port: 3128) == ClientProxy("http://proxy:3128"))
        #expect(
            try ClientProxy.socks5(host: "::1", port: 1, username: "ana", password: "p")
                == ClientProxy("socks5://ana:p@[::1]:1")
        )
        for host in ["", "a b", "a/b", "a:b", "user@host", "host\r\n"] {
            #expect(throws: UsageError.self, "\(host)") { try ClientProxy.http(host: host, port: 1) }
        }
        for port in [-1, 0, 65_536, .max] {
            #expect(throws: UsageError.self, "\(port)") { try ClientProxy.socks5(host: "proxy", port: port) }
        }
        #expect(throws: UsageError.self) { try ClientProxy.http(host: "proxy", port: 1, username: "a:b") }
        #expect(throws: UsageError.self) {
            try ClientProxy.http(host: "proxy", port: 1, username: "a", password: "\u{7F}")
        }
    }

    @Test("SOCKS carries 255 bytes of user and password each, and not one more")
    func socksLimits() throws {
        let (longest, tooLong) = (String(repeating: "x", count: 255), String(repeating: "x", count: 256))
        let proxy = try ClientProxy.socks5(host: "proxy", port: 1, username: longest, password: longest)
        #expect(proxy.credentials?.password == longest)
        for (username, password) in [(tooLong, "p"), ("u", tooLong), ("", "p")] {
            #expect(throws: UsageError.self) {
                try ClientProxy.socks5(host: "proxy", port: 1, username: username, password: password)
            }
        }
    }

    @Test("No description has the user or the password in it")
    func descriptions() throws {
        let proxy = try ClientProxy("http://ximena:seza-mum@[::1]:3128")
        #expect(proxy.description == "http://[::1]:3128")
        #expect(try ClientProxy("socks5h://ximena:seza-mum@tor").description == "socks5://tor:1080")
        let options = ClientOptions(proxy: proxy)
        var dumped = ""
        dump(options, to: &dumped)
        for text in [
            "\(proxy)", String(reflecting: proxy), "\(options)", String(reflecting: options), dumped,
        ] {
            #expect(text.contains("3128"))
            #expect(!text.contains("ximena") && !text.contains("seza-mum"), "\(text)")
        }
    }
}
