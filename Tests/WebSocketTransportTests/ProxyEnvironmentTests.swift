import Testing
import WebSocketProtocol

@testable import WebSocketTransport

/// That of the process itself is asked by the tests of `duplex connect`.
@Suite("The environment's proxy")
struct ProxyEnvironmentTests {
    private func host(for url: String, _ environment: [String: String]) throws -> String? {
        try ClientProxy.fromEnvironment(for: WebSocketURL(url), environment: environment)?.host
    }

    @Test("wss: and ws: have variables of their own, and one in common")
    func schemes() throws {
        let environment = [
            "https_proxy": "http://secure:1", "http_proxy": "http://plain:1", "all_proxy": "http://any:1",
        ]
        #expect(try host(for: "wss://example.org/", environment) == "secure")
        #expect(try host(for: "ws://example.org/", environment) == "plain")
        #expect(
            try host(for: "wss://example.org/", ["http_proxy": "plain:1", "all_proxy": "any:1"]) == "any"
        )
        #expect(
            try host(for: "ws://example.org/", ["https_proxy": "secure:1", "ALL_PROXY": "any:1"]) == "any"
        )
        #expect(try host(for: "wss://example.org/", [:]) == nil)
        #expect(try host(for: "ws://example.org/", ["https_proxy": "secure:1"]) == nil)
    }

    @Test("Small letters come first, and an empty variable is none")
    func letters() throws {
        #expect(
            try host(for: "wss://example.org/", ["https_proxy": "small", "HTTPS_PROXY": "large"]) == "small"
        )
        #expect(try host(for: "wss://example.org/", ["https_proxy": "", "HTTPS_PROXY": "large"]) == "large")
        #expect(try host(for: "wss://example.org/", ["all_proxy": "small", "ALL_PROXY": "large"]) == "small")
        #expect(try host(for: "wss://example.org/", ["https_proxy": ""]) == nil)
    }

    @Test("HTTP_PROXY is not heeded: in a CGI it is whoever sends the request that sets it")
    func cgi() throws {
        #expect(try host(for: "ws://example.org/", ["HTTP_PROXY": "evil:1"]) == nil)
    }

    @Test("A variable that holds no proxy is named, without what it holds")
    func broken() {
        do throws(UsageError) {
            let url = try WebSocketURL("wss://example.org/")
            _ = try ClientProxy.fromEnvironment(
                for: url,
                environment: ["HTTPS_PROXY": "ftp://ana:secret@proxy"]
            )
            Issue.record("taken")
        } catch {
            #expect(error.description == "proxy: HTTPS_PROXY: scheme \"ftp\" is not http or socks5")
        }
    }

    @Test(
        "What no_proxy lists is connected to directly",
        arguments: [
            ("example.org", "wss://example.org/"),
            ("example.org", "wss://chat.example.org/"),
            (".example.org", "wss://example.org/"),
            (".example.org", "wss://a.b.example.org:8443/"),
            ("*.example.org", "wss://chat.example.org/"),
            ("EXAMPLE.org.", "wss://Example.ORG/"),
            ("example.org", "wss://example.org./"),
            ("a, b,example.org ,c", "wss://example.org/"),
            ("a b\texample.org", "wss://example.org/"),
            ("*", "wss://anything.example/"),
            ("x,*", "wss://[::1]/"),
            ("example.org:443", "wss://example.org/"),
            ("example.org:8443", "wss://chat.example.org:8443/"),
            ("*:8443", "wss://anything.example:8443/"),
            ("127.0.0.1", "wss://127.0.0.1:9/"),
            ("127.0.0.1:9", "wss://127.0.0.1:9/"),
            ("::1", "wss://[::1]/"),
            ("[::1]", "wss://[0:0:0:0:0:0:0:1]/"),
            ("[::1]:9", "wss://[::1]:9/"),
            ("10.0.0.0/8", "wss://10.255.0.1/"),
            ("10.1.2.3/8", "wss://10.9.9.9/"),
            ("192.0.2.128/25", "wss://192.0.2.255/"),
            ("192.0.2.1/32", "wss://192.0.2.1/"),
            ("0.0.0.0/0", "wss://198.51.100.7/"),
            ("2001:db8::/33", "wss://[2001:db8:7fff::1]/"),
            ("10.0.0.0/8:443", "wss://10.0.0.1/"),
        ]
    )
    func excepted(_ list: String, _ url: String) throws {
        for name in ["no_proxy", "NO_PROXY"] {
            #expect(try host(for: url, ["all_proxy": "proxy", name: list]) == nil)
        }
    }

    @Test(
        "What it does not list goes through the proxy",
        arguments: [
            ("", "wss://example.org/"),
            ("example.org", "wss://badexample.org/"),
            ("chat.example.org", "wss://example.org/"),
            ("example.org:8443", "wss://example.org/"),
            ("example.org:", "wss://example.org/"),
            ("example.org:65979", "wss://example.org/"),
            (".", "wss://example.org/"),
            ("org.", "wss://example.com/"),
            ("0.1", "wss://192.168.0.1/"),
            ("192.168.0.1", "wss://x.192.168.0.1.example/"),
            ("10.0.0.0/8", "wss://11.0.0.1/"),
            ("192.0.2.128/25", "wss://192.0.2.127/"),
            ("192.0.2.0/33", "wss://192.0.2.0/"),
            ("192.0.2.0/", "wss://192.0.2.0/"),
            ("example.org/8", "wss://example.org/"),
            ("2001:db8::/33", "wss://[2001:db8:8000::1]/"),
            ("0.0.0.0/0", "wss://[::1]/"),
            ("::/0", "wss://127.0.0.1/"),
            ("[::1]:9", "wss://[::1]/"),
            ("127.0.0.1", "wss://localhost/"),
        ]
    )
    func notExcepted(_ list: String, _ url: String) throws {
        #expect(try host(for: url, ["all_proxy": "proxy", "no_proxy": list]) == "proxy")
    }
}
