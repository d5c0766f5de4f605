import Testing

@testable import WebSocketServer

@Suite("Route patterns")
struct RoutePatternTests {
    @Test(
        arguments: [
            ("/", "/", [:]),
            ("/echo", "/echo", [:]),
            ("/echo", "/echo?token=1", [:]),
            ("/a/b", "/%61/b", [:]),
            ("/room/:name", "/room/blue", ["name": "blue"]),
            ("/room/:name", "/room/a%2Fb", ["name": "a/b"]),
            ("/room/:name", "/room/gr%C3%BC%C3%9Fe%20%F0%9F%8C%8D", ["name": "grüße 🌍"]),
            ("/room/:name", "/room/+", ["name": "+"]),
            ("/:a/x/:b", "/1/x/2", ["a": "1", "b": "2"]),
            ("/dir/", "/dir/", [:]),
        ] as [(String, String, [String: String])]
    )
    func `A path that fits gives its parameters`(
        pattern: String,
        target: String,
        parameters: [String: String]
    ) throws {
        let path = try #require(RequestPath(ofTarget: Array(target.utf8)[...]))
        #expect(try RoutePattern(pattern).match(path) == parameters)
    }

    @Test(
        arguments: [
            ("/echo", "/"), ("/echo", "/Echo"), ("/echo", "/echo/"), ("/echo", "/echo/more"),
            ("/echo", "/echos"),
            ("/room/:name", "/room"), ("/room/:name", "/room/"), ("/room/:name", "/room/a/b"),
            ("/room/:name", "/hall/a"), ("/dir/", "/dir"), ("/a/b", "/a%2Fb"), ("/", "//"),
        ])
    func `A path that does not fit`(pattern: String, target: String) throws {
        let path = try #require(RequestPath(ofTarget: Array(target.utf8)[...]))
        #expect(try RoutePattern(pattern).match(path) == nil)
    }

    @Test(arguments: ["", "*", "echo", "http://host/echo", "/%", "/%4", "/%zz", "/%C3%28", "/a%FFb", "/%+1"])
    func `A target that is not a path, or has a broken escape, has no segments`(target: String) {
        #expect(RequestPath(ofTarget: Array(target.utf8)[...]) == nil)
    }

    @Test(
        arguments: [
            ("", "does not begin with a slash"),
            ("echo", "does not begin with a slash"),
            ("/echo?x", "has a query or a fragment; a route is a path"),
            ("/echo#x", "has a query or a fragment; a route is a path"),
            ("/room/:", "has a parameter without a name"),
            ("/:a/:a", "names the parameter :a twice"),
        ])
    func `What cannot be a route says why`(path: String, problem: String) {
        let error = #expect(throws: RouteError.self) { try RoutePattern(path) }
        #expect(error?.path == path)
        #expect(error?.description == "route \"\(path)\" \(problem)")
    }
}
