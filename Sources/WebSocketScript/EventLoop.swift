import NIOConcurrencyHelpers

/// The event loop of a host, in the sense of HTML: tasks that wait their turn on the actor that installed the host.
///
/// Anything may add a task, anywhere. A task of Swift's on the actor (the pump) carries them out while there are any.
final class EventLoop: @unchecked Sendable {
    // Sendable: what changes is in `state` behind the lock, but for the host, which is touched on its actor only.
    private let lock = NIOLock()
    private var state: State
    private weak var host: ScriptHost?

    /// Something to do on the host's actor.
    typealias Job = @Sendable (ScriptHost) -> Void

    private struct State {
        weak var owner: (any Actor)?
        var jobs: [Job] = []
        var isPumping = false
        var alarm: Task<Void, Never>?
        /// Which setting of the alarm is the last.
        var alarmNumber = 0
    }

    init(owner: any Actor) { state = State(owner: owner) }

    func attach(_ host: ScriptHost) { self.host = host }

    /// The actor that the host belongs to, while there is one.
    var owner: (any Actor)? { lock.withLock { state.owner } }

    /// Whether something waits to be carried out.
    var isBusy: Bool { lock.withLock { !state.jobs.isEmpty } }

    func enqueue(_ job: @escaping Job) {
        let owner = lock.withLock { () -> (any Actor)? in
            state.jobs.append(job)
            guard !state.isPumping, let owner = state.owner else { return nil }
            state.isPumping = true
            return owner
        }
        if let owner { Task { await Self.pump(self, isolation: owner) } }
    }

    private static func pump(_ loop: EventLoop, isolation: isolated any Actor) async {
        while let job = loop.next(), let host = loop.host {
            host.turn { job($0) }
            // Between two tasks of a page, others of the actor have theirs.
            await Task.yield()
        }
    }

    private func next() -> Job? {
        lock.withLock {
            guard !state.jobs.isEmpty else {
                state.isPumping = false
                return nil
            }
            return state.jobs.removeFirst()
        }
    }

    /// Carries `job` out after a time, in place of what the alarm was set to before.
    func setAlarm(after delay: Duration, _ job: @escaping Job) {
        let deadline = ContinuousClock.now + delay
        lock.withLock {
            state.alarm?.cancel()
            state.alarm = nil
            state.alarmNumber += 1
            let number = state.alarmNumber
            state.alarm = Task.detached { [weak self] in
                if delay > .zero {
                    guard
                        (try? await Task.sleep(until: deadline, tolerance: .zero, clock: .continuous)) != nil
                    else { return }
                }
                self?.ring(number, job)
            }
        }
    }

    private func ring(_ number: Int, _ job: @escaping Job) {
        let isDue = lock.withLock {
            guard state.alarmNumber == number else { return false }
            state.alarm = nil
            return true
        }
        if isDue { enqueue(job) }
    }

    func cancelAlarm() {
        lock.withLock {
            state.alarm?.cancel()
            state.alarm = nil
            state.alarmNumber += 1
        }
    }

    deinit { state.alarm?.cancel() }
}
