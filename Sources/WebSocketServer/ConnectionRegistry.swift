import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// All that is open, so that a shutdown reaches it. Touched when connections come and go, never by messages.
final class ConnectionRegistry: Sendable {
    private struct Entry {
        let connection: WebSocketConnection
        var task: Task<Void, Never>?
    }

    private struct State {
        /// Connections whose request is not answered yet.
        var handshaking: [ObjectIdentifier: RequestReader.Handle] = [:]
        var entries: [UInt64: Entry] = [:]
        /// Set while shutting down.
        var farewell: (@Sendable (WebSocketConnection) -> Void)?
        var emptyWaiters: [CheckedContinuation<Void, Never>] = []

        var isEmpty: Bool { handshaking.isEmpty && entries.isEmpty }

        mutating func takeWaitersIfEmpty() -> [CheckedContinuation<Void, Never>] {
            guard isEmpty else { return [] }
            defer { emptyWaiters = [] }
            return emptyWaiters
        }
    }

    private let state = Mutex(State())

    /// Open WebSocket connections.
    var count: Int { state.withLock { $0.entries.count } }

    func addHandshaking(_ request: RequestReader.Handle) {
        let isClosing = state.withLock { state in
            state.handshaking[request.id] = request
            return state.farewell != nil
        }
        if isClosing { request.abort() }
    }

    func removeHandshaking(_ id: ObjectIdentifier) {
        let waiters = state.withLock { state in
            state.handshaking[id] = nil
            return state.takeWaitersIfEmpty()
        }
        for waiter in waiters { waiter.resume() }
    }

    func add(_ connection: WebSocketConnection, task: Task<Void, Never>?) {
        let farewell = state.withLock { state in
            state.entries[connection.id] = Entry(connection: connection, task: task)
            return state.farewell
        }
        farewell?(connection)
    }

    func remove(_ connection: WebSocketConnection) {
        let waiters = state.withLock { state in
            state.entries[connection.id] = nil
            return state.takeWaitersIfEmpty()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Says goodbye to all that is open and to whatever still opens.
    func beginShutdown(_ farewell: @escaping @Sendable (WebSocketConnection) -> Void) {
        let (requests, connections) = state.withLock { state in
            state.farewell = farewell
            return (Array(state.handshaking.values), state.entries.values.map(\.connection))
        }
        for request in requests { request.abort() }
        for connection in connections { farewell(connection) }
    }

    /// Waits until nothing is open, or ``cut()``.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.isEmpty { state.emptyWaiters.append(continuation) }
                return state.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// Ends what is still open and lets those go on who wait.
    ///
    /// - Returns: how many connections were cut.
    @discardableResult
    func cut() -> Int {
        let (entries, requests, waiters) = state.withLock { state in
            let waiters = state.emptyWaiters
            state.emptyWaiters = []
            return (Array(state.entries.values), Array(state.handshaking.values), waiters)
        }
        for entry in entries {
            entry.connection.abort()
            entry.task?.cancel()
        }
        for request in requests { request.abort() }
        for waiter in waiters { waiter.resume() }
        return entries.count
    }
}
