import ArgumentParser

/// The command.
@main
struct Duplex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "duplex",
        abstract: "Serves WebSockets and talks to them.",
        version: "0.1.0",
        subcommands: [Serve.self, Connect.self]
    )
}
