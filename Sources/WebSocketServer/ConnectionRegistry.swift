import NIOCore
import Synchronization
import WebSocketProtocol
import WebSocketTransport

/// All that is open, so that a shutdown reaches it.
///
/// Each event loop keeps its own list, so that connections come and go without a lock; here is what the loops
/// have in common.
final class ConnectionRegistry: Sendable {
    typealias Farewell = @Sendable (WebSocketConnection) -> Void

    private struct State {
        var loops: [(eventLoop: any EventLoop, connections: NIOLoopBoundBox<LoopConnections>)] = []
        /// Set while shutting down.
        var farewell: Farewell?
    }

    private let state = Mutex(State())
    private let tally = Tally()

    /// Open WebSocket connections.
    var count: Int { tally.open.load(ordering: .relaxed) }
    /// Those, and the ones whose request is not answered yet.
    var total: Int { tally.total }

    /// The list of a loop, to be asked for once.
    func connections(on eventLoop: any EventLoop) -> NIOLoopBoundBox<LoopConnections> {
        state.withLock { state in
            let connections = NIOLoopBoundBox.makeBoxSendingValue(
                LoopConnections(tally, farewell: state.farewell),
                eventLoop: eventLoop
            )
            state.loops.append((eventLoop, connections))
            return connections
        }
    }

    /// Says goodbye to all that is open and to whatever still opens.
    func beginShutdown(_ farewell: @escaping Farewell) {
        let loops = state.withLock { state in
            state.farewell = farewell
            return state.loops
        }
        for loop in loops { loop.eventLoop.execute { loop.connections.value.beginShutdown(farewell) } }
    }

    /// Waits until nothing is open, or ``cut()``.
    func waitUntilEmpty() async { await tally.waitUntilEmpty() }

    /// Ends what is still open and lets those go on who wait.
    ///
    /// - Returns: how many connections were cut.
    @discardableResult
    func cut() -> Int {
        let open = count
        for loop in state.withLock({ $0.loops }) {
            loop.eventLoop.execute { loop.connections.value.cut() }
        }
        tally.resumeWaiters()
        return open
    }

    /// How much there is on all loops.
    final class Tally: Sendable {
        /// Open WebSocket connections.
        let open = Atomic(0)
        /// Those, and the ones whose request is not answered yet.
        private let all = Atomic(0)
        private let waiters = Mutex<[CheckedContinuation<Void, Never>]>([])
        private let isAwaited = Atomic(false)

        var total: Int { all.load(ordering: .relaxed) }

        func add() { all.wrappingAdd(1, ordering: .relaxed) }

        // Whoever waits says so and then looks at the number; whoever changes the number then looks whether
        // anybody waits. In this order on both sides, one of them sees the other.
        func remove() {
            let isEmpty = all.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0
            if isEmpty, isAwaited.load(ordering: .sequentiallyConsistent) { resumeWaiters() }
        }

        func waitUntilEmpty() async {
            await withCheckedContinuation { continuation in
                waiters.withLock { $0.append(continuation) }
                isAwaited.store(true, ordering: .sequentiallyConsistent)
                if all.load(ordering: .sequentiallyConsistent) == 0 { resumeWaiters() }
            }
        }

        func resumeWaiters() {
            let resumed = waiters.withLock { waiters in
                defer { waiters = [] }
                return waiters
            }
            for waiter in resumed { waiter.resume() }
        }
    }
}

/// What is open on one event loop. To be touched there only.
final class LoopConnections {
    private enum Entry {
        /// Nobody's, and the next that is.
        case free(next: Int)
        /// A connection whose request is not answered yet.
        case handshaking(RequestReader)
        case open(WebSocketConnection, Task<Void, Never>?)
    }

    private let tally: ConnectionRegistry.Tally
    private var entries: [Entry] = []
    private var firstFree = -1
    private var used = 0
    /// A list that was longer is let go of once nobody is in it.
    private static let keep = 1024
    /// Set while shutting down.
    private var farewell: ConnectionRegistry.Farewell?
    private var counted = CountedAddresses()

    /// A connection's place, from when it is accepted until it has ended.
    struct Place: Sendable {
        fileprivate let index: Int
    }

    init(_ tally: ConnectionRegistry.Tally, farewell: ConnectionRegistry.Farewell?) {
        self.tally = tally
        self.farewell = farewell
    }

    /// Whether nothing new is served any more.
    var isShuttingDown: Bool { farewell != nil }

    func add(_ request: RequestReader) -> Place {
        tally.add()
        used += 1
        guard firstFree >= 0, case .free(let next) = entries[firstFree] else {
            entries.append(.handshaking(request))
            return Place(index: entries.count - 1)
        }
        defer { firstFree = next }
        entries[firstFree] = .handshaking(request)
        return Place(index: firstFree)
    }

    /// The request was answered, and the place is the connection's from here on.
    func open(_ connection: WebSocketConnection, task: Task<Void, Never>?, at place: Place) {
        entries[place.index] = .open(connection, task)
        tally.open.wrappingAdd(1, ordering: .relaxed)
        farewell?(connection)
    }

    func remove(at place: Place) {
        counted.leave(at: place.index, now: NIODeadline.now().uptimeNanoseconds)
        if case .open = entries[place.index] { tally.open.wrappingSubtract(1, ordering: .relaxed) }
        entries[place.index] = .free(next: firstFree)
        firstFree = place.index
        used -= 1
        if used == 0, entries.count > Self.keep { (entries, firstFree) = ([], -1) }
        tally.remove()
    }

    /// Connections of the whole server, those included whose request is not answered yet.
    var total: Int { tally.total }

    /// Counts a connection as one of a client's, until it is removed.
    ///
    /// - Returns: how many the client has now; `nil` where they cannot be counted.
    func count(_ address: IPAddress, at place: Place, in table: AddressTable, now: UInt64) -> Int? {
        counted.enter(address, at: place.index, in: table, now: now)
    }

    /// The client that a connection is counted for.
    func countedAddress(at place: Place) -> IPAddress? { counted[place.index] }

    // By index, since what ends leaves the list, and the last takes the list along.

    func beginShutdown(_ farewell: @escaping ConnectionRegistry.Farewell) {
        self.farewell = farewell
        for index in entries.indices where index < entries.count {
            switch entries[index] {
            case .handshaking(let request): request.abort()
            case .open(let connection, _): farewell(connection)
            case .free: break
            }
        }
    }

    func cut() {
        for index in entries.indices where index < entries.count {
            switch entries[index] {
            case .handshaking(let request): request.abort()
            case .open(let connection, let task):
                connection.abort()
                task?.cancel()
            case .free: break
            }
        }
    }
}

/// What all connections of a server that live on one event loop have in common.
final class ServerLoop: Sendable {
    let server: RequestReader.Context
    let executor: LoopTaskExecutor
    let eventLoop: any EventLoop
    private let bound: NIOLoopBoundBox<LoopConnections>

    init(_ server: RequestReader.Context, on eventLoop: any EventLoop) {
        self.server = server
        self.eventLoop = eventLoop
        executor = LoopTaskExecutor(eventLoop)
        bound = server.registry.connections(on: eventLoop)
    }

    /// On the loop only.
    var connections: LoopConnections { bound.value }

    /// From wherever a connection ended.
    func remove(at place: LoopConnections.Place) {
        if eventLoop.inEventLoop {
            bound.value.remove(at: place)
        } else {
            eventLoop.execute { [bound] in bound.value.remove(at: place) }
        }
    }
}
