import Foundation
import TestSupport
import Testing

/// What is in `Examples/deploy`: none of it can be used here as it is used, but what it names must be there.
@Suite("Deployment", .timeLimit(.minutes(2)))
struct DeploymentTests {
    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: Tools.path("Examples/deploy/\(name)"), encoding: .utf8)
    }

    @Test(
        .enabled(
            if: Tools.systemdAnalyze != nil,
            "systemd-analyze is a part of systemd, which a container has not"
        )
    )
    func `systemd understands the unit`() async throws {
        let folder = try TemporaryFolder()
        // The program that it starts has to be there.
        let unit = try text("duplex.service").replacing("/usr/local/bin/duplex ", with: "\(Tools.duplex) ")
        let path = try folder.write(unit, to: "duplex.service")
        let analyze = try ChildProcess(
            Tools.systemdAnalyze.orMissing("systemd-analyze"),
            ["verify", "--man=no", "--recursive-errors=no", path]
        )
        let (exit, output, errors) = try await analyze.finished()
        #expect(exit == .init(status: 0))
        #expect(errors == "", "\(String(decoding: output, as: UTF8.self))")
    }

    @Test func `The unit leaves more time than the server takes to stop`() throws {
        let unit = try text("duplex.service")
        let seconds = try #require(
            unit.firstMatch(of: /TimeoutStopSec=([0-9]+)/).flatMap { Int($0.output.1) }
        )
        // By default 10 s, and half a second for handlers that are cancelled.
        #expect(seconds > 15)
    }

    @Test func `The file of settings that comes with the unit is taken`() async throws {
        let check = try ChildProcess(
            Tools.duplex,
            ["serve", "--config", Tools.path("Examples/deploy/duplex.json"), "--print-config"]
        )
        let (exit, output, errors) = try await check.finished()
        #expect(exit == .init(status: 0), "\(errors)")
        #expect(String(decoding: output, as: UTF8.self).contains("0.0.0.0"))
    }

    @Test
    func `The container's check of health is one that finds the server well, and one that is not there ill`()
        async throws
    {
        let file = try text("Containerfile")
        // The lines of an instruction that are continued.
        let command = try #require(file.firstMatch(of: /HEALTHCHECK [^\n]*\\\n *CMD ([^\n]*)/)).output.1
        let folder = URL(fileURLWithPath: Tools.duplex).deletingLastPathComponent().path
        let serve = try await ServeProcess.start()
        func check(port: Int) async throws -> ChildProcess.Exit {
            let environment = ["DUPLEX_PORT": "\(port)", "PATH": "\(folder):/usr/bin:/bin"]
            return try await ChildProcess("/bin/sh", ["-c", String(command)], environment: environment)
                .finished().exit
        }
        #expect(try await check(port: serve.port) == .init(status: 0))
        serve.process.signal(SIGTERM)
        _ = try await serve.process.finished()
        #expect(try await check(port: serve.port) != .init(status: 0))
    }

    @Test
    func `The container runs the server as nobody in particular, and stops it as it wants to be stopped`()
        throws
    {
        let file = try text("Containerfile")
        let instructions = file.split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.hasPrefix(" ") }
        #expect(instructions.filter { $0.hasPrefix("FROM ") }.count == 2)
        #expect(instructions.contains("USER 65532:65532"))
        #expect(instructions.contains("STOPSIGNAL SIGTERM"))
        #expect(instructions.last == "ENTRYPOINT [\"duplex\", \"serve\"]")
    }
}
