import WebSocketProtocol
import WebSocketTransport

/// Goes through the cases of a fuzzing server, one connection each, and echoes.
struct CaseRunner {
    /// Such as `ws://127.0.0.1:9001`.
    let server: String
    let face: Face

    /// The name that the reports are filed under.
    private let agent = "Duplex"

    /// What the suite asks for, the defaults allow: its largest message has 16 MiB, and its most cut one
    /// 65,536 fragments. Compression with memory in both directions is what sections 12 and 13 can ask of
    /// a client.
    private let options: ClientOptions = {
        var options = ClientOptions()
        options.connection.compression = DeflateOptions(keepsOwnContext: true, keepsPeerContext: true)
        return options
    }()

    /// The two ways to read from a connection. Both are measured, since they share little.
    enum Face: String {
        /// On the event loop, so that an answer stands before whatever comes next.
        case callbacks
        /// By a task, which answers when its turn comes.
        case task
    }

    enum Case {
        /// By its place among the server's cases, from 1.
        case number(Int)
        /// By its name, such as 9.1.6.
        case id(String)
    }

    struct NotACount: Error, CustomStringConvertible {
        let answer: String?
        var description: String { "asked how many cases it has, the server says \(answer ?? "nothing")" }
    }

    /// - Parameter cases: none means all.
    func run(_ cases: [Case]) async throws {
        for one in try await cases.isEmpty ? all() : cases { try await run(one) }
        // The answer to this is the close frame, once the reports are written.
        let connection = try await connect("/updateReports?agent=\(agent)")
        _ = try await connection.receive()
    }

    private func all() async throws -> [Case] {
        let connection = try await connect("/getCaseCount")
        let answer = try await connection.receive()?.text
        guard let count = answer.flatMap({ Int($0) }), count > 0 else { throw NotACount(answer: answer) }
        _ = await connection.closed
        return (1...count).map { .number($0) }
    }

    private func run(_ one: Case) async throws {
        let (name, query) =
            switch one {
            case .number(let number): ("\(number)", "case=\(number)")
            case .id(let id): (id, "casetuple=\(id)")
            }
        let path = "/runCase?\(query)&agent=\(agent)"
        let connection: WebSocketConnection
        switch face {
        case .callbacks:
            // Refused only when the connection is closing, and then nobody waits for an answer.
            connection = try await connect(path, .init(onMessage: { try? $0.send($1, $2) }))
        case .task:
            connection = try await connect(path)
            do {
                for try await message in connection.messages { try await connection.send(message) }
            } catch is ReceiveError, is SendError {
                // Many cases are there to break the protocol, so this is how they should end.
            }
        }
        print("case \(name): \(await connection.closed)")
    }

    private func connect(
        _ path: String,
        _ callbacks: ConnectionCallbacks? = nil
    ) async throws -> WebSocketConnection {
        try await .connect(to: server + path, options: options, callbacks: callbacks)
    }
}
