import WebSockets

/// Bytes as a Blob, which is how binary messages come unless binaryType says otherwise.
@MainActor
func binaryBlob(_ url: String) async throws {
    let socket = try WebSocket(url)
    print("binaryType:", socket.binaryType)

    socket.onopen = { _ in
        let blob = Blob([.text("a caf"), .bytes([0xc3, 0xa9])], type: "text/plain")
        print("sent:", blob.size, "bytes of", blob.type)
        try socket.send(blob)
    }

    socket.onmessage = { event in
        guard case .blob(let blob) = event.data else { return }
        Task {
            print("received:", blob.size, "bytes")
            print("as text:", await blob.text())
            print("without its first two bytes:", await blob.slice(2).text())
            socket.close()
        }
    }

    await socket.waitUntilClosed()
}
