import WebSockets

/// Two sockets on one topic of duplex serve: what one sends, all hear, the sender too.
@MainActor
func topic(_ url: String) async throws {
    let topic = try WebURL("/topic/examples", base: WebURL(url)).href

    func join(_ name: String) throws -> WebSocket {
        let socket = try WebSocket(topic)
        socket.onopen = { _ in try socket.send("\(name) is here") }
        return socket
    }

    let alice = try join("Alice")
    var bob: WebSocket?

    alice.onmessage = { event in
        print("Alice hears:", event.data)
        if event.data == .text("Alice is here") {
            bob = try? join("Bob")
        } else {
            bob?.close()
            alice.close()
        }
    }

    alice.onclose = { _ in
        print("Alice has left")
    }

    await alice.waitUntilClosed()
    await bob?.waitUntilClosed()
}
