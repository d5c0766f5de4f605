import WebSockets

/// A connection from its beginning to its end: it opens, a message goes each way, it closes.
@MainActor
func firstConnection(_ url: String) async throws {
    let socket = try WebSocket(url)

    socket.onopen = { _ in
        print("open")
        try socket.send("Hello, server")
    }

    socket.onmessage = { event in
        print("the server says:", event.data)
        socket.close()
    }

    socket.onclose = { event in
        print("closed with", event.code)
    }

    await socket.waitUntilClosed()
}
