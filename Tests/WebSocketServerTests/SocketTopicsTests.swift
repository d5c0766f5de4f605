import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTransport

@testable import WebSocketServer

/// Topics as a server's routes use them: `socket.subscribe`, `server.publish`.
@Suite("Sockets on topics", .timeLimit(.minutes(1)))
struct SocketTopicsTests {
    private func connect(_ port: Int, _ path: String = "/") async throws -> WebSocketConnection {
        let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)\(path)")
        #expect(try await socket.receive()?.text == "here")
        return socket
    }

    @Test func `A route's sockets get what the server publishes, and leave by ending`() async throws {
        let hub = Promised<TopicHub>()
        try await serving(.init(port: 0, workers: 2)) { server in
            let topics = server.topics
            hub.fulfil(topics)
            server.route("/") { socket, _ in
                try socket.subscribe("room/1")
                try socket.subscribe("room/2", policy: .keepLatest())
                #expect(socket.subscriptions.sorted() == ["room/1", "room/2"])
                try await socket.send("here")
                for try await message in socket.messages {
                    if message.text == "leave" { socket.unsubscribe("room/1") }
                    try await server.publish(message, to: "room/1")
                    try await server.publish("all", to: "room/2", key: "k")
                }
            }
        } _: { port in
            let topics = try await hub.value
            let (one, two) = (try await connect(port), try await connect(port))
            #expect(topics.subscriberCount(of: "room/1") == 2)
            try await one.send("hello")
            for socket in [one, two] {
                let texts = [try await socket.receive()?.text, try await socket.receive()?.text]
                #expect(Set(texts) == ["hello", "all"])
            }
            try await one.send("leave")
            #expect(try await one.receive()?.text == "all")
            #expect(topics.subscriberCount(of: "room/1") == 1)
            one.abort()
            try await two.close()
            try await within(waitingFor: "nobody to be left") {
                while topics.topicCount > 0 { await Task.yield() }
            }
            #expect(topics.statistics.subscriptions == 0)
            #expect(topics.statistics.published == 4)
        }
    }

    @Test func `Callbacks publish without waiting, what comes behind stays behind`() async throws {
        try await serving(.init(port: 0)) { server in
            server.route(
                "/",
                callbacks: { socket, _ in
                    _ = try? socket.subscribe("t")
                    return ConnectionCallbacks(onMessage: { isolated, kind, bytes in
                        let bytes = bytes.withUnsafeBytes { [UInt8]($0) }
                        try? server.post(Message(kind: kind, bytes: bytes), to: "t")
                        try? isolated.send("behind")
                    })
                }
            )
        } _: { port in
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/")
            for number in 0..<20 { try await socket.send("\(number)") }
            for number in 0..<20 {
                #expect(try await socket.receive()?.text == "\(number)")
                #expect(try await socket.receive()?.text == "behind")
            }
            try await socket.close()
        }
    }

    /// From a task elsewhere, by two ways: through the topic, and to the socket itself.
    @Test func `What was published before it was sent goes out before`() async throws {
        let sockets = Promised<WebSocketConnection>()
        let hub = Promised<TopicHub>()
        try await serving(.init(port: 0, workers: 1)) { server in
            hub.fulfil(server.topics)
            server.route("/") { socket, _ in
                try socket.subscribe("t")
                sockets.fulfil(socket)
                // It keeps the loop, and the socket, busy with messages of their own.
                for try await _ in socket.messages { try await socket.send("own") }
            }
        } _: { port in
            let client = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/")
            let (socket, topics) = (try await sockets.value, try await hub.value)
            async let received = {
                var texts: [String] = []
                while texts.count < 400, let text = try await client.receive()?.text {
                    if text != "own" { texts.append(text) }
                }
                return texts
            }()
            async let busy: Void = { for _ in 0..<400 { try await client.send("") } }()
            for number in 0..<200 {
                try await topics.publish(Message("published \(number)"), to: "t")
                try await socket.send("sent \(number)")
            }
            try await busy
            let texts = try await received
            for word in ["published", "sent"] {
                let those = texts.filter { $0.hasPrefix(word) }
                #expect(those == (0..<200).map { "\(word) \($0)" })
            }
            for number in 0..<200 {
                let places = ["published", "sent"].map { texts.firstIndex(of: "\($0) \(number)") ?? -1 }
                #expect(places[0] < places[1], "number \(number)")
            }
            client.abort()
        }
    }

    @Test func `A server's topics have the limits that it is given`() async throws {
        var configuration = WebSocketServer.Configuration(port: 0)
        configuration.topics.topicsPerSocket = 1
        try await serving(configuration) { server in
            server.route("/") { socket, _ in
                try socket.subscribe("a")
                #expect(throws: TopicError.tooManyTopics(limit: 1)) { try socket.subscribe("b") }
                try await socket.send("here")
            }
        } _: { port in
            let socket = try await connect(port)
            try await socket.close()
        }
    }

    @Test func `A client's connection has no topics`() async throws {
        try await serving { server in
            server.route("/") { socket, _ in
                try await socket.send("here")
                _ = try await socket.receive()
            }
        } _: { port in
            let socket = try await connect(port)
            #expect(throws: TopicError.notServed) { try socket.subscribe("t") }
            socket.unsubscribe("t")
            #expect(socket.subscriptions.isEmpty)
            try await socket.close()
        }
    }

    @Test func `A slow subscriber that may miss messages stays, and is told of each gap`() async throws {
        let subscription = Promised<TopicSubscription>()
        let hub = Promised<TopicHub>()
        try await serving(.init(port: 0, workers: 2)) { server in
            hub.fulfil(server.topics)
            server.route("/") { socket, _ in
                subscription.fulfil(
                    try socket.subscribe(
                        "t",
                        options: .init(policy: .dropOldest(limit: 10)) { Message("\($0.missed)") }
                    )
                )
                try await socket.send("here")
                _ = try await socket.receive()
            }
        } _: { port in
            // It reads nothing until more has been published than the system's buffers hold.
            let socket = try await connect(port)
            let topics = try await hub.value
            let count = 1500
            for number in 0..<count {
                var message = Message([UInt8](repeating: UInt8(number & 0xFF), count: 64 << 10))
                message.allowsCompression = false
                try await topics.publish(message, to: "t")
            }
            try await topics.publish(Message("last"), to: "t")
            var (delivered, missed) = (0, 0)
            while let message = try await socket.receive() {
                guard message.kind == .text else {
                    #expect(message.bytes.first == UInt8((delivered + missed) & 0xFF))
                    delivered += 1
                    continue
                }
                if message.text == "last" { break }
                missed += Int(message.text ?? "") ?? 0
            }
            #expect(delivered + missed == count)
            #expect(missed > 0)
            let counts = try await subscription.value.counts
            #expect(
                counts
                    == SubscriptionCounts(
                        published: count + 1,
                        delivered: delivered + 1,
                        dropped: missed,
                        waiting: 0
                    )
            )
            try await socket.close()
        }
    }
}
