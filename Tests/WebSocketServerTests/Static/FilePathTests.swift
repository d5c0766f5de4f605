import Testing

@testable import WebSocketServer

@Suite("Paths of files")
struct FilePathTests {
    private func path(_ target: String, allowsHidden: Bool = false) -> FilePath? {
        RequestPath(ofTarget: Array(target.utf8)[...]).flatMap {
            FilePath($0.segments, allowsHidden: allowsHidden)
        }
    }

    @Test(
        arguments: [
            ("/", [], true), ("/a", ["a"], false), ("/a/", ["a"], true),
            ("/a/b.html", ["a", "b.html"], false),
            ("/a%20b", ["a b"], false), ("/gr%C3%BC%C3%9Fe", ["grüße"], false), ("/a?x=/../", ["a"], false),
            ("/a..b/c...", ["a..b", "c..."], false), ("/%61", ["a"], false), ("/a%25b", ["a%b"], false),
        ] as [(String, [String], Bool)]
    )
    func `A path is names`(target: String, names: [String], isFolder: Bool) {
        let path = path(target)
        #expect(path?.names == names)
        #expect(path?.isFolder == isFolder)
    }

    @Test(
        arguments: [
            "/..", "/../", "/../a", "/a/../b", "/a/..", "/.", "/./a", "/a/./b",
            "/%2e%2e/a", "/%2E%2e/a", "/.%2e/a", "/a/%2e%2e%2fb", "/%2e%2e%5ca", "/..%2f..%2fetc%2fpasswd",
            "//a", "/a//b", "//", "/%2fetc/passwd", "/a%2fb", "/%2f", "/%5ca", "/a\\b", "/..\\a",
            "/a%5c..%5cb",
            "/a%00", "/a%00.html", "/%00", "/a%0d%0ab", "/a%7f", "/a%c2%85b", "/a%09b",
            "/.git/config", "/.env", "/a/.hidden/b", "/...", "/.well-known",
        ])
    func `What leads elsewhere, or hides, is no path`(target: String) { #expect(path(target) == nil) }

    @Test func `Hidden names can be allowed; the way out cannot`() {
        #expect(path("/.well-known/a", allowsHidden: true)?.names == [".well-known", "a"])
        #expect(path("/...", allowsHidden: true)?.names == ["..."])
        for target in ["/..", "/.", "/a/../b", "/%2e%2e/a", "/a%2fb", "/a%00"] {
            #expect(path(target, allowsHidden: true) == nil)
        }
    }

    @Test func `An escape that spells no UTF-8 is no path at all`() {
        // Overlong slashes and dots, and half an escape.
        for target in ["/%c0%af", "/%c0%ae%c0%ae/a", "/%ff", "/%e0%80%af", "/%2", "/%", "/%zz"] {
            #expect(path(target) == nil)
        }
    }
}
