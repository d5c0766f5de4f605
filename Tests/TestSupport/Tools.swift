package import Foundation
package import WebSocketServer

/// Where the programs are that the tests meet. `make test` installs them.
package enum Tools {
    /// The top folder of the package.
    package static let root: URL = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url
    }()

    package static func path(_ relative: String) -> String { root.appendingPathComponent(relative).path }

    /// The commands, as they were built along with the tests.
    package static let duplex = product("duplex")
    package static let duplexJS = product("duplex-js")
    package static let examples = product("examples")
    package static let soakServer = product("soak-server")

    private static func product(_ name: String) -> String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(
            name
        ).path
    }

    package static let python = existing(path(".build-tools/python/bin/python"))
    package static let node = onPath("node")
    package static let openssl = onPath("openssl")
    package static let tinyproxy = onPath("tinyproxy")
    package static let microsocks = onPath("microsocks")
    /// Debian keeps it where only root's `PATH` leads.
    package static let nginx =
        onPath("nginx") ?? existing("/usr/sbin/nginx") ?? existing("/usr/local/sbin/nginx")
    package static let systemdAnalyze = onPath("systemd-analyze")
    package static let chromium =
        existing(ProcessInfo.processInfo.environment["CHROMIUM"])
        ?? onPath("chromium") ?? onPath("chromium-browser") ?? onPath("google-chrome")

    package static let firefox =
        existing(ProcessInfo.processInfo.environment["FIREFOX"]) ?? onPath("firefox-esr") ?? onPath("firefox")

    /// The engine that servers under test run on, if the environment names one; else the default. `make test`
    /// has the tests of servers run on each.
    package static let engine = ProcessInfo.processInfo.environment["DUPLEX_TEST_ENGINE"].flatMap {
        WebSocketServer.Engine(rawValue: $0)
    }

    /// Those that tests of all engines meet: where one must be there, its absence is a failure.
    package static let engines = WebSocketServer.Engine.allCases.filter { $0.isAvailable || areRequired }

    /// Whether what needs io_uring is to be tested.
    package static let mayUseRing = engines.contains(.ioUring)

    /// In CI a missing tool is a failure; a person who runs `swift test` without `make` is only told.
    package static let areRequired = ProcessInfo.processInfo.environment["DUPLEX_REQUIRE_TOOLS"] == "1"

    /// Whether a test that needs a tool should run: when it is there, or when it must be.
    package static func mayUse(_ tool: String?) -> Bool { tool != nil || areRequired }

    private static func existing(_ path: String?) -> String? {
        path.flatMap { FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil }
    }

    private static func onPath(_ name: String) -> String? {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        return folders.lazy.compactMap { existing("\($0)/\(name)") }.first
    }
}

/// A tool that is not there, in CI.
package struct ToolMissing: Error, CustomStringConvertible {
    package let name: String
    package var description: String { "\(name) is missing; scripts/dependencies.sh test installs it" }
}

extension Optional {
    package func orMissing(_ name: String) throws -> Wrapped {
        guard let tool = self else { throw ToolMissing(name: name) }
        return tool
    }
}
