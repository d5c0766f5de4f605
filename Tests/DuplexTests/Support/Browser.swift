import Foundation
import TestSupport

/// A headless Chromium with a profile of its own, thrown away with it.
final class Browser: Sendable {
    private let process: ChildProcess
    private let profile: URL
    private let tools: DevTools

    static func start() async throws -> Browser {
        let profile = FileManager.default.temporaryDirectory.appendingPathComponent(
            "duplex-\(UUID().uuidString)"
        )
        let process = try ChildProcess(
            Tools.chromium.orMissing("chromium"),
            [
                // As root, in a container, its sandbox cannot start; nothing foreign is loaded here.
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                // A tab in the background works on as one in front does.
                "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
                "--disable-backgrounding-occluded-windows",
                // The certificates of the tests sign themselves.
                "--ignore-certificate-errors",
                "--remote-debugging-port=0", "--user-data-dir=\(profile.path)", "about:blank",
            ]
        )
        let url = try await process.errorLine(beginning: "DevTools listening on ", within: .seconds(60))
        return Browser(process: process, profile: profile, tools: try await .connect(to: url))
    }

    private init(process: ChildProcess, profile: URL, tools: DevTools) {
        self.process = process
        self.profile = profile
        self.tools = tools
    }

    /// Ends it and waits for that, so that nothing writes into the profile any more.
    func stop() async throws {
        struct Nothing: Codable {}
        _ = try? await tools.call("Browser.close", Nothing(), as: Nothing.self)
        _ = try await process.finished()
        try FileManager.default.removeItem(at: profile)
    }

    /// Opens a page in a tab of its own and waits until it is there.
    func open(_ url: String) async throws -> Page {
        struct Target: Codable { let url: String }
        struct TargetID: Codable { let targetId: String }
        struct Attachment: Codable {
            let targetId: String
            let flatten: Bool
        }
        struct Session: Codable { let sessionId: String }
        struct Nothing: Codable {}
        // Attached first, so that no error of the page goes unseen.
        let target = try await tools.call(
            "Target.createTarget",
            Target(url: "about:blank"),
            as: TargetID.self
        )
        let session = try await tools.call(
            "Target.attachToTarget",
            Attachment(targetId: target.targetId, flatten: true),
            as: Session.self
        )
        for domain in ["Runtime", "Log", "Page"] {
            _ = try await tools.call(
                "\(domain).enable",
                Nothing(),
                session: session.sessionId,
                as: Nothing.self
            )
        }
        let page = Page(tools: tools, session: session.sessionId)
        try await page.navigate(to: url)
        return page
    }
}

/// One tab.
struct Page: Sendable {
    let tools: DevTools
    let session: String

    func navigate(to url: String) async throws {
        struct Parameters: Codable { let url: String }
        struct Result: Codable { let errorText: String? }
        let result = try await tools.call(
            "Page.navigate",
            Parameters(url: url),
            session: session,
            as: Result.self
        )
        if let problem = result.errorText { throw DevTools.Failure(description: "\(url): \(problem)") }
        try await wait(until: "document.readyState === 'complete' && location.href !== 'about:blank'")
    }

    private struct Script: Codable {
        let expression: String
        var awaitPromise = true
        var returnByValue = true
    }

    private struct Evaluated<Value: Decodable & Sendable>: Decodable, Sendable {
        struct Object: Decodable, Sendable { let value: Value? }
        struct Exception: Decodable, Sendable {
            struct Thrown: Decodable, Sendable { let description: String? }
            let text: String
            let exception: Thrown?
        }

        let result: Object
        let exceptionDetails: Exception?
    }

    /// Evaluates JavaScript in the page; a promise is waited for.
    @discardableResult
    func evaluate<Value: Decodable & Sendable>(_ expression: String, as: Value.Type = Bool.self) async throws
        -> Value
    {
        let evaluated = try await tools.call(
            "Runtime.evaluate",
            Script(expression: expression),
            session: session,
            as: Evaluated<Value>.self
        )
        if let thrown = evaluated.exceptionDetails {
            throw DevTools.Failure(description: thrown.exception?.description ?? thrown.text)
        }
        guard let value = evaluated.result.value else {
            throw DevTools.Failure(description: "no \(Value.self) came of \(expression)")
        }
        return value
    }

    /// Gives the page another size, in its own pixels.
    func resize(width: Int, height: Int) async throws {
        struct Metrics: Codable {
            let width: Int
            let height: Int
            var deviceScaleFactor = 1
            let mobile: Bool
        }
        struct Nothing: Codable {}
        _ = try await tools.call(
            "Emulation.setDeviceMetricsOverride",
            Metrics(width: width, height: height, mobile: width < 500),
            session: session,
            as: Nothing.self
        )
    }

    /// What went wrong in the page: uncaught exceptions, and errors and warnings of its console.
    func problems() async -> [String] {
        await tools.events.filter { event in
            guard event.json.contains("\"\(session)\"") else { return false }
            return switch event.method {
            case "Runtime.exceptionThrown": true
            case "Runtime.consoleAPICalled":
                event.json.contains("\"type\":\"error\"") || event.json.contains("\"type\":\"warning\"")
            case "Log.entryAdded":
                event.json.contains("\"level\":\"error\"") || event.json.contains("\"level\":\"warning\"")
            default: false
            }
        }.map(\.json)
    }
}
