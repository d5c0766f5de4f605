import WebSockets

/// Codes from 3000 to 4999 mean what the two ends agree on. A server answers with the code that it was sent.
@MainActor
func closeCodeAndReason(_ url: String) async throws {
    let socket = try WebSocket(url)

    socket.onopen = { _ in
        try socket.close(code: 4001, reason: "gone to lunch")
    }

    socket.onclose = { event in
        print("code:", event.code)
        print("reason:", event.reason)
        print("clean:", event.wasClean)
    }

    await socket.waitUntilClosed()
}
