import TestSupport
import Testing

/// Sockets on which nothing happens, behind a proxy that cuts those on which nothing happens: what `make silence` does
/// for minutes, for seconds, against a proxy that is less patient.
@Suite(
    "Silence through nginx",
    .enabled(if: Tools.mayUse(Tools.nginx), "make test installs nginx"),
    .enabled(if: Tools.mayUse(Tools.python), "make test installs Python"),
    .timeLimit(.minutes(2))
)
struct ProxySilenceTests {
    private func silence(
        _ arguments: [String]
    ) async throws -> (exit: ChildProcess.Exit, output: String, errors: String) {
        let folder = try TemporaryFolder()
        let program = try ChildProcess(
            try Tools.python.orMissing("Python"),
            [Tools.path("Benchmarks/silence.py"), Tools.duplex, "--seconds", "4", "--out", folder.path]
                + ["--nginx", try Tools.nginx.orMissing("nginx")] + arguments
        )
        let (exit, output, errors) = try await program.finished(within: .seconds(110))
        return (exit, String(decoding: output, as: UTF8.self), errors)
    }

    @Test func `Pings keep silent sockets open, and each has its client's true address`() async throws {
        let (exit, output, errors) = try await silence([
            "--read-timeout", "2", "--ping-interval", "500ms", "--sockets", "2",
        ])
        #expect(exit == .init(status: 0), "\(output)\n\(errors)")
        #expect(output.contains("\n| addresses in the log | 127.0.0.1, 127.0.0.2 |\n"))
    }

    @Test func `With pings too far apart nginx cuts them, and the check fails`() async throws {
        let (exit, output, errors) = try await silence([
            "--read-timeout", "1", "--ping-interval", "60s", "--sockets", "1",
        ])
        #expect(exit == .init(status: 1))
        for line in [
            "FAILED: silent sockets stayed, echoed, and were closed with 1000", "  it ended after 1.",
            "  duplex connect ended: closed 1006 (abnormal closure), not clean: ",
            "passed: nginx cut the control when its time was over",
        ] { #expect(output.contains("\n\(line)"), "\(output)\n\(errors)") }
    }
}
