import WebSockets

/// Three ways to stop listening: after the first event, by a signal, by name.
@MainActor
func onceAndAbort(_ url: String) async throws {
    let socket = try WebSocket(url)
    let controller = AbortController()

    socket.addEventListener(.open) { _ in
        for word in ["one", "two", "three", "four"] {
            try socket.send(word)
        }
    }

    socket.addEventListener(.message, once: true) { event in
        print("once:", event.data)
    }

    socket.addEventListener(.message, signal: controller.signal) { event in
        print("until the abort:", event.data)
    }

    // Closures cannot be told apart: what is returned stands for this one.
    let listener = socket.addEventListener(.message) { event in
        print("until removed:", event.data)
    }

    socket.addEventListener(.message) { event in
        switch event.data {
        case .text("two"): controller.abort()
        case .text("three"): socket.removeEventListener(.message, listener)
        case .text("four"): socket.close()
        default: break
        }
    }

    socket.addEventListener(.close) { _ in
        print("closed")
    }

    await socket.waitUntilClosed()
}
