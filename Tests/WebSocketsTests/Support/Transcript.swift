import TestSupport
import WebSockets

/// What a socket's handlers were told, in order, to be waited for.
final class Transcript: Sendable {
    private struct State {
        var lines: [String] = []
        var waiters: [(line: String, promise: Promised<Void>)] = []
    }

    private let state = Locked(State())

    var lines: [String] { state.withLock { $0.lines } }

    func add(_ line: String) {
        let heard = state.withLock { state in
            state.lines.append(line)
            let heard = state.waiters.filter { $0.line == line }
            state.waiters.removeAll { $0.line == line }
            return heard
        }
        for waiter in heard { waiter.promise.fulfil(()) }
    }

    /// Waits until a line has been added.
    func until(_ line: String) async throws {
        let promise = Promised<Void>()
        let isThere = state.withLock { state in
            if state.lines.contains(line) { return true }
            state.waiters.append((line, promise))
            return false
        }
        if isThere { return }
        try await within(waitingFor: "\"\(line)\" in \(lines)") { try await promise.value }
    }

    /// Writes down all events of a socket.
    func record(_ socket: WebSocket, isolation: isolated (any Actor)? = #isolation) {
        socket.onopen = { [weak socket] event in
            self.add("open \(socket.map { "\($0.readyState)" } ?? "-") \(event.isTrusted)")
        }
        socket.onmessage = { event in self.add("message \(event.data)") }
        socket.onerror = { [weak socket] _ in self.add("error \(socket.map { "\($0.readyState)" } ?? "-")") }
        socket.onclose = { event in
            self.add("close \(event.code) \(event.reason) \(event.wasClean)")
            self.add("end")
        }
    }
}
