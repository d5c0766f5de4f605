import HTTPTypes
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

@Suite("Router")
struct RouterTests {
    /// A router whose routes are told apart by their one subprotocol.
    private func router(sockets: [String] = [], pages: [String] = []) throws -> Router {
        var router = Router()
        for path in sockets {
            try router.addSocket(path, .init(subprotocols: [path], service: .handler { _, _ in }))
        }
        for path in pages { try router.addPage(path) { _ in .text(.ok, path) } }
        return router
    }

    private func head(
        _ path: String,
        method: HTTPRequest.Method = .get,
        upgrade: Bool = false
    ) -> HTTPRequestHead {
        var request = HTTPRequest(method: method, scheme: nil, authority: "example.test", path: path)
        if upgrade {
            request.headerFields = [
                .connection: "Upgrade", .upgrade: "websocket", .secWebSocketVersion: "13",
                .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
            ]
        }
        return HTTPRequestHead(request: request)
    }

    private func route(_ router: Router, _ path: String) -> String? {
        guard case .upgrade(_, let socket, _) = router.decide(head(path, upgrade: true)) else { return nil }
        return socket.subprotocols.first
    }

    private func answer(_ router: Router, _ head: HTTPRequestHead) -> HTTPAnswer? {
        guard case .answer(let answer) = router.decide(head) else { return nil }
        return answer
    }

    @Test func `Exact segments win over parameters, from the left, in whatever order they were added`() throws
    {
        let paths = ["/:a/:b", "/x/:b", "/:a/y", "/x/y"]
        for shift in paths.indices {
            let router = try router(sockets: Array(paths[shift...] + paths[..<shift]))
            #expect(route(router, "/x/y") == "/x/y")
            #expect(route(router, "/x/1") == "/x/:b")
            #expect(route(router, "/1/y") == "/:a/y")
            #expect(route(router, "/1/2") == "/:a/:b")
            #expect(route(router, "/1") == nil)
        }
    }

    @Test(arguments: [("/a", "/a"), ("/:x", "/:y"), ("/a/:x", "/a/:y")])
    func `Two routes for the same paths are refused`(first: String, second: String) throws {
        var router = try router(sockets: [first], pages: [first])
        let problem = "route \"\(second)\" is served already"
        let socket = #expect(throws: RouteError.self) {
            try router.addSocket(second, .init(subprotocols: [], service: .handler { _, _ in }))
        }
        #expect(socket?.description == problem)
        let page = #expect(throws: RouteError.self) { try router.addPage(second) { _ in HTTPAnswer() } }
        #expect(page?.description == problem)
    }

    @Test func `A page and a WebSocket share a path`() throws {
        let router = try router(sockets: ["/"], pages: ["/"])
        #expect(route(router, "/") == "/")
        #expect(answer(router, head("/"))?.status == .ok)
    }

    @Test func `A path that nothing is served at is 404, with or without upgrade`() throws {
        let router = try router(sockets: ["/echo"], pages: ["/"])
        #expect(answer(router, head("/nothing"))?.status == .notFound)
        #expect(answer(router, head("/nothing", upgrade: true))?.status == .notFound)
    }

    @Test func `A broken escape is 400`() throws {
        let router = try router(sockets: ["/echo"])
        #expect(answer(router, head("/%zz", upgrade: true))?.status == .badRequest)
    }

    @Test func `A WebSocket route asked without upgrade is 426`() throws {
        let router = try router(sockets: ["/echo"])
        guard case .refuse(let error) = router.decide(head("/echo")) else {
            Issue.record("not refused")
            return
        }
        let answer = HTTPAnswer(refusing: error)
        #expect(answer.status == .upgradeRequired)
        #expect(answer.headers[.secWebSocketVersion] == "13")
        #expect(answer.headers[.upgrade] == "websocket")
    }

    @Test func `HEAD asks for a page as GET does; other methods are 405`() throws {
        let router = try router(pages: ["/page"])
        let get = try #require(answer(router, head("/page")))
        #expect(get.body == Array("/page".utf8))
        #expect(answer(router, head("/page", method: .head)) == get)
        let withoutContent = get.withoutContent
        #expect(withoutContent.status == .ok)
        #expect(withoutContent.body.isEmpty)
        #expect(withoutContent.headers[.contentLength] == "5")
        let post = try #require(answer(router, head("/page", method: .post)))
        #expect(post.status == .methodNotAllowed)
        #expect(post.headers[.allow] == "GET, HEAD")
    }
}
