import WebSockets

/// Nobody listens there: an error, of which a page is told nothing more, then the close event with 1006.
@MainActor
func failure(_ url: String) async throws {
    let socket = try WebSocket("ws://127.0.0.1:2/")

    socket.onopen = { _ in
        print("open after all")
    }

    socket.onerror = { event in
        print("an event of type", event.type)
        print("readyState is", socket.readyState.rawValue)
    }

    socket.onclose = { event in
        print("closed with", event.code, "- clean:", event.wasClean)
    }

    await socket.waitUntilClosed()
}
