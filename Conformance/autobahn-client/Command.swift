#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

@main
enum Command {
    private static let help = """
        The client under test of the Autobahn TestSuite's fuzzing server.

          autobahn-client callbacks URL              all cases that the server has
          autobahn-client callbacks URL 1.1.1 9.7.3  these
          autobahn-client task URL ...               the same, read by a task instead of callbacks

        Says of each case how its connection ended. What that is worth, the server's report says.

        """

    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        guard let face = arguments.first.flatMap(CaseRunner.Face.init), let url = arguments.dropFirst().first
        else {
            print(help, terminator: "")
            exit(64)
        }
        do {
            try await CaseRunner(server: url, face: face).run(arguments.dropFirst(2).map { .id($0) })
        } catch {
            print("autobahn-client: \(error)")
            exit(1)
        }
    }
}
