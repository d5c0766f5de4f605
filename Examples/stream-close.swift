import WebSockets

/// How a stream ends: with a code and a reason, which both ends learn.
@MainActor
func streamClose(_ url: String) async throws {
    let stream = try WebSocketStream(url, protocols: [])
    let `protocol` = try await stream.opened.protocol
    print("subprotocol:", `protocol` == "" ? "none" : `protocol`)

    do {
        try stream.close(closeCode: 1001)
    } catch {
        print("a code that is not for programs:", error.name)
    }

    try stream.close(closeCode: 4002, reason: "that was all")
    let closed = try await stream.closed
    print("closed with", closed.closeCode, "-", closed.reason)
}
