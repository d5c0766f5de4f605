import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite("A request's head", .ownThread)
struct HTTPRequestHeadTests {
    private func read(_ text: String) throws -> HTTPRequestHead {
        var parser = HTTPRequestParser()
        var offset = 0
        let head = try latin1(text).withUnsafeBytes { try parser.parse($0, at: &offset) }
        return try #require(head)
    }

    @Test("One that was read equals one that was made, and both say the same of themselves")
    func readAndMade() throws {
        let read = try read("GET /a?b HTTP/1.1\r\nHost: c\r\nUpgrade: x, WebSocket\r\nUser-Agent: d\r\n\r\n")
        let request = HTTPRequest(
            method: .get,
            scheme: nil,
            authority: "c",
            path: "/a?b",
            headerFields: [.upgrade: "x, WebSocket", .userAgent: "d"]
        )
        let made = HTTPRequestHead(request: request)
        #expect(read == made)
        #expect(read.hashValue == made.hashValue)
        for head in [read, made] {
            #expect(head.request == request)
            #expect(latin1Text(head.target) == "/a?b")
            #expect(head.isMethod(.get) && !head.isMethod(.head))
            #expect(head.firstValue("user-agent").map(latin1Text) == "d")
            #expect(head.asksForWebSocket)
        }
        #expect(read != HTTPRequestHead(request: request, version: .http1_0))
        #expect(made.bytes == nil)
    }

    @Test("The bytes are the head's own, however it came, and no byte more")
    func bytes() throws {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(try read(text + "more").bytes == latin1(text))
        var parser = HTTPRequestParser()
        var head: HTTPRequestHead?
        for piece in [latin1(text).prefix(20), latin1(text + "more").dropFirst(20)] {
            var offset = 0
            head = try piece.withUnsafeBytes { try parser.parse($0, at: &offset) }
        }
        #expect(head?.bytes == latin1(text))
    }

    @Test("Behind the last byte there is nothing to read")
    func behindTheEnd() throws {
        var parser = HTTPRequestParser()
        for start in [0, 1] {
            var offset = start
            #expect(try [UInt8]().withUnsafeBytes { try parser.parse($0, at: &offset) } == nil)
            #expect(offset == start)
        }
        #expect(!parser.hasBegun)
    }

    @Test("The request can be changed")
    func change() throws {
        var head = try read("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head.request.path = "/b"
        #expect(head.request.path == "/b")
        #expect(latin1Text(head.target) == "/b")
        #expect(head.request.authority == "a")
    }

    @Test("A target that is a whole URL, or none, is what the request says")
    func targets() throws {
        #expect(latin1Text(try read("GET ws://a/b HTTP/1.1\r\nHost: c\r\n\r\n").target) == "/b")
        #expect(try read("GET ws://a/b HTTP/1.1\r\nHost: c\r\n\r\n").request.authority == "a")
        #expect(latin1Text(try read("OPTIONS * HTTP/1.1\r\nHost: c\r\n\r\n").target) == "*")
        #expect(try read("CONNECT a:1 HTTP/1.1\r\nHost: c\r\n\r\n").target.isEmpty)
    }

    @Test(
        "Whatever names WebSockets in Upgrade asks for them, however wrongly",
        arguments: [
            ("websocket", true), ("WebSocket/13", true), ("h2c, xwebsockets", true), ("h2c", false),
            ("", false),
        ]
    )
    func asksForWebSocket(_ upgrade: String, _ asks: Bool) throws {
        #expect(try read("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: \(upgrade)\r\n\r\n").asksForWebSocket == asks)
    }
}
