import TestSupport
import WebSocketServer

/// `duplex serve` as a program of its own, on a port that the system chose.
struct ServeProcess: Sendable {
    let process: ChildProcess
    let port: Int

    /// - Parameter arguments: beside `--port 0`.
    static func start(
        _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> ServeProcess {
        let engine =
            Tools.engine.map { arguments.contains("--engine") ? [] : ["--engine", $0.rawValue] } ?? []
        let process = try ChildProcess(
            Tools.duplex,
            ["serve", "--port", "0"] + engine + arguments,
            environment: environment
        )
        let place = try await process.line(beginning: "Duplex serves on ")
        guard let port = place.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw TookTooLong(limit: .zero, what: "a port in \"\(place)\"")
        }
        return ServeProcess(process: process, port: port)
    }

    func url(_ path: String) -> String { "ws://127.0.0.1:\(port)\(path)" }
}
