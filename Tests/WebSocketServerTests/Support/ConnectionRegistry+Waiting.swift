@testable import WebSocketServer

extension ConnectionRegistry {
    /// Waits until nothing is open.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in whenEmpty { continuation.resume() } }
    }
}
