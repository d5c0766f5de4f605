import NIOSSL
import WebSocketTransport

/// A configuration that no server starts with: what is wrong about it, and where.
public struct InvalidConfiguration: Error, Sendable {
    /// The properties that are to blame, as they are written behind a ``WebSocketServer/Configuration``: `workers`,
    /// `admission.origins`, `drain.code`. One, or those that do not go together.
    public let properties: [String]
    /// What is wrong, in a sentence's words: `"*" is not a scheme, a host and maybe a port, such as …`.
    public let problem: String
    /// What the start of a server with this configuration throws: a ``ServerError``, an ``AdmissionError``, or NIOSSL's
    /// error for a certificate that is none.
    public let cause: any Error
}

extension InvalidConfiguration {
    init(_ error: ServerError, _ properties: String...) {
        let problem =
            switch error {
            case .wrongDrain(let why): why
            default: error.description
            }
        self.init(properties: properties, problem: problem, cause: error)
    }

    init(_ error: AdmissionError) {
        self.init(
            properties: ["admission.\(error.setting)"],
            problem: "\"\(error.value)\" \(error.problem)",
            cause: error
        )
    }
}

extension InvalidConfiguration: CustomStringConvertible {
    public var description: String { "\(properties.joined(separator: ", ")): \(problem)" }
}

extension WebSocketServer.Configuration {
    /// Looks for whatever keeps a server from starting that can be known without listening: settings that cannot be
    /// meant, an engine that cannot serve them or is not there, a certificate that is none. A server that starts asks
    /// for it too.
    ///
    /// That nobody else listens there, and that the system has what an engine takes for each worker, shows at the start
    /// only.
    public func validate() throws(InvalidConfiguration) {
        if let workers, workers < 1 { throw InvalidConfiguration(.noWorkers, "workers") }
        _ = try drain.checked()
        guard connection.handshakeTimeout > .zero else {
            throw InvalidConfiguration(.noTimeToOpen, "connection.handshakeTimeout")
        }
        do throws(AdmissionError) {
            _ = try AdmissionControl(admission, host: host, logger: logger)
        } catch {
            throw InvalidConfiguration(error)
        }
        try checkEngine()
        guard let tls else { return }
        do {
            _ = try tls.context(http2)
        } catch {
            throw InvalidConfiguration(properties: ["tls"], problem: "\(error)", cause: error)
        }
    }

    private func checkEngine() throws(InvalidConfiguration) {
        guard let engine, engine != .nio else { return }
        #if os(Linux)
        if tls != nil {
            throw InvalidConfiguration(.engineUnavailable(engine, "it serves no TLS"), "engine", "tls")
        }
        if http2.allowsCleartext {
            throw InvalidConfiguration(
                .engineUnavailable(engine, "it serves no HTTP/2"),
                "engine",
                "http2.allowsCleartext"
            )
        }
        if !engine.isAvailable {
            throw InvalidConfiguration(.engineUnavailable(engine, WebSocketServer.Engine.whyNoRing), "engine")
        }
        #else
        throw InvalidConfiguration(.engineUnavailable(engine, "it is Linux's"), "engine")
        #endif
    }
}
