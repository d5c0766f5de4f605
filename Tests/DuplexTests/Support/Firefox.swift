import Foundation
import TestSupport

/// A headless Firefox with a profile of its own, spoken to by WebDriver BiDi (https://w3c.github.io/webdriver-bidi).
final class Firefox: Sendable {
    private let process: ChildProcess
    private let profile: URL
    private let tools: DevTools

    private struct Nothing: Codable {}

    static func start() async throws -> Firefox {
        let profile = FileManager.default.temporaryDirectory.appendingPathComponent(
            "duplex-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: profile, withIntermediateDirectories: true)
        let process = try ChildProcess(
            Tools.firefox.orMissing("firefox"),
            [
                "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile.path,
                "about:blank",
            ],
            // It would ask for both on the way up.
            environment: ["MOZ_HEADLESS": "1", "DBUS_SESSION_BUS_ADDRESS": "disabled:"]
        )
        let url = try await process.errorLine(beginning: "WebDriver BiDi listening on ", within: .seconds(90))
        let tools = try await DevTools.connect(to: url + "/session")
        struct Capabilities: Codable, Sendable {
            struct Wanted: Codable, Sendable { var acceptInsecureCerts = true }
            struct Match: Codable, Sendable { var alwaysMatch = Wanted() }
            var capabilities = Match()
        }
        // The certificates of the tests sign themselves.
        _ = try await tools.call("session.new", Capabilities(), as: Nothing.self)
        return Firefox(process: process, profile: profile, tools: tools)
    }

    private init(process: ChildProcess, profile: URL, tools: DevTools) {
        self.process = process
        self.profile = profile
        self.tools = tools
    }

    /// Ends it and waits for that, so that nothing writes into the profile any more.
    func stop() async throws {
        _ = try? await tools.call("browser.close", Nothing(), as: Nothing.self)
        _ = try await process.finished()
        try FileManager.default.removeItem(at: profile)
    }

    /// Opens a page in a tab of its own and waits until it is there.
    func open(_ url: String) async throws -> FirefoxPage {
        struct Kind: Codable, Sendable { var type = "tab" }
        struct Context: Codable, Sendable { let context: String }
        struct Address: Codable, Sendable {
            let context: String
            let url: String
            var wait = "complete"
        }
        let tab = try await tools.call("browsingContext.create", Kind(), as: Context.self)
        _ = try await tools.call(
            "browsingContext.navigate",
            Address(context: tab.context, url: url),
            as: Nothing.self
        )
        return FirefoxPage(tools: tools, context: tab.context)
    }
}

/// One tab of Firefox's.
struct FirefoxPage: BrowserPage {
    let tools: DevTools
    let context: String

    private struct Script: Codable, Sendable {
        struct Target: Codable, Sendable { let context: String }
        let expression: String
        let target: Target
        var awaitPromise = true
    }

    private struct Evaluated: Decodable, Sendable {
        struct Text: Decodable, Sendable { let value: String? }
        struct Exception: Decodable, Sendable { let text: String }
        let result: Text?
        let exceptionDetails: Exception?
    }

    @discardableResult
    func evaluate<Value: Decodable & Sendable>(_ expression: String, as: Value.Type = Bool.self) async throws
        -> Value
    {
        // BiDi has a notation of its own for values; as text they come in one that is known here.
        let script = "(async () => JSON.stringify([await (\(expression))]))()"
        let evaluated = try await tools.call(
            "script.evaluate",
            Script(expression: script, target: .init(context: context)),
            as: Evaluated.self
        )
        if let thrown = evaluated.exceptionDetails { throw DevTools.Failure(description: thrown.text) }
        let values = try JSONDecoder().decode([Value].self, from: Data((evaluated.result?.value ?? "").utf8))
        guard let value = values.first else {
            throw DevTools.Failure(description: "no \(Value.self) came of \(expression)")
        }
        return value
    }
}
