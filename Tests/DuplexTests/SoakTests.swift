import Foundation
import TestSupport
import Testing
import WebSocketServer

/// Many connections that come, talk and go in every way there is: afterwards the server has what it had before.
@Suite("Soak", .timeLimit(.minutes(5)))
struct SoakTests {
    /// What `make soak` does for minutes, for seconds. Half as long where the other engines have their turn.
    @Test(.enabled(if: Tools.mayUse(Tools.python), "Python is missing"))
    func `Clients that come, talk and vanish in every way leave nothing behind`() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "duplex-soak-\(UUID().uuidString)"
        )
        defer { try? FileManager.default.removeItem(at: folder) }
        let seconds = Tools.engine == nil ? "20" : "10"
        var arguments = [
            Tools.path("Benchmarks/soak.py"), Tools.soakServer, "--seconds", seconds, "--clients", "32",
        ]
        arguments += ["--out", folder.path]
        if let engine = Tools.engine { arguments += ["--engine", engine.rawValue] }
        if Tools.openssl != nil { arguments.append("--tls") }
        let soak = try ChildProcess(try Tools.python.orMissing("Python"), arguments)
        let (exit, output, errors) = try await soak.finished(within: .seconds(240))
        #expect(exit == .init(status: 0), "\(String(decoding: output, as: UTF8.self))\n\(errors)")
    }
}
