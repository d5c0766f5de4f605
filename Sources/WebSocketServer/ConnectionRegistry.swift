import NIOCore
import Synchronization
import WebSocketTransport

/// All that is open, so that a shutdown reaches it.
///
/// Each event loop keeps its own list, so that connections come and go without a lock; here is what the loops
/// have in common.
final class ConnectionRegistry: Sendable {
    typealias Loop = (eventLoop: any EventLoop, connections: NIOLoopBoundBox<LoopConnections>)

    private struct State {
        var loops: [Loop] = []
        /// Set while the server stops.
        var plan: DrainPlan?
    }

    private let state = Mutex(State())
    private let tally = Tally()

    /// Open WebSocket connections, and those whose handlers have not ended yet.
    var count: Int { tally.open.load(ordering: .relaxed) }
    /// Tasks that run handlers.
    var handlerCount: Int { tally.handlers.load(ordering: .relaxed) }
    /// Tasks that run upgrade hooks, those included whose clients are gone.
    var hookCount: Int { tally.hooks }
    /// All event loops, for whoever looks at their lists there.
    var loops: [Loop] { state.withLock { $0.loops } }
    /// Those, and the ones whose request is not answered yet.
    var total: Int { tally.total }

    /// The list of a loop, to be asked for once.
    func connections(on eventLoop: any EventLoop) -> NIOLoopBoundBox<LoopConnections> {
        let (connections, plan) = state.withLock { state in
            let connections = NIOLoopBoundBox.makeBoxSendingValue(
                LoopConnections(tally),
                eventLoop: eventLoop
            )
            state.loops.append((eventLoop, connections))
            return (connections, state.plan)
        }
        if let plan { eventLoop.execute { connections.value.beginDrain(plan, on: eventLoop) } }
        return connections
    }

    /// Takes leave of all that is open and of whatever still opens.
    func beginDrain(_ plan: DrainPlan) {
        let loops = state.withLock { state in
            state.plan = plan
            return state.loops
        }
        for loop in loops {
            loop.eventLoop.execute { loop.connections.value.beginDrain(plan, on: loop.eventLoop) }
        }
    }

    /// An upgrade hook begins. ``hookEnded()`` follows, from wherever its task ends.
    func hookBegan() { tally.addHook() }
    func hookEnded() { tally.removeHook() }

    /// Has `body` called once nothing is open and no hook runs, now or later.
    func whenEmpty(_ body: @escaping @Sendable () -> Void) { tally.whenEmpty(body) }

    /// Ends what is still open, and cancels handlers.
    ///
    /// - Parameter told: is told how many loops have not done so yet: at once, and by each that has.
    func cut(_ told: @escaping @Sendable (Int) -> Void) {
        let loops = state.withLock { $0.loops }
        let left = Left(loops.count)
        told(loops.count)
        for loop in loops {
            loop.eventLoop.execute {
                loop.connections.value.cut()
                told(left.count.wrappingSubtract(1, ordering: .relaxed).newValue)
            }
        }
    }

    private final class Left: Sendable {
        let count: Atomic<Int>
        init(_ count: Int) { self.count = Atomic(count) }
    }

    /// How much there is on all loops.
    final class Tally: Sendable {
        /// Open WebSocket connections.
        let open = Atomic(0)
        /// Those of them that have a task.
        let handlers = Atomic(0)
        /// All that a shutdown waits for, in one number, so that it is empty in one moment: in the low half those and
        /// the connections whose request is not answered yet, in the high half hooks. These may outlive their
        /// connections, and do not count in the limits of connections.
        private let all = Atomic<UInt64>(0)
        private static let hook: UInt64 = 1 << 32
        private let waiters = Mutex<[@Sendable () -> Void]>([])
        private let isAwaited = Atomic(false)

        var total: Int { Int(all.load(ordering: .relaxed) % Self.hook) }
        /// Tasks that run upgrade hooks.
        var hooks: Int { Int(all.load(ordering: .relaxed) / Self.hook) }

        func add() { all.wrappingAdd(1, ordering: .relaxed) }
        func remove() { leave(1) }
        func addHook() { all.wrappingAdd(Self.hook, ordering: .relaxed) }
        func removeHook() { leave(Self.hook) }

        // Whoever waits says so and then looks at the number; whoever changes the number then looks whether
        // anybody waits. In this order on both sides, one of them sees the other.
        private func leave(_ amount: UInt64) {
            let isEmpty = all.wrappingSubtract(amount, ordering: .sequentiallyConsistent).newValue == 0
            if isEmpty, isAwaited.load(ordering: .sequentiallyConsistent) { tellWaiters() }
        }

        func whenEmpty(_ body: @escaping @Sendable () -> Void) {
            waiters.withLock { $0.append(body) }
            isAwaited.store(true, ordering: .sequentiallyConsistent)
            if all.load(ordering: .sequentiallyConsistent) == 0 { tellWaiters() }
        }

        private func tellWaiters() {
            let told = waiters.withLock { waiters in
                defer { waiters = [] }
                return waiters
            }
            for waiter in told { waiter() }
        }
    }
}

/// What is open on one event loop. To be touched there only.
final class LoopConnections {
    enum Entry {
        /// Nobody's, and the next that is.
        case free(next: Int)
        /// A connection whose request is not answered yet, or one that carries others.
        case unopened(any UnopenedConnection)
        case open(WebSocketConnection, Task<Void, Never>?)
        /// A connection that was cut, and counted in the report. Its handler has been cancelled and has not ended yet.
        case cancelled
    }

    private let tally: ConnectionRegistry.Tally
    // What follows is changed here and in `LoopConnections+Draining.swift`.
    var entries: [Entry] = []
    /// Set while the server stops.
    var farewells: Farewells?
    var isCut = false
    private var firstFree = -1
    private var used = 0
    /// A list that was longer is let go of once nobody is in it.
    private static let keep = 1024
    private var counted = CountedAddresses()

    /// A connection's place, from when it is accepted until it has ended.
    struct Place: Sendable {
        fileprivate let index: Int
    }

    init(_ tally: ConnectionRegistry.Tally) { self.tally = tally }

    func add(_ connection: any UnopenedConnection) -> Place {
        tally.add()
        used += 1
        guard firstFree >= 0, case .free(let next) = entries[firstFree] else {
            entries.append(.unopened(connection))
            return Place(index: entries.count - 1)
        }
        defer { firstFree = next }
        entries[firstFree] = .unopened(connection)
        return Place(index: firstFree)
    }

    /// A connection goes on as something else, which speaks the protocol that was chosen.
    func replace(by connection: any UnopenedConnection, at place: Place) {
        entries[place.index] = .unopened(connection)
    }

    /// The request was answered, and the place is the connection's from here on.
    func open(_ connection: WebSocketConnection, task: Task<Void, Never>?, at place: Place) {
        entries[place.index] = .open(connection, task)
        tally.open.wrappingAdd(1, ordering: .relaxed)
        if task != nil { tally.handlers.wrappingAdd(1, ordering: .relaxed) }
        farewells?.plan.takeLeave(of: connection)
    }

    func remove(at place: Place) {
        counted.leave(at: place.index, now: NIODeadline.now().uptimeNanoseconds)
        switch entries[place.index] {
        case .open(let connection, let task):
            tally.open.wrappingSubtract(1, ordering: .relaxed)
            if task != nil { tally.handlers.wrappingSubtract(1, ordering: .relaxed) }
            farewells?.plan.ledger.count(connection)
        case .cancelled:
            tally.open.wrappingSubtract(1, ordering: .relaxed)
            tally.handlers.wrappingSubtract(1, ordering: .relaxed)
        case .unopened, .free: break
        }
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

    /// What the connections at some places have accepted for sending and not handed to the system.
    ///
    /// - Returns: the payload bytes, and the next place to look at, `nil` behind the last.
    func bufferedBytes(from index: Int, atMost count: Int) -> (bytes: Int, next: Int?) {
        let end = min(entries.count, index + count)
        guard index < end else { return (0, nil) }
        var bytes = 0
        for entry in entries[index..<end] {
            if case .open(let connection, _) = entry { bytes += connection.isolated?.bufferedAmount ?? 0 }
        }
        return (bytes, end < entries.count ? end : nil)
    }
}

/// What all connections of a server that live on one event loop have in common.
final class ServerLoop: Sendable {
    let server: RequestReader.Context
    let executor: LoopTaskExecutor
    let eventLoop: any EventLoop
    /// Where its connections are counted.
    let traffic: LoopTraffic
    private let bound: NIOLoopBoundBox<LoopConnections>

    init(_ server: RequestReader.Context, on eventLoop: any EventLoop) {
        self.server = server
        self.eventLoop = eventLoop
        executor = LoopTaskExecutor(eventLoop)
        traffic = server.observer.addLoop()
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
