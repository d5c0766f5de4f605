import ArgumentParser
import WebSockets

/// The command: one example, by name.
@main
struct Examples: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "examples",
        abstract: "Runs the Swift twin of an example.",
        discussion: "Examples: \(all.map(\.name).joined(separator: ", "))"
    )

    static let all: [(name: String, run: @MainActor (String) async throws -> Void)] = [
        ("first-connection", firstConnection),
        ("add-event-listener", addEventListener),
        ("once-and-abort", onceAndAbort),
        ("close-code-and-reason", closeCodeAndReason),
        ("ready-state", readyState),
        ("failure", failure),
        ("exceptions", exceptions),
        ("binary-blob", binaryBlob),
        ("binary-arraybuffer", binaryArrayBuffer),
        ("buffered-amount", bufferedAmount),
        ("subprotocol", subprotocol),
        ("topic", topic),
        ("event-target", eventTarget),
        ("stream-echo", streamEcho),
        ("stream-close", streamClose),
        ("stream-abort", streamAbort),
        ("stream-retry", streamRetry),
        ("stream-backpressure", streamBackpressure),
    ]

    @Argument(help: "The example.")
    var name: String

    @Argument(help: "An echo of duplex serve.")
    var url = "ws://127.0.0.1:9001/echo"

    func run() async throws {
        guard let example = Self.all.first(where: { $0.name == name }) else {
            throw ValidationError("there is no example \"\(name)\"")
        }
        try await example.run(url)
    }
}
