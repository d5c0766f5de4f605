import WebSockets

/// Trying again until a server is there, after longer and longer pauses.
@MainActor
func streamRetry(_ url: String) async throws {
    let addresses = ["ws://127.0.0.1:2/", "ws://127.0.0.1:2/", url]
    var pause = 10
    for address in addresses {
        let stream = try WebSocketStream(address)
        do {
            _ = try await stream.opened
            print("open")
            try stream.close()
            _ = try await stream.closed
        } catch {
            print("failed, next try in", pause, "ms:", error is WebSocketError)
            try await Task.sleep(for: .milliseconds(pause))
            pause *= 2
        }
    }
    print("done")
}
