import WebSockets

/// The four states of a socket, and when it is in which.
@MainActor
func readyState(_ url: String) async throws {
    let socket = try WebSocket(url)
    print("created:", socket.readyState.rawValue, socket.readyState == WebSocket.CONNECTING)

    socket.onopen = { _ in
        print("open:", socket.readyState.rawValue, socket.readyState == WebSocket.OPEN)
        socket.close()
        print("close() was called:", socket.readyState.rawValue, socket.readyState == WebSocket.CLOSING)
    }

    socket.onclose = { _ in
        print("closed:", socket.readyState.rawValue, socket.readyState == WebSocket.CLOSED)
    }

    await socket.waitUntilClosed()
}
