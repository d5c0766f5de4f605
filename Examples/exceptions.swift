import WebSockets

/// What is refused at once, with an exception whose name says why.
@MainActor
func exceptions(_ url: String) async throws {
    do {
        _ = try WebSocket("ws://127.0.0.1:99999/")
    } catch {
        print("no URL, its port is too large:", error.name)
    }

    do {
        _ = try WebSocket(url, protocols: ["chat", "chat"])
    } catch {
        print("a subprotocol twice:", error.name)
    }

    let socket = try WebSocket(url)

    do {
        try socket.send("too early")
    } catch {
        print("sending before it is open:", error.name)
    }

    socket.onopen = { _ in
        do throws(DOMException) {
            try socket.close(code: 1001)
        } catch {
            print("a code that is not for programs:", error.name)
        }
        do throws(DOMException) {
            try socket.close(code: 3000, reason: String(repeating: "r", count: 124))
        } catch {
            print("a reason of 124 bytes:", error.name)
        }
        try socket.close(code: 3000, reason: String(repeating: "r", count: 123))
    }

    socket.onclose = { event in
        print("a reason of", event.reason.count, "bytes is taken")
    }

    await socket.waitUntilClosed()
}
