import WebSockets

/// A signal gives a connection up for as long as it is not open. Later it has no effect: then close() does that.
@MainActor
func streamAbort(_ url: String) async throws {
    let controller = AbortController()
    let given = try WebSocketStream(url, signal: controller.signal)
    controller.abort()
    do {
        _ = try await given.opened
        print("open after all")
    } catch let error as DOMException {
        print("given up:", error.name)
    }

    let later = AbortController()
    let stream = try WebSocketStream(url, signal: later.signal)
    _ = try await stream.opened
    later.abort()
    try stream.close(closeCode: 1000)
    let closed = try await stream.closed
    print("aborted too late, closed with", closed.closeCode)
}
