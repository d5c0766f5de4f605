import Dispatch
import Testing

/// Runs the tests of a suite one after another on a thread that they share with no others.
///
/// These tests compute, for seconds in all, and never wait. On the threads that all tests share they would
/// hold up those that do wait, for a server's answer within its deadline, until such a test fails on a busy
/// machine for no fault of its own.
struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    private static let executor = QueueExecutor()

    var isRecursive: Bool { true }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(Self.executor) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    static var ownThread: OwnThread { OwnThread() }
}

private final class QueueExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "tests that compute")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
