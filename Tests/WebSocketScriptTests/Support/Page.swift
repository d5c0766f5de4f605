import TestSupport
import WebSocketScript
import WebSockets

/// A host of a test's, and what comes out of it.
@MainActor
final class Page {
    private(set) var lines: [(level: ConsoleLevel, text: String)] = []
    private(set) var errors: [ScriptError] = []
    private var waiting: [(text: String, promise: Promised<Void>)] = []
    private var opened: ScriptHost?

    var host: ScriptHost {
        get throws {
            guard let opened else { throw TookTooLong(limit: .zero, what: "a host") }
            return opened
        }
    }

    /// - Parameter server: where `duplex.arguments[0]` and the base URL lead.
    init(
        server: Int? = nil,
        exposesGarbageCollection: Bool = false,
        _ configure: (inout WebSocketEnvironment.Configuration) -> Void = { _ in }
    ) throws {
        var settings = WebSocketEnvironment.Configuration()
        if let server { settings.baseURL = try WebURL("http://127.0.0.1:\(server)/pages/index.html") }
        configure(&settings)
        let options = ScriptHost.Options(
            environment: WebSocketEnvironment(settings),
            console: { [weak self] level, text in self?.took(level, text) },
            onError: { [weak self] in self?.errors.append($0) },
            exposesGarbageCollection: exposesGarbageCollection,
            arguments: server.map { ["ws://127.0.0.1:\($0)"] } ?? []
        )
        opened = try ScriptHost.make(options: options)
    }

    private func took(_ level: ConsoleLevel, _ text: String) {
        lines.append((level, text))
        for one in waiting where one.text == text { one.promise.fulfil(()) }
    }

    /// What was written so far.
    var texts: [String] { lines.map(\.text) }

    func run(_ source: String, name: String = "test.js") throws {
        try host.run(Script(source, name: name))
    }

    /// Waits until a line was written.
    func line(_ text: String) async throws {
        if texts.contains(text) { return }
        let promise = Promised<Void>()
        waiting.append((text, promise))
        do {
            try await within(waitingFor: "the line \(text)") { try await promise.value }
        } catch {
            throw TookTooLong(limit: .zero, what: "\(text): there was \(texts), \(errors)")
        }
    }

    /// Waits until nothing is pending.
    func idle() async throws {
        try await within(waitingFor: "the end of all that is pending") { [self] in await waitUntilIdle() }
    }

    private func waitUntilIdle() async { await opened?.idle() }

    /// Lets the host go, and the context with it.
    func close() { opened = nil }
}
