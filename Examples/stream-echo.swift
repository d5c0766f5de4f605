import WebSockets

/// A connection for asynchronous code: messages are written and read, and what has been closed ends the loop.
@MainActor
func streamEcho(_ url: String) async throws {
    let stream = try WebSocketStream(url)
    let (readable, writable) = try await stream.opened.streams

    for word in ["one", "two", "three"] {
        try await writable.write(word)
    }

    for try await message in readable {
        print("read:", message.text ?? "bytes")
        if message.text == "three" {
            try stream.close()
        }
    }

    let closed = try await stream.closed
    print("closed with", closed.closeCode)
}
