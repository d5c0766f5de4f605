import WebSockets

/// What the two ends will speak: the client offers, the server takes one of it.
/// The server: duplex serve --subprotocol chat.v2 --subprotocol chat.v1
@MainActor
func subprotocol(_ url: String) async throws {
    let socket = try WebSocket(url, protocols: ["chat.v3", "chat.v2"])
    print("before it is open:", socket.protocol == "" ? "none" : socket.protocol)

    socket.onopen = { _ in
        print("the server chose:", socket.protocol)
        socket.close()
    }

    socket.onclose = { event in
        print("clean:", event.wasClean)
    }

    await socket.waitUntilClosed()
}
