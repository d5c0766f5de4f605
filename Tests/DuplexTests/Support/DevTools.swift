import Foundation
import TestSupport
import WebSocketTransport

/// A browser's remote control, spoken over our own client: commands by number, events as they come
/// (https://chromedevtools.github.io/devtools-protocol, and in the same form https://w3c.github.io/webdriver-bidi).
actor DevTools {
    /// A command that the browser refused, or a script that threw.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Header: Decodable {
        private enum Key: CodingKey {
            case id, method, error, message
        }

        let id: Int?
        let method: String?
        let problem: String?

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: Key.self)
            id = try fields.decodeIfPresent(Int.self, forKey: .id)
            method = try fields.decodeIfPresent(String.self, forKey: .method)
            // Chromium has the sentence within the error, Firefox beside it.
            if let error = try? fields.nestedContainer(keyedBy: Key.self, forKey: .error) {
                problem = try error.decode(String.self, forKey: .message)
            } else if fields.contains(.error) {
                problem = try fields.decode(String.self, forKey: .message)
            } else {
                problem = nil
            }
        }
    }

    /// An event as the browser sent it.
    struct Event: Sendable {
        let method: String
        let json: String
    }

    private let socket: WebSocketConnection
    private var nextID = 0
    private var waiting: [Int: CheckedContinuation<[UInt8], any Error>] = [:]
    private(set) var events: [Event] = []

    static func connect(to url: String) async throws -> DevTools {
        let tools = DevTools(try await .connect(to: url))
        Task { await tools.read() }
        return tools
    }

    private init(_ socket: WebSocketConnection) { self.socket = socket }

    private func read() async {
        do {
            for try await message in socket.messages { take(message.bytes) }
        } catch {
            // How it ended is in `closed`.
        }
        let end = await socket.closed
        for continuation in waiting.values {
            continuation.resume(throwing: Failure(description: "the browser is gone: \(end)"))
        }
        waiting = [:]
    }

    private func take(_ bytes: [UInt8]) {
        guard let header = try? JSONDecoder().decode(Header.self, from: Data(bytes)) else { return }
        if let id = header.id {
            guard let continuation = waiting.removeValue(forKey: id) else { return }
            if let problem = header.problem {
                continuation.resume(throwing: Failure(description: problem))
            } else {
                continuation.resume(returning: bytes)
            }
        } else if let method = header.method {
            events.append(Event(method: method, json: String(decoding: bytes, as: UTF8.self)))
        }
    }

    private struct Command<Parameters: Encodable>: Encodable {
        let id: Int
        let method: String
        let sessionId: String?
        let params: Parameters
    }

    private struct Reply<Result: Decodable>: Decodable {
        let result: Result
    }

    /// Sends a command and waits for its result.
    func call<Result: Decodable & Sendable>(
        _ method: String,
        _ parameters: some Encodable & Sendable,
        session: String? = nil,
        as: Result.Type
    ) async throws -> Result {
        nextID += 1
        let id = nextID
        let command = Command(id: id, method: method, sessionId: session, params: parameters)
        let text = String(decoding: try JSONEncoder().encode(command), as: UTF8.self)
        let bytes = try await within(waitingFor: "the answer to \(method) \(parameters)") {
            try await self.exchange(id, text)
        }
        return try JSONDecoder().decode(Reply<Result>.self, from: Data(bytes)).result
    }

    private func exchange(_ id: Int, _ text: String) async throws -> [UInt8] {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                waiting[id] = continuation
                Task {
                    do { try await socket.send(text) } catch { fail(id, error) }
                }
            }
        } onCancel: {
            Task { await self.fail(id, CancellationError()) }
        }
    }

    private func fail(_ id: Int, _ error: any Error) {
        waiting.removeValue(forKey: id)?.resume(throwing: error)
    }
}
