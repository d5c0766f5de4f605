import TestSupport
import Testing

/// `DocumentationSnippets.swift`, which is compiled along with this, is what the catalogue says.
@Suite("Documentation")
struct DocumentationTests {
    @Test("The Swift in the DocC catalogues is what was compiled")
    func snippets() async throws {
        let script = try ChildProcess("/bin/bash", [Tools.path("scripts/snippets.sh"), "--check"])
        let (exit, _, errors) = try await script.finished()
        #expect(exit == .init(status: 0), "\(errors)")
    }
}
