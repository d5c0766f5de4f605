import WebSockets

/// Bytes as an ArrayBuffer, for those who compute with them.
@MainActor
func binaryArrayBuffer(_ url: String) async throws {
    let socket = try WebSocket(url)
    socket.binaryType = .arraybuffer

    socket.onopen = { _ in
        try socket.send([0, 0, 1, 44])
        try socket.send("300, as text")
    }

    socket.onmessage = { event in
        if case .arrayBuffer(let bytes) = event.data {
            let number = bytes.reduce(0) { number, byte in number * 256 + Int(byte) }
            print(bytes.count, "bytes, which are the number", number)
        } else {
            print("text:", event.data)
            socket.close()
        }
    }

    await socket.waitUntilClosed()
}
