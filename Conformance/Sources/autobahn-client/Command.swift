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

          autobahn-client URL              all cases that the server has
          autobahn-client URL 1.1.1 9.7.3  these

        Says of each case how its connection ended. What that is worth, the server's report says.

        """

    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        guard let url = arguments.first, !url.hasPrefix("-") else {
            print(help, terminator: "")
            exit(64)
        }
        let runner = CaseRunner(server: url)
        do {
            try await runner.run(arguments.dropFirst().map { .id($0) })
        } catch {
            print("autobahn-client: \(error)")
            exit(1)
        }
    }
}
