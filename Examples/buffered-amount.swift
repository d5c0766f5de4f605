import WebSockets

/// How many bytes have been given to send() and have not left yet.
@MainActor
func bufferedAmount(_ url: String) async throws {
    let socket = try WebSocket(url)
    var answers = 0

    socket.onopen = { _ in
        print("at first:", socket.bufferedAmount)
        try socket.send(String(repeating: "x", count: 1000))
        try socket.send([UInt8](repeating: 0, count: 500))
        print("after two messages:", socket.bufferedAmount)
    }

    socket.onmessage = { _ in
        answers += 1
        if answers == 2 {
            print("after their echoes:", socket.bufferedAmount)
            socket.close()
        }
    }

    await socket.waitUntilClosed()
}
