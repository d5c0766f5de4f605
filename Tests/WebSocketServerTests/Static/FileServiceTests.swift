import Foundation
import HTTPTypes
import Synchronization
import Testing

@testable import WebSocketServer

/// A directory on disk, and every way out of it.
@Suite("Files of a directory", .timeLimit(.minutes(1)))
struct FileServiceTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("secret.txt", "secret")
        try folder.write("outside/f", "secret")
        for (name, text) in [
            "index.html": "<p>home", "app.js": "go()", ".env": "secret", ".git/config": "secret",
            "sub/index.html": "<p>sub", "sub/a b.txt": "a b", "empty/x": "", "odd/index.html/x": "",
            "back\\slash": "secret", "50%": "half", "grüße": "hi",
        ] { try folder.write("site/\(name)", text) }
        for (name, target) in [
            "out": "../secret.txt", "absolute": folder.path("secret.txt"), "passwd": "/etc/passwd",
            "dir-out": "..", "dir-root": "/", "far": "sub/../../secret.txt", "loop": "loop",
            "gone": "nothing",
            "in": "app.js", "dir-in": "sub", "roundabout": "../site/app.js", "sub/up": "../app.js",
        ] { try folder.link("site/\(name)", to: target) }
        #expect(mkfifo(folder.path("site/pipe"), 0o600) == 0)
        try folder.bindSocket("site/socket")
    }

    private func answer(
        _ target: String,
        _ options: FileOptions = .init(),
        _ fields: HTTPFields = [:],
        method: HTTPRequest.Method = .get
    ) -> HTTPAnswer {
        let service = FileService(folder.path("site"), options)
        let request = HTTPRequest(
            method: method,
            scheme: nil,
            authority: "h",
            path: target,
            headerFields: fields
        )
        guard let segments = RequestPath(ofTarget: Array(target.utf8)[...])?.segments,
            let path = FilePath(segments, allowsHidden: options.servesHidden)
        else { return .nothingServed }
        return service.answer(request, path, now: HTTPDate.secondsNow())
    }

    /// What would be sent.
    private func content(_ answer: HTTPAnswer) throws -> String {
        switch answer.content {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .source(let source): String(decoding: try #require(source as? FileBody).all(), as: UTF8.self)
        }
    }

    @Test(
        arguments: [
            ("/", "<p>home", "text/html; charset=utf-8"),
            ("/index.html", "<p>home", "text/html; charset=utf-8"),
            ("/app.js?v=2", "go()", "text/javascript; charset=utf-8"),
            ("/sub/", "<p>sub", "text/html; charset=utf-8"),
            ("/sub/a%20b.txt", "a b", "text/plain; charset=utf-8"),
            ("/50%25", "half", "application/octet-stream"),
            ("/gr%C3%BC%C3%9Fe", "hi", "application/octet-stream"),
            ("/empty/x", "", "application/octet-stream"),
        ])
    func `A file is served as what it is`(target: String, text: String, type: String) throws {
        let answer = answer(target)
        #expect(answer.status == .ok)
        #expect(try content(answer) == text)
        #expect(answer.headers[.contentType] == type)
        #expect(answer.headers[.xContentTypeOptions] == "nosniff")
        #expect(answer.headers[.cacheControl] == "no-cache")
        #expect(answer.headers[.acceptRanges] == "bytes")
        #expect(answer.headers[.eTag] != nil && answer.headers[.lastModified] != nil)
    }

    /// Whatever stands behind it, the answer is the same as for what is not there.
    static let attacks = [
        "/nothing", "/app.js/", "/app.js/x", "/sub/nothing", "/empty/", "/empty", "/odd/",
        "/../secret.txt", "/sub/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt", "/back%5cslash", "//etc/passwd", "/%2fetc%2fpasswd", "/sub//index.html",
        "/app.js%00", "/app.js%00.png", "/./app.js", "/.env", "/.git/config", "/%2egit/config", "/.", "/..",
        "/out", "/absolute", "/passwd", "/dir-out/secret.txt", "/dir-out/site/app.js", "/dir-root/etc/passwd",
        "/far",
        "/loop", "/gone", "/pipe", "/socket", "/pipe/", "/\(String(repeating: "a", count: 300))",
        "/\(String(repeating: "a/", count: 3000))", "/con%3a", "/app.js::$DATA",
    ]

    @Test(arguments: attacks, [FileOptions.SymbolicLinks.refused, .withinDirectory])
    func `No path leads out`(target: String, links: FileOptions.SymbolicLinks) throws {
        let answer = answer(target, FileOptions(symbolicLinks: links))
        #expect(answer == .nothingServed)
    }

    @Test(arguments: ["/in", "/dir-in/index.html", "/sub/up", "/dir-in/up"])
    func `Links within lead somewhere only where they may`(target: String) throws {
        #expect(answer(target) == .nothingServed)
        #if os(Linux)
        let followed = answer(target, FileOptions(symbolicLinks: .withinDirectory))
        #expect(followed.status == .ok)
        #expect(try ["go()", "<p>sub"].contains(content(followed)))
        #endif
        // It comes back, but it has been outside.
        #expect(answer("/roundabout", FileOptions(symbolicLinks: .withinDirectory)) == .nothingServed)
    }

    @Test func `A link in the directory's own path is the operator's`() throws {
        try folder.link("current", to: "site")
        let service = FileService(folder.path("current"), .init())
        #expect(service.isThere)
        let request = HTTPRequest(method: .get, scheme: nil, authority: "h", path: "/app.js")
        let path = try #require(FilePath(["app.js"]))
        #expect(service.answer(request, path, now: 0).status == .ok)
        // Another release is put in its place.
        try folder.write("next/app.js", "new")
        try folder.link("new", to: "next")
        #expect(rename(folder.path("new"), folder.path("current")) == 0)
        #expect(try content(service.answer(request, path, now: 0)) == "new")
    }

    @Test func `A name that becomes a link while it is asked for leads nowhere`() throws {
        try folder.write("site/turn/f", "inside")
        try folder.link("site/other", to: "../outside")
        let isOver = Mutex(false)
        let (turn, other, third) = (
            folder.path("site/turn"), folder.path("site/other"), folder.path("site/third")
        )
        let turner = Thread {
            while !isOver.withLock({ $0 }) {
                _ = rename(turn, third)
                _ = rename(other, turn)
                _ = rename(turn, other)
                _ = rename(third, turn)
            }
        }
        turner.start()
        defer { isOver.withLock { $0 = true } }
        for links in [FileOptions.SymbolicLinks.refused, .withinDirectory] {
            var (seen, tries) = (Set<String>(), 0)
            // Until it has been there, and has not, often enough to say something.
            while tries < 2_000 || seen.count < 2 && tries < 500_000 {
                let answer = answer("/turn/f", FileOptions(symbolicLinks: links))
                seen.insert(answer.status == .ok ? try content(answer) : "\(answer.status.code)")
                tries += 1
            }
            // Links are a moment ahead of the system at times: then it says so, and is asked no more than 16 times.
            #expect(seen.subtracting(["503"]) == ["inside", "404"])
        }
    }

    @Test func `A folder without its slash is elsewhere, with the query`() {
        for (target, location) in [
            ("/sub", "/sub/"), ("/sub?a=b/c?d", "/sub/?a=b/c?d"), ("/%73ub", "/%73ub/"),
        ] {
            let answer = answer(target)
            #expect(answer.status == .permanentRedirect)
            #expect(answer.headers[.location] == location)
        }
        #expect(answer("/sub/", FileOptions(index: nil)) == .nothingServed)
        #expect(answer("/sub", FileOptions(index: nil)) == .nothingServed)
        #expect(answer("/sub/", FileOptions(index: "up")) == .nothingServed)
    }

    @Test func `Hidden files can be served`() throws {
        let options = FileOptions(servesHidden: true)
        #expect(try content(answer("/.git/config", options)) == "secret")
        #expect(answer("/../secret.txt", options) == .nothingServed)
    }

    @Test(
        arguments: [
            ("bytes=0-1", 206, "go", "bytes 0-1/4"), ("bytes=2-", 206, "()", "bytes 2-3/4"),
            ("bytes=-1", 206, ")", "bytes 3-3/4"), ("bytes=4-", 416, "the file has 4 bytes\n", "bytes */4"),
            ("bytes=0-0,2-2", 200, "go()", nil), ("bytes=x", 200, "go()", nil),
        ] as [(String, Int, String, String?)]
    )
    func `A part is said to be one`(range: String, status: Int, text: String, contentRange: String?) throws {
        let answer = answer("/app.js", .init(), [.range: range])
        #expect(answer.status.code == status)
        #expect(try content(answer) == text)
        #expect(answer.headers[.contentRange] == contentRange)
        // RFC 9110 §14.2: of a GET alone.
        #expect(self.answer("/app.js", .init(), [.range: range], method: .head).status == .ok)
    }

    @Test func `A client that has the file is told so`() throws {
        let first = answer("/app.js")
        let tag = try #require(first.headers[.eTag])
        let again = answer("/app.js", .init(), [.ifNoneMatch: tag])
        #expect(again.status == .notModified)
        #expect(again.content == .bytes([]))
        #expect(again.headers[.eTag] == tag)
        #expect(again.headers[.cacheControl] == "no-cache")
        #expect(again.headers[.contentType] == nil)
        #expect(!String(decoding: again.bytes(date: "now"), as: UTF8.self).contains("Content-Length"))
        try folder.write("site/app.js", "went()")
        #expect(answer("/app.js", .init(), [.ifNoneMatch: tag]).status == .ok)
        #expect(answer("/app.js", .init(), [.ifMatch: tag]).status == .preconditionFailed)
        #expect(answer("/app.js", .init(), [.ifRange: tag, .range: "bytes=0-0"]).status == .ok)
    }

    @Test func `A file that became shorter cannot be read to its end`() throws {
        let answer = answer("/app.js")
        guard case .source(let source) = answer.content, let body = source as? FileBody else {
            Issue.record("no file")
            return
        }
        #expect(truncate(folder.path("site/app.js"), 2) == 0)
        #expect(throws: FileProblem.shrunk) { try body.all() }
    }

    @Test(
        arguments: [
            (ENOENT, .missing), (EXDEV, .missing), (ELOOP, .missing), (EACCES, .missing),
            (EMFILE, .exhausted),
            (EIO, .failed(errno: EIO)),
        ] as [(Int32, FileProblem)]
    )
    func `A system's error is one of few`(number: Int32, problem: FileProblem) {
        #expect(FileProblem(number) == problem)
    }

    @Test func `A directory that is none is not there`() {
        for name in ["secret.txt", "nothing"] {
            #expect(!FileService(folder.path(name), .init()).isThere)
        }
    }
}
