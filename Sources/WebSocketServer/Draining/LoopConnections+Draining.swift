import NIOCore
import WebSocketTransport

/// What is in a loop's list before it is a WebSocket, or beside one: a request under way, an HTTP/2 connection.
protocol UnopenedConnection: AnyObject {
    /// The server stops. Called once, on the loop, before the first WebSocket is closed.
    func drainBegan()
    /// Hangs up now, and leaves the list.
    func abort()
}

/// How far a loop has come in taking leave.
struct Farewells {
    let plan: DrainPlan
    let eventLoop: any EventLoop
    let beginning: NIODeadline
    /// Connections that were open at the beginning.
    let count: Int
    /// The place in the list of the next.
    var cursor = 0
    /// How many have been told.
    var told = 0
    /// When the next one's turn is.
    var due: NIODeadline

    init(_ plan: DrainPlan, on eventLoop: any EventLoop, count: Int) {
        self.plan = plan
        self.eventLoop = eventLoop
        self.count = count
        beginning = eventLoop.now
        due = beginning
        due = moment(of: 0)
    }

    mutating func next() {
        told += 1
        due = moment(of: told)
    }

    /// Each has an equal part of the window, and a moment in it that chance chose: the loops would else speak in chorus.
    private func moment(of index: Int) -> NIODeadline {
        let window = Double(TimeAmount(plan.window).nanoseconds)
        let share = (Double(index) + Double.random(in: 0..<1)) / Double(max(count, 1))
        return beginning + .nanoseconds(Int64(window * min(share, 1)))
    }
}

extension LoopConnections {
    /// Connections that are told in one turn of the loop; messages have theirs in between.
    private static let batch = 256

    /// Whether nothing new is served any more.
    var isDraining: Bool { farewells != nil }

    /// How long what is no WebSocket yet has once the server stops; `nil` before.
    var requestGrace: TimeAmount? { farewells?.plan.requestGrace }

    /// The answer to a request that comes while the server stops.
    var drainRefusal: HTTPAnswer? {
        guard let farewells else { return nil }
        farewells.plan.ledger.refused()
        return .draining
    }

    // By index, here and below, since what ends leaves the list, and the last takes the list along.

    /// Takes leave of all that is open, over the plan's window, and of whatever still opens.
    func beginDrain(_ plan: DrainPlan, on eventLoop: any EventLoop) {
        guard farewells == nil else { return }
        var count = 0
        for case .open in entries { count += 1 }
        farewells = Farewells(plan, on: eventLoop, count: count)
        for index in entries.indices where index < entries.count {
            if case .unopened(let connection) = entries[index] { connection.drainBegan() }
        }
        tellThoseDue()
    }

    private func tellThoseDue() {
        guard !isCut, let plan = farewells?.plan else { return }
        for _ in 0..<Self.batch {
            guard let connection = nextToTell(), let now = farewells?.eventLoop.now else { return }
            guard let due = farewells?.due, due <= now else { return tellLater() }
            farewells?.cursor += 1
            farewells?.next()
            plan.takeLeave(of: connection)
        }
        tellLater()
    }

    /// The connection at the cursor, which skips what is none.
    private func nextToTell() -> WebSocketConnection? {
        while let cursor = farewells?.cursor, cursor < entries.count {
            if case .open(let connection, _) = entries[cursor] { return connection }
            farewells?.cursor += 1
        }
        return nil
    }

    private func tellLater() {
        guard let farewells else { return }
        let bound = NIOLoopBound(self, eventLoop: farewells.eventLoop)
        farewells.eventLoop.scheduleTask(deadline: farewells.due) { bound.value.tellThoseDue() }
    }

    /// Ends all there is. Who has not been told yet finds a close frame before the end of the stream.
    func cut() {
        isCut = true
        for index in entries.indices where index < entries.count {
            if case .open(let connection, let task) = entries[index] { cut(connection, task, at: index) }
        }
        // Only now those that carry others, which would take them along untold.
        for index in entries.indices where index < entries.count {
            if case .unopened(let connection) = entries[index] { connection.abort() }
        }
    }

    private func cut(_ connection: WebSocketConnection, _ task: Task<Void, Never>?, at index: Int) {
        farewells?.plan.takeLeave(of: connection)
        connection.abort()
        // One with callbacks has left the list by now. A handler has first to notice.
        guard let task, index < entries.count, case .open(let same, _) = entries[index], same === connection
        else { return }
        farewells?.plan.ledger.count(connection)
        entries[index] = .cancelled
        task.cancel()
    }
}
