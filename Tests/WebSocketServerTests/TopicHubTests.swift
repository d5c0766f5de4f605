import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import WebSocketServer
import WebSocketTransport

@Suite("Topics", .timeLimit(.minutes(1)))
struct TopicHubTests {
    /// Puts every connection on the topic of its path, and says so to it.
    private func serveTopics(_ hub: TopicHub) -> (WebSocketServer) -> Void {
        { server in
            server.route("/:topic") { socket, parameters in
                let topic = parameters["topic"] ?? ""
                try hub.subscribe(socket, to: topic)
                defer { hub.unsubscribe(socket, from: topic) }
                try await socket.send("subscribed")
                for try await message in socket.messages { try await hub.publish(message, to: topic) }
            }
        }
    }

    private func subscriber(_ port: Int, _ topic: String) async throws -> WebSocketConnection {
        let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/\(topic)")
        #expect(try await socket.receive()?.text == "subscribed")
        return socket
    }

    @Test func `All subscribers, on several loops, get a topic's messages in one order`() async throws {
        let hub = TopicHub()
        let (subscribers, publishers, each) = (8, 4, 50)
        try await serving(.init(port: 0, workers: 3), serveTopics(hub)) { port in
            var sockets: [WebSocketConnection] = []
            for _ in 0..<subscribers { sockets.append(try await subscriber(port, "news")) }
            #expect(hub.subscriberCount(of: "news") == subscribers)
            #expect(hub.subscriberCount(of: "else") == 0)
            let received = try await withThrowingTaskGroup(of: [String].self) { group in
                for publisher in 0..<publishers {
                    let socket = sockets[publisher]
                    group.addTask {
                        for number in 0..<each { try await socket.send("\(publisher):\(number)") }
                        return []
                    }
                }
                for socket in sockets {
                    group.addTask {
                        var texts: [String] = []
                        while texts.count < publishers * each, let message = try await socket.receive() {
                            texts.append(message.text ?? "binary")
                        }
                        return texts
                    }
                }
                var all: [[String]] = []
                for try await texts in group where !texts.isEmpty { all.append(texts) }
                return all
            }
            let first = try #require(received.first)
            #expect(received.count == subscribers)
            #expect(received.allSatisfy { $0 == first })
            for publisher in 0..<publishers {
                let own = first.filter { $0.hasPrefix("\(publisher):") }
                #expect(own == (0..<each).map { "\(publisher):\($0)" })
            }
        }
    }

    @Test func `Who has left gets nothing more, and an empty topic is forgotten`() async throws {
        let hub = TopicHub()
        try await serving(.init(port: 0), serveTopics(hub)) { port in
            let stays = try await subscriber(port, "a")
            let leaves = try await subscriber(port, "a")
            try await leaves.close()
            try await stays.send("1")
            #expect(try await stays.receive()?.text == "1")
            try await stays.close()
            try await within(waitingFor: "an empty topic") {
                while hub.subscriberCount(of: "a") > 0 { await Task.yield() }
            }
        }
        // Nobody is there, and nothing waits.
        try await hub.publish(Message("into the void"), to: "a")
    }

    @Test func `A subscription counts once, however often it is made`() async throws {
        let hub = TopicHub()
        try await serving { server in
            server.route("/") { socket, _ in
                for _ in 0..<3 { try hub.subscribe(socket, to: "t") }
                try await hub.publish(Message("once"), to: "t")
                hub.unsubscribe(socket, from: "t")
                hub.unsubscribe(socket, from: "never was")
                try await hub.publish(Message("gone"), to: "t")
                try await socket.send("last")
            }
        } _: { port in
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/")
            #expect(try await socket.receive()?.text == "once")
            #expect(try await socket.receive()?.text == "last")
        }
    }

    @Test func `Names that Swift takes for the same text are different topics`() async throws {
        let hub = TopicHub()
        try await serving { server in
            server.route("/") { socket, _ in
                try hub.subscribe(socket, to: "K")
                #expect(hub.subscriberCount(of: "\u{212A}") == 0)
                try await hub.publish(Message("not here"), to: "\u{212A}")
                try await hub.publish(Message("here"), to: "K")
                hub.unsubscribe(socket, from: "K")
            }
            server.route("/\u{212A}") { _, _ in }
        } _: { port in
            let socket = try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/")
            #expect(try await socket.receive()?.text == "here")
            await #expect(throws: ConnectError.self) {
                try await WebSocketConnection.connect(to: "ws://127.0.0.1:\(port)/K")
            }
        }
    }

    @Test func `Text that is not UTF-8 is published to nobody`() async throws {
        let hub = TopicHub()
        await #expect(throws: TopicError.usage(.textNotUTF8(offset: 1))) {
            try await hub.publish(Message(kind: .text, bytes: [0x61, 0xFF]), to: "t")
        }
    }

    @Test func `A subscriber that does not read is closed with 1013; the others lose nothing`() async throws {
        let hub = TopicHub()
        var options = ConnectionOptions()
        options.outboundLimit = 256 << 10
        // The close frame waits behind what was accepted before it, until the peer reads.
        options.closeTimeout = .seconds(30)
        try await serving(.init(port: 0, connection: options), serveTopics(hub)) { port in
            let reader = try await subscriber(port, "t")
            try await RawConnection.with(port: port) { slow in
                try await slow.write(Handshake.request("/t"))
                _ = try await slow.readHead()
                #expect(try await slow.read(12) == [0x81, 10] + "subscribed".utf8)
                // Nothing is read from here on: the kernel's buffers fill, which are far
                // below 64 MiB, then ours, then it is out.
                let message = Message([UInt8](repeating: 7, count: 64 << 10))
                let sent = 1_000
                for _ in 0..<sent {
                    try await reader.send(message)
                    let echo = try await reader.receive()
                    #expect(echo == message)
                }
                // Whole frames to the last one, which is the close frame.
                let header: [UInt8] = [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]
                var frames = 0
                var next = try await slow.read(2)
                while next == Array(header.prefix(2)) {
                    #expect(try await slow.read(8) == Array(header.dropFirst(2)))
                    #expect(try await slow.read(64 << 10) == message.bytes)
                    frames += 1
                    next = try await slow.read(2)
                }
                #expect(frames > 0 && frames < sent)
                #expect(next == [0x88, 25])
                #expect(try await slow.read(2) == [0x03, 0xF5])
            }
        }
    }
}
