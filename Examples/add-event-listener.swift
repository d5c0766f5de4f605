import WebSockets

/// Any number of listeners for one kind of event: they are called in the order in which they were added.
@MainActor
func addEventListener(_ url: String) async throws {
    let socket = try WebSocket(url)

    socket.addEventListener(.open) { event in
        print("1:", event.type)
        try socket.send("Hello, listeners")
    }

    socket.addEventListener(.open) { _ in
        print("2: it is open")
    }

    socket.addEventListener(.message) { event in
        print("1:", event.type, "-", event.data)
    }

    socket.addEventListener(.message) { _ in
        print("2: enough")
        try socket.close(code: 1000)
    }

    socket.addEventListener(.close) { event in
        print("1:", event.type, "-", event.code)
    }

    await socket.waitUntilClosed()
}
