import HTTPTypes
import NIOCore
import TestSupport
import Testing
import WebSocketTransport

@testable import WebSocketServer

/// What is left of a request over HTTP/2 once it has been answered, while its connection goes on: nothing.
@Suite("Requests over HTTP/2, let go of", .timeLimit(.minutes(1)))
struct HTTP2RequestTests {
    private typealias Raw = HTTP2RawFrame

    /// Weakly, the streams of a server's HTTP/2 connections, and whoever listens to them.
    private final class Trace: Sendable {
        private struct Stream {
            weak var stream: HTTP2Stream?
            weak var input: (any ConnectionInput)?
            let isRequest: Bool
        }

        private let loops: [(any EventLoop, NIOLoopBoundBox<[Stream]>)]

        /// Takes note of all there is.
        static func of(_ server: WebSocketServer) async throws -> Trace {
            var loops: [(any EventLoop, NIOLoopBoundBox<[Stream]>)] = []
            for loop in server.registry.loops {
                let found = try await loop.eventLoop.submit {
                    NIOLoopBoundBox(streams(in: loop.connections.value), eventLoop: loop.eventLoop)
                }.get()
                loops.append((loop.eventLoop, found))
            }
            return Trace(loops)
        }

        private init(_ loops: [(any EventLoop, NIOLoopBoundBox<[Stream]>)]) { self.loops = loops }

        private static func streams(in list: LoopConnections) -> [Stream] {
            list.entries.flatMap { entry -> [Stream] in
                guard case .unopened(let carrier) = entry, let connection = carrier as? HTTP2Connection,
                    let streams = Mirror(reflecting: connection).descendant("streams")
                else { return [] }
                return Mirror(reflecting: streams).children.compactMap { child in
                    let stream = Mirror(reflecting: child.value).descendant("value") as? HTTP2Stream
                    return stream.map {
                        Stream(stream: $0, input: $0.input, isRequest: $0.input is HTTP2Request)
                    }
                }
            }
        }

        /// How many were found, and how many of them had a request listening.
        var counts: (streams: Int, requests: Int) {
            get async throws {
                var counts = (streams: 0, requests: 0)
                for (loop, found) in loops {
                    let (streams, requests) = try await loop.submit {
                        (found.value.count, found.value.count(where: \.isRequest))
                    }.get()
                    counts = (counts.streams + streams, counts.requests + requests)
                }
                return counts
            }
        }

        private var areGone: Bool {
            get async throws {
                for (loop, found) in loops {
                    let areGone = try await loop.submit {
                        found.value.allSatisfy { $0.stream == nil && $0.input == nil }
                    }.get()
                    guard areGone else { return false }
                }
                return true
            }
        }

        /// Each look is a turn of the loops, which let go of what they were about to do.
        func waitUntilGone() async throws {
            try await within(waitingFor: "streams and requests to be let go of") {
                while !(try await self.areGone) {}
            }
        }
    }

    private func served(
        _ change: (inout WebSocketServer.Configuration) -> Void = { _ in },
        _ body: (WebSocketServer, Int) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        try folder.write("large", [UInt8](repeating: 7, count: 1 << 20))
        let served = Locked<WebSocketServer?>(nil)
        try await serving(.cleartextHTTP2(change)) { server in
            HTTP2Peer.echo(server)
            server.route("/refused") { _ -> Upgrade<Void> in
                .refuse(.text(.unauthorized, "no\n"))
            } handler: { _, _, _ in
            }
            server.files(at: "/files/", in: folder.path(""))
            served.withLock { $0 = server }
        } _: { port in
            try await body(try #require(served.withLock { $0 }), port)
        }
    }

    /// What a client asks for, and what it is answered.
    struct Question: Sendable, CustomTestStringConvertible {
        var method = "GET"
        let path: String
        let status: String
        /// Whether a body is to follow that the server has no use for.
        var hasBody = false
        var testDescription: String { "\(method) \(path)\(hasBody ? " with a body" : "")" }

        func head(_ peer: inout HTTP2Peer, stream: UInt32) throws -> HTTP2RawFrame {
            guard method == "CONNECT" else {
                return try peer.get(path, stream: stream, method: method, endStream: !hasBody)
            }
            return try peer.connect(path, stream: stream)
        }
    }

    static let questions = [
        Question(path: "/page", status: "200"), Question(path: "/nothing", status: "404"),
        Question(path: "/echo", status: "405"), Question(path: "/files/large", status: "200"),
        Question(method: "CONNECT", path: "/refused", status: "401"),
        Question(method: "CONNECT", path: "/nothing", status: "404"),
        Question(method: "POST", path: "/page", status: "405", hasBody: true),
        Question(method: "POST", path: "/files/large", status: "405", hasBody: true),
        Question(path: "/page", status: "200", hasBody: true),
        Question(path: "/files/large", status: "200", hasBody: true),
    ]

    /// SETTINGS_INITIAL_WINDOW_SIZE 0: an answer's content stays with the server until the client makes room for it.
    private static let noRoom: [UInt8] = [0, 4, 0, 0, 0, 0]

    /// Asks, reads the answer's head, and finds the request that has the rest of it.
    private static func ask(
        _ question: Question,
        _ peer: inout HTTP2Peer,
        of server: WebSocketServer
    ) async throws -> Trace {
        try await peer.acknowledgeSettings()
        try await peer.send(try question.head(&peer, stream: 1))
        if question.hasBody { try await peer.send(HTTP2Peer.data([1, 2, 3], stream: 1)) }
        #expect(try await peer.answer(on: 1)[":status"] == question.status)
        let trace = try await Trace.of(server)
        let counts = try await trace.counts
        #expect(counts == (1, 1))
        return trace
    }

    @Test(arguments: questions)
    func `An answered request goes with its answer's end, and its connection stays`(question: Question)
        async throws
    {
        try await served { server, port in
            try await HTTP2Peer.with(port: port, settings: Self.noRoom) { peer in
                let trace = try await Self.ask(question, &peer, of: server)
                let room = HTTP2RawFrame.number(2 << 20, bytes: 4)
                try await peer.send(
                    Raw(type: Raw.windowUpdate, stream: 0, payload: room),
                    Raw(type: Raw.windowUpdate, stream: 1, payload: room)
                )
                var isLast = false
                while !isLast {
                    isLast = try await peer.next(Raw.data, on: 1).flags & Raw.endStream != 0
                }
                try await trace.waitUntilGone()
                #expect(server.registry.total == 1)
                try await peer.ping()
            }
        }
    }

    @Test(arguments: questions)
    func `A client that resets its stream in the middle leaves nothing of it behind`(question: Question)
        async throws
    {
        try await served { server, port in
            try await HTTP2Peer.with(port: port, settings: Self.noRoom) { peer in
                let trace = try await Self.ask(question, &peer, of: server)
                if question.hasBody { try await peer.send(HTTP2Peer.data([4, 5, 6], stream: 1)) }
                try await peer.send(HTTP2Peer.reset(1))
                try await peer.ping()
                try await trace.waitUntilGone()
                #expect(server.registry.total == 1)
                try await peer.ping()
            }
        }
    }

    @Test(arguments: questions)
    func `With the connection goes what was still being answered on it`(question: Question) async throws {
        try await served { server, port in
            let trace = try await HTTP2Peer.with(port: port, settings: Self.noRoom) { peer in
                try await Self.ask(question, &peer, of: server)
            }
            try await trace.waitUntilGone()
            await server.registry.waitUntilEmpty()
        }
    }

    @Test func `A refusal of admission goes as well, and so does a socket's stream`() async throws {
        let change: (inout WebSocketServer.Configuration) -> Void = { $0.admission.requiresOrigin = true }
        try await served(change) { server, port in
            try await HTTP2Peer.with(port: port, settings: Self.noRoom) { peer in
                let refusal = Question(method: "CONNECT", path: "/echo", status: "403")
                let refused = try await Self.ask(refusal, &peer, of: server)
                try await peer.send(HTTP2Peer.reset(1))
                try await refused.waitUntilGone()
                let fields = [("sec-websocket-version", "13"), ("origin", "http://127.0.0.1:\(port)")]
                try await peer.send(
                    try peer.connect(stream: 3, authority: "127.0.0.1:\(port)", fields: fields)
                )
                #expect(try await peer.answer(on: 3)[":status"] == "200")
                let room = HTTP2RawFrame.number(100, bytes: 4)
                try await peer.send(Raw(type: Raw.windowUpdate, stream: 3, payload: room))
                try await peer.echo("hello", stream: 3)
                let socket = try await Trace.of(server)
                let counts = try await socket.counts
                #expect(counts == (1, 0))
                try await peer.send(HTTP2Peer.data(Handshake.close(1000), stream: 3, endStream: true))
                #expect(try await peer.next(Raw.data, on: 3).flags == Raw.endStream)
                try await socket.waitUntilGone()
                #expect(server.registry.total == 1)
            }
        }
    }
}
