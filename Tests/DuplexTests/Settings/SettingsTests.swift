import ArgumentParser
import Configuration
import Foundation
import Logging
import TestSupport
import Testing
import WebSocketServer
import WebSocketTransport

@testable import duplex

@Suite("Settings of duplex serve")
struct SettingsTests {
    @Test func `Each has a name of its own, and a sentence`() {
        let names = Settings.all.map(\.name)
        #expect(Set(names).count == names.count)
        for setting in Settings.all {
            #expect(setting.help.hasSuffix("."), "\(setting.name)")
            #expect(setting.name.wholeMatch(of: /[a-z][a-z0-9]*(-[a-z]+)*/) != nil, "\(setting.name)")
        }
        #expect(Settings.maxMessageSize.entry.variable == "DUPLEX_MAX_MESSAGE_SIZE")
    }

    @Test(arguments: Settings.all)
    func `Each has the flag of its name`(setting: SettingEntry) throws {
        switch setting.flag {
        case .one: #expect(setting.texts(in: try .parse(["--\(setting.name)", "x"])) == ["x"])
        case .many:
            let flags = try ServeFlags.parse(["--\(setting.name)", "x", "--\(setting.name)", "y"])
            #expect(setting.texts(in: flags) == ["x", "y"])
        case .toggle:
            #expect(setting.texts(in: try .parse(["--\(setting.name)"])) == ["true"])
            #expect(setting.texts(in: try .parse(["--no-\(setting.name)"])) == ["false"])
        }
        #expect(setting.texts(in: try .parse([])) == nil)
        if let short = setting.shortFlag { #expect(setting.texts(in: try .parse(["-\(short)"])) == ["true"]) }
    }

    @Test func `What is set by no flag is no setting`() throws {
        // Two flags are about the settings themselves.
        let help = ServeFlags.helpMessage(columns: 200)
        let flags = Set(
            help.matches(of: /--(?:no-)?([a-z][a-z0-9]*(?:-[a-z]+)*)/).map { String($0.output.1) }
        )
        #expect(flags.subtracting(Settings.all.map(\.name)) == ["config", "print-config", "help"])
    }

    @Test(arguments: Settings.all)
    func `A flag wins over the environment, that over the file, that over the default`(setting: SettingEntry)
        throws
    {
        let isToggle = if case .toggle = setting.flag { true } else { false }
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "{\"\(setting.name)\": \(isToggle ? "true" : "\"of-file\"")}",
            to: "duplex.json"
        )
        let arguments = isToggle ? ["--no-\(setting.name)"] : ["--\(setting.name)", "of-flag"]
        func row(_ arguments: [String], _ environment: [String: String]) throws -> [Substring] {
            let configuration = try ServeConfiguration(
                .parse(arguments),
                environment: .init(environmentVariables: environment)
            )
            let lines = configuration.listing.split(separator: "\n").map {
                $0.split(separator: " ", maxSplits: 1)
            }
            let line = try #require(lines.first { $0[0] == setting.name })
            return line[1].split(separator: "  ").map { $0.drop { $0 == " " } }
        }
        let variables = [setting.variable: isToggle ? "yes" : "of-environment"]
        let withFile = ["DUPLEX_CONFIG": file]
        #expect(
            try row(arguments, variables.merging(withFile) { $1 }) == [
                isToggle ? "false" : "of-flag", "--\(setting.name)",
            ]
        )
        #expect(
            try row(["--config", file], variables) == [
                isToggle ? "yes" : "of-environment", setting.variable[...],
            ]
        )
        #expect(try row([], withFile) == [isToggle ? "true" : "of-file", "\(setting.name) in \(file)"])
        #expect(try row([], [:]).last == "default")
    }

    @Test(arguments: Settings.all.filter { $0.whenOff != nil })
    func `What need not be set can be unset nearer`(setting: SettingEntry) throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("{\"\(setting.name)\": \"of-file\"}", to: "duplex.json")
        for (arguments, environment) in [
            (["--\(setting.name)", "off"], [:]), ([], [setting.variable: "off"]),
        ] as [([String], [String: String])] {
            let configuration = try ServeConfiguration(
                .parse(["--config", file] + arguments),
                environment: .init(environmentVariables: environment)
            )
            let options = try ServeOptions(configuration, cacheFolder: nil)
            let line = configuration.listing.split(separator: "\n").first { $0.hasPrefix("\(setting.name) ") }
            #expect(try #require(line).contains(" \(setting.whenOff ?? "") "))
            #expect(options.tls == nil)
            // As by default, but for those whose default is a value.
            var server = try ServeOptions(
                ServeConfiguration(.parse([]), environment: .init(environmentVariables: [:])),
                cacheFolder: nil
            ).server
            if setting.name == Settings.maxConnections.entry.name { server.admission.maxConnections = nil }
            if setting.name == Settings.pingInterval.entry.name { server.connection.pingInterval = nil }
            #expect(options.server.connection == server.connection)
            #expect(options.server.drain == server.drain)
            #expect(options.server.workers == server.workers)
            #expect(options.server.engine == server.engine)
            #expect("\(options.server.admission)" == "\(server.admission)")
            #expect(options.subprotocols == [])
            #expect(options.files == nil)
            #expect(options.metrics == nil)
        }
    }

    @Test func `What has no default but words can be off, switches and values cannot`() {
        for setting in Settings.all {
            switch setting.flag {
            case .toggle: #expect(setting.whenOff == nil, "\(setting.name)")
            case .many: #expect(setting.whenOff == setting.fallback, "\(setting.name)")
            case .one: break
            }
        }
        #expect(Settings.port.entry.whenOff == nil)
        #expect(Settings.workers.entry.whenOff == "one per core")
        #expect(Settings.pingInterval.entry.whenOff == "off")
    }

    @Test func `Every default is a value`() throws {
        let configuration = try ServeConfiguration(.parse([]), environment: .init(environmentVariables: [:]))
        let options = try ServeOptions(configuration, cacheFolder: nil)
        #expect(options.server.port == 9001)
        #expect(options.server.connection.pingInterval == .seconds(20))
        #expect(options.server.logger.logLevel == .warning)
        #expect(options.tls == nil)
        #expect(options.metrics == nil)
    }

    @Test func `The table in docs/configuration.md is this one`() throws {
        let page = try String(contentsOfFile: Tools.path("docs/configuration.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `--") }.map(String.init)
        let table = Settings.all.map(\.documentation)
        #expect(rows == table, "\(table.joined(separator: "\n"))")
    }
}

extension SettingEntry: CustomTestStringConvertible {
    public var testDescription: String { name }
}
