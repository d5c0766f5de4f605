import NIOSSL
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@Suite("Checking a configuration", .timeLimit(.minutes(1)))
struct ConfigurationCheckTests {
    typealias Configuration = WebSocketServer.Configuration

    private static func with(_ change: (inout Configuration) -> Void) -> Configuration {
        var configuration = Configuration(port: 0)
        change(&configuration)
        return configuration
    }

    /// What cannot be meant, and the properties that are named.
    static let wrong: [(properties: [String], configuration: Configuration)] = [
        (["workers"], with { $0.workers = 0 }),
        (["admission.origins"], with { $0.admission.origins = .allow(["*"]) }),
        (["admission.allowedHosts"], with { $0.admission.allowedHosts = ["https://a.example"] }),
        (["admission.maxConnections"], with { $0.admission.maxConnections = 0 }),
        (["admission.maxSockets"], with { $0.admission.maxSockets = 0 }),
        (["admission.maxConnectionsPerAddress"], with { $0.admission.maxConnectionsPerAddress = 0 }),
        (["admission.maxTrackedAddresses"], with { $0.admission.maxTrackedAddresses = 0 }),
        (["admission.handshakeRate"], with { $0.admission.handshakeRate = .init(perSecond: 0, burst: 1) }),
        (
            ["admission.handshakeRatePerAddress"],
            with { $0.admission.handshakeRatePerAddress = .init(perSecond: 1, burst: 0) }
        ),
        (["drain.code"], with { $0.drain.code = .abnormalClosure }),
        (["drain.reason"], with { $0.drain.reason = String(repeating: "x", count: 124) }),
        (["drain.deadline"], with { $0.drain.deadline = .seconds(-1) }),
        (["drain.window"], with { $0.drain.window = .seconds(-1) }),
        (
            ["drain.window", "drain.readinessDelay", "drain.deadline"],
            with { $0.drain.window = .seconds(11) }
        ),
        (["tls"], with { $0.tls = outdated }),
    ]

    private static var outdated: TLSConfiguration {
        var configuration = TLSConfiguration.clientDefault
        configuration.maximumTLSVersion = .tlsv11
        return configuration
    }

    @Test(arguments: wrong)
    func `The property is named, and the start throws what is behind it`(
        properties: [String],
        configuration: Configuration
    ) async throws {
        let problem = try #require(throws: InvalidConfiguration.self) { try configuration.validate() }
        #expect(problem.properties == properties)
        #expect(!problem.problem.isEmpty)
        #expect(problem.description == "\(properties.joined(separator: ", ")): \(problem.problem)")
        let server = WebSocketServer(configuration)
        let error = try await #require(throws: (any Error).self) { try await server.start() }
        #expect("\(error)" == "\(problem.cause)")
    }

    @Test func `What a server starts with is right`() throws {
        try Configuration().validate()
        try Self.with { $0.workers = 1 }.validate()
        try Self.with { $0.drain.deadline = .zero }.validate()
        for engine in WebSocketServer.Engine.allCases where engine.isAvailable {
            try Self.with { $0.engine = engine }.validate()
        }
    }

    @Test(arguments: [WebSocketServer.Engine.epoll, .ioUring])
    func `An engine is not asked for what it does not serve`(engine: WebSocketServer.Engine) throws {
        func properties(_ change: (inout Configuration) -> Void) -> [String]? {
            var configuration = Configuration(engine: engine)
            change(&configuration)
            return #expect(throws: InvalidConfiguration.self) { try configuration.validate() }?.properties
        }
        #if os(Linux)
        #expect(properties { $0.tls = .clientDefault } == ["engine", "tls"])
        #expect(properties { $0.http2.allowsCleartext = true } == ["engine", "http2.allowsCleartext"])
        #else
        #expect(properties { _ in } == ["engine"])
        #endif
    }
}
