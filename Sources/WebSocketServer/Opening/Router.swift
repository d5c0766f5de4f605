import HTTPTypes
import WebSocketProtocol
import WebSocketTransport

/// What is served where: WebSocket routes and pages are looked up apart, so that one path can have both.
struct Router: Sendable {
    struct Socket: Sendable {
        /// The pattern that it is served at.
        fileprivate(set) var path = ""
        let subprotocols: [String]
        /// How its connections are served; `nil` where the gate decides that too.
        let service: SocketService?
        /// Who asks first, if anybody.
        let gate: UpgradeGate?

        init(subprotocols: [String], service: SocketService) {
            self.subprotocols = subprotocols
            self.service = service
            gate = nil
        }

        init(subprotocols: [String], gate: UpgradeGate) {
            self.subprotocols = subprotocols
            service = nil
            self.gate = gate
        }
    }

    private struct Table<Value: Sendable>: Sendable {
        private var entries: [(pattern: RoutePattern, value: Value)] = []

        mutating func add(_ path: String, _ value: Value) throws(RouteError) {
            let pattern = try RoutePattern(path)
            guard !entries.contains(where: { $0.pattern.isSameShape(as: pattern) }) else {
                throw RouteError(path: path, problem: "is served already")
            }
            let place = entries.firstIndex { pattern.isMoreExact(than: $0.pattern) } ?? entries.endIndex
            entries.insert((pattern, value), at: place)
        }

        func find(_ path: RequestPath) -> (value: Value, parameters: [String: String])? {
            for entry in entries {
                if let parameters = entry.pattern.match(path) { return (entry.value, parameters) }
            }
            return nil
        }
    }

    private var sockets = Table<Socket>()
    private var pages = Table<@Sendable (HTTPRequest) -> HTTPAnswer>()
    /// Directories of files: where neither of the others is. The deepest place first.
    private var files: [(place: [String], service: FileService)] = []

    mutating func addSocket(_ path: String, _ socket: Socket) throws(RouteError) {
        var socket = socket
        socket.path = path
        try sockets.add(path, socket)
    }

    mutating func addPage(
        _ path: String,
        _ page: @escaping @Sendable (HTTPRequest) -> HTTPAnswer
    ) throws(RouteError) {
        try pages.add(path, page)
    }

    /// - Parameter path: of the directory itself, with or without a slash at its end.
    mutating func addFiles(_ path: String, _ service: FileService) throws(RouteError) {
        var place: [String] = []
        for segment in try RoutePattern(path).segments {
            guard case .exact(let name) = segment else {
                throw RouteError(path: path, problem: "has a parameter, and a directory is at one place")
            }
            place.append(name)
        }
        if place.last == "" { place.removeLast() }
        guard !place.contains("") else { throw RouteError(path: path, problem: "has an empty segment") }
        guard !files.contains(where: { $0.place == place }) else {
            throw RouteError(path: path, problem: "is served already")
        }
        let index = files.firstIndex { $0.place.count < place.count } ?? files.endIndex
        files.insert((place, service), at: index)
    }

    enum Decision {
        case upgrade(ServerHandshake, Socket, parameters: [String: String])
        case answer(HTTPAnswer)
        /// By a file of the directory, which has to be looked for.
        case file(FileService, segments: ArraySlice<String>)
        case refuse(ProtocolError)
    }

    /// Whether a request is for a WebSocket at a path that has some.
    func opensWebSocket(_ head: HTTPRequestHead) -> Bool {
        guard head.asksForWebSocket, let path = RequestPath(ofTarget: head.target) else { return false }
        return sockets.find(path) != nil
    }

    /// What to do with a request.
    func decide(_ head: HTTPRequestHead) -> Decision {
        let target = head.target
        guard let path = RequestPath(ofTarget: target) else {
            let isPath = target.first == UInt8(ascii: "/")
            let problem = isPath ? "the path has a broken percent-escape" : "the target is not a path"
            return .answer(.text(.badRequest, "\(problem)\n"))
        }
        let socket = sockets.find(path)
        if socket == nil || !head.asksForWebSocket, let page = pages.find(path) {
            return .answer(answer(head, page.value))
        }
        guard let (route, parameters) = socket else {
            return file(head, path) ?? .answer(.nothingServed)
        }
        do throws(ProtocolError) {
            return .upgrade(try ServerHandshake(checking: head), route, parameters: parameters)
        } catch {
            return .refuse(error)
        }
    }

    private func file(_ head: HTTPRequestHead, _ path: RequestPath) -> Decision? {
        guard !files.isEmpty else { return nil }
        let segments = path.segments
        guard let found = files.first(where: { segments.starts(with: $0.place) }) else { return nil }
        // What is sent of an answer to HEAD is the sender's affair.
        guard head.isMethod(.get) || head.isMethod(.head) else { return .answer(.wrongMethod) }
        return .file(found.service, segments: segments[found.place.count...])
    }

    private func answer(_ head: HTTPRequestHead, _ page: (HTTPRequest) -> HTTPAnswer) -> HTTPAnswer {
        switch head.request.method {
        // What is sent of an answer to HEAD is the sender's affair.
        case .get, .head: page(head.request)
        default: .wrongMethod
        }
    }
}

extension HTTPAnswer {
    fileprivate static let wrongMethod: HTTPAnswer = {
        var answer = HTTPAnswer.text(.methodNotAllowed, "GET and HEAD are served here\n")
        answer.headers[.allow] = "GET, HEAD"
        return answer
    }()
}
