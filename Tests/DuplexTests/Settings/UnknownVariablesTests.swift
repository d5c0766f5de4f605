import Foundation
import TestSupport
import Testing

@testable import duplex

@Suite("Misspelt variables", .timeLimit(.minutes(1)))
struct UnknownVariablesTests {
    @Test(
        arguments: [
            ("DUPLEX_PROT", "DUPLEX_PORT"), ("DUPLEX_HOTS", "DUPLEX_HOST"),
            ("DUPLEX_PINGINTERVAL", "DUPLEX_PING_INTERVAL"),
            ("DUPLEX_MAX_CONECTIONS", "DUPLEX_MAX_CONNECTIONS"), ("DUPLEX_CONIFG", "DUPLEX_CONFIG"),
        ]
    )
    func `The nearest name is told`(name: String, meant: String) {
        #expect(
            UnknownVariables.warnings(about: [name]) == [
                "there is no variable \"\(name)\"; did you mean \(meant)?"
            ]
        )
    }

    @Test func `What is like none of ours is told without a guess, and never its end or a control character`()
    {
        #expect(
            UnknownVariables.warnings(about: ["DUPLEX_HOME"]) == ["there is no variable \"DUPLEX_HOME\""]
        )
        #expect(
            UnknownVariables.warnings(about: ["DUPLEX_COLOUR"]) == ["there is no variable \"DUPLEX_COLOUR\""]
        )
        let long = "DUPLEX_" + String(repeating: "X", count: 100_000)
        #expect(UnknownVariables.warnings(about: [long]).allSatisfy { $0.utf8.count < 200 })
        #expect(UnknownVariables.warnings(about: ["DUPLEX_\u{1B}[31m"]).allSatisfy { !$0.contains("\u{1B}") })
    }

    @Test func `Ours and those of others are not told`() {
        #expect(UnknownVariables.warnings(about: ["DUPLEX_CONFIG"] + Settings.all.map(\.variable)) == [])
        #expect(
            UnknownVariables.warnings(about: [
                "PATH", "DUPLEX", "DUPLEX_TEST_ENGINE", "DUPLEX_WERROR", "DUPLEX_REQUIRE_TOOLS",
                "DUPLEX_PORT_9001_TCP_ADDR", "DUPLEX_SERVICE_HOST",
            ]) == []
        )
    }

    @Test(arguments: [
        ("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "abcd", 1),
        ("abc", "xyz", 3),
        ("", "abc", 3), ("ca", "abc", 3),
    ])
    func `Mistakes are counted`(one: String, other: String, count: Int) {
        #expect(UnknownVariables.mistakes(one, other) == count)
        #expect(UnknownVariables.mistakes(other, one) == count)
    }

    @Test func `A misspelt variable is a line on standard error, and no more`() async throws {
        let environment = ["DUPLEX_PROT": "secret"]
        let line = "there is no variable \"DUPLEX_PROT\"; did you mean DUPLEX_PORT?"
        let printing = try ChildProcess(Tools.duplex, ["serve", "--print-config"], environment: environment)
        let (exit, output, errors) = try await printing.finished()
        #expect(exit == .init(status: 0))
        #expect(errors == "duplex: \(line)\n")
        #expect(!String(decoding: output, as: UTF8.self).contains("secret"))

        let failing = try ChildProcess(Tools.duplex, ["serve", "--key", "k.pem"], environment: environment)
        let failed = try await failing.finished()
        #expect(failed.exit == .init(status: 64))
        #expect(
            failed.errors == "duplex: \(line)\nduplex: --key: the key's certificate is missing (--cert)\n"
        )

        let serve = try await ServeProcess.start(["--log-format", "json"], environment: environment)
        let logged = try await serve.process.errors(containing: "DUPLEX_PROT")
        #expect(logged.contains("\"level\":\"warning\""))
        serve.process.signal(SIGTERM)
        #expect(try await serve.process.finished().exit == .init(status: 0))
    }
}
