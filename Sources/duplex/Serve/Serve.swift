import ArgumentParser
import Logging
import WebSocketServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// `duplex serve`
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves an echo, topics and a console for the browser.",
        discussion: """
            Paths: / is the console, /echo answers every message with itself, every message to /topic/NAME goes \
            to all who are on NAME, /healthz answers "ok", /readyz "ready" until the server begins to stop. With --static, / is the files of a directory, and \
            /.duplex/ is the console.

            Each option can be set in the environment, too, and in a file in JSON: --max-message-size is \
            DUPLEX_MAX_MESSAGE_SIZE there and "max-message-size" here. What is said on the command line wins over \
            the environment, and that over the file.

            SIGINT (Ctrl-C) or SIGTERM closes every connection with 1012, one after the other, waits for the \
            peers' answers, and stops. A second signal cuts what is left.
            """
    )

    @OptionGroup var flags: ServeFlags

    func run() async throws {
        ProcessMetrics.begin()
        DescriptorLimit.raise()
        let warnings = UnknownVariables.warnings(about: ProcessInfo.processInfo.environment.keys)
        let options: ServeOptions
        let tls: TLSSource.Loaded?
        do throws(ConfigurationError) {
            let configuration = try ServeConfiguration(flags)
            options = try ServeOptions(
                configuration,
                // Whoever only asks finds no certificate afterwards that was not there.
                cacheFolder: flags.printConfig ? nil : DevelopmentCertificate.folder(Self.variable)
            )
            tls = try options.check(configuration)
            if flags.printConfig {
                warnings.forEach { StandardError.write(line: "duplex: \($0)") }
                StandardOutput.write(configuration.listing)
                return
            }
        } catch {
            // It may be what the misspelt one was to set that is missing.
            warnings.forEach { StandardError.write(line: "duplex: \($0)") }
            throw ExitStatus.wrongUsage.explained("\(error)")
        }
        for warning in warnings { options.server.logger.warning("\(warning)") }
        try await Serving(
            options,
            tls: tls,
            manager: ServiceManager(address: Self.variable("NOTIFY_SOCKET"))
        ).run()
    }

    /// Of the environment.
    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
