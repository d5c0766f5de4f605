import NIOConcurrencyHelpers
import Synchronization

/// How much was published to a topic and has not been seen by all of its loops, and who waits for them.
final class TopicBacklog: Sendable {
    private let mark: Int
    private let bytes = Atomic(0)
    private let isAwaited = Atomic(false)
    private let waiters = NIOLockedValueBox<[CheckedContinuation<Void, Never>]>([])

    init(mark: Int) { self.mark = max(mark, 0) }

    var count: Int { bytes.load(ordering: .relaxed) }
    var isAboveMark: Bool { count > mark }

    func add(_ cost: Int) { bytes.wrappingAdd(cost, ordering: .relaxed) }

    // Whoever waits says so and then looks at the number; whoever changes the number then looks whether anybody waits.
    // In this order on both sides, one of them sees the other.

    func subtract(_ cost: Int) {
        let left = bytes.wrappingSubtract(cost, ordering: .sequentiallyConsistent).newValue
        if left <= mark / 2, isAwaited.load(ordering: .sequentiallyConsistent) { resumeWaiters() }
    }

    /// Waits until no more than half of the mark is left.
    func wait() async {
        await withCheckedContinuation { continuation in
            waiters.withLockedValue { $0.append(continuation) }
            isAwaited.store(true, ordering: .sequentiallyConsistent)
            if bytes.load(ordering: .sequentiallyConsistent) <= mark / 2 { resumeWaiters() }
        }
    }

    private func resumeWaiters() {
        let resumed = waiters.withLockedValue { waiters in
            isAwaited.store(false, ordering: .sequentiallyConsistent)
            defer { waiters = [] }
            return waiters
        }
        for waiter in resumed { waiter.resume() }
    }
}
