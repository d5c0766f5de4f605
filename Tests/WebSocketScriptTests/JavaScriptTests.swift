import Foundation
import TestSupport
import Testing
import WebSocketScript

/// The checks that are written in JavaScript, each file as one test.
@MainActor
@Suite("Scripts", .timeLimit(.minutes(3)))
struct JavaScriptTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("JavaScript")

    nonisolated static let files: [String] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "JavaScript"
        )
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (names ?? []).filter { $0.hasSuffix(".test.js") }.sorted()
    }()

    private struct Outcome: Decodable {
        struct Failure: Decodable {
            let name: String
            let error: String
        }
        let passed: Int
        let failed: [Failure]
    }

    @Test(arguments: files)
    func `All checks hold`(in file: String) async throws {
        try await Server.run { port in
            let page = try Page(server: port, exposesGarbageCollection: true)
            let mark = "outcome: "
            let scripts = try [
                script("harness.js"), script(file),
                Script(
                    "report = (o) => console.debug('\(mark)' + JSON.stringify(o)); runChecks();",
                    name: "end"
                ),
            ]
            try page.host.run(scripts)
            try await page.idle()
            let line = try #require(
                page.texts.last { $0.hasPrefix(mark) },
                "there was \(page.texts), \(page.errors)"
            )
            let outcome = try JSONDecoder().decode(Outcome.self, from: Data(line.dropFirst(mark.count).utf8))
            for failure in outcome.failed { Issue.record("\(file): \(failure.name): \(failure.error)") }
            #expect(outcome.passed > 0)
            let allowed = ["expected by the test", "on purpose", "a method handleEvent"]
            #expect(page.errors.filter { error in !allowed.contains { error.message.contains($0) } } == [])
        }
    }

    @Test func `There are checks`() {
        #expect(Self.files.contains("websocket.test.js"))
    }

    private func script(_ name: String) throws -> Script {
        Script(try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8), name: name)
    }
}
