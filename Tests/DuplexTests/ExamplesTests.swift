import Foundation
import TestSupport
import Testing

/// What is in `Examples/`: the same program in JavaScript and in Swift.
@Suite("Examples", .timeLimit(.minutes(3)))
struct ExamplesTests {
    private static let folder = Tools.root.appendingPathComponent("Examples")

    /// Names without their extension, but for what is no example.
    private static func names(_ pathExtension: String) -> [String] {
        let files =
            (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.filter { $0.pathExtension == pathExtension && $0.lastPathComponent != "Examples.swift" }
            .map { $0.deletingPathExtension().lastPathComponent }.sorted()
    }

    static let examples = names("js")

    private func serve() async throws -> ServeProcess {
        try await .start(["--subprotocol", "chat.v2", "--subprotocol", "chat.v1"])
    }

    private func lines(_ program: String, _ arguments: [String]) async throws -> [String] {
        let process = try ChildProcess(program, arguments)
        let (exit, output, errors) = try await process.finished()
        #expect(exit == .init(status: 0), "\(errors)")
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.hasSuffix("\n"))
        return text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private func linesOfScript(_ name: String, _ server: ServeProcess) async throws -> [String] {
        let file = Self.folder.appendingPathComponent("\(name).js").path
        return try await lines(Tools.duplexJS, [file, server.url("/echo")])
    }

    @Test func `Each is there in both languages`() {
        #expect(!Self.examples.isEmpty)
        #expect(Self.examples == Self.names("swift"))
    }

    @Test(arguments: examples)
    func `Both languages print the same`(_ name: String) async throws {
        let server = try await serve()
        let script = try await linesOfScript(name, server)
        let twin = try await lines(Tools.examples, [name, server.url("/echo")])
        #expect(!script.isEmpty)
        #expect(script == twin)
    }

    /// In blocks that begin with the command and end with an empty line.
    @Test(arguments: examples)
    func `The README tells what is printed`(_ name: String) async throws {
        let page = try String(contentsOf: Self.folder.appendingPathComponent("README.md"), encoding: .utf8)
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let command = try #require(lines.firstIndex(of: "$ duplex-js Examples/\(name).js"))
        let told = lines[(command + 1)...].prefix { $0 != "" && $0 != "```" }
        #expect(try await linesOfScript(name, try await serve()) == Array(told))
    }

    @Test(.enabled(if: Tools.mayUse(Tools.chromium), "Chromium is not installed"))
    func `The scripts print the same in a browser's page`() async throws {
        let server = try await serve()
        let browser = try await Browser.start()
        do {
            for name in Self.examples {
                let page = try await browser.open("http://127.0.0.1:\(server.port)/healthz")
                let code = try String(
                    contentsOf: Self.folder.appendingPathComponent("\(name).js"),
                    encoding: .utf8
                )
                try await page.evaluate(
                    """
                    globalThis.duplex = { arguments: ["\(server.url("/echo"))"] };
                    globalThis.lines = [];
                    console.log = (...words) => lines.push(words.join(" "));
                    true
                    """
                )
                let expected = try await linesOfScript(name, server)
                try await page.evaluate(code + "\ntrue")
                _ = try? await within(.seconds(20)) {
                    try await page.wait(until: "lines.length >= \(expected.count)")
                }
                #expect(try await page.evaluate("lines", as: [String].self) == expected, "\(name)")
            }
        } catch {
            try await browser.stop()
            throw error
        }
        try await browser.stop()
    }
}
