#if os(Linux)
import NIOCore
import TestSupport
import Testing

@testable import WebSocketTransport

/// The loop on epoll as one of SwiftNIO's event loops.
@Suite("Event loop on epoll", .timeLimit(.minutes(1)))
struct SocketLoopTests {
    /// Has a loop on epoll do it, and then one on io_uring, where there is such a thing.
    private func withLoop(_ body: @escaping @Sendable (SocketLoop) async throws -> Void) async throws {
        for onRing in Tools.mayUseRing ? [false, true] : [false] {
            let loop = try SocketLoop(name: "test", onRing: onRing)
            do {
                try await within { try await body(loop) }
            } catch {
                try await loop.shutdownGracefully()
                throw error
            }
            try await loop.shutdownGracefully()
        }
    }

    @Test("What is posted runs on the loop, each thread's in its order, and wakes a loop that waits for ever")
    func posting() async throws {
        try await withLoop { loop in
            #expect(!loop.inEventLoop)
            let log = Log<(thread: Int, number: Int)>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for thread in 0..<4 {
                    group.addTask {
                        for number in 0..<500 {
                            loop.execute {
                                #expect(loop.inEventLoop)
                                log.add((thread, number))
                            }
                        }
                        try await loop.submit {}.get()
                    }
                }
                try await group.waitForAll()
            }
            for thread in 0..<4 {
                #expect(log.entries.filter { $0.thread == thread }.map(\.number) == Array(0..<500))
            }
        }
    }

    @Test("Timers go off in the order of their times, from any thread, and not when cancelled")
    func timers() async throws {
        try await withLoop { loop in
            let log = Log<Int>()
            let last = loop.scheduleTask(in: .milliseconds(60)) { log.add(60) }
            for delay in [40, 20, 50, 30] {
                _ = loop.scheduleTask(in: .milliseconds(Int64(delay))) { log.add(delay) }
            }
            let cancelled = loop.scheduleTask(in: .milliseconds(10)) { log.add(10) }
            cancelled.cancel()
            await #expect(throws: EventLoopError.self) { try await cancelled.futureResult.get() }
            try await last.futureResult.get()
            #expect(log.entries == [20, 30, 40, 50, 60])
            let failing = loop.scheduleTask(in: .zero) { () throws -> Int in
                throw TookTooLong(limit: .zero, what: "x")
            }
            await #expect(throws: TookTooLong.self) { try await failing.futureResult.get() }
        }
    }

    @Test("A task with the loop's executor stays on it over suspensions")
    func tasks() async throws {
        try await withLoop { loop in
            let executor = LoopTaskExecutor(loop)
            let task = Task(executorPreference: executor) {
                defer { withExtendedLifetime(executor) {} }
                for _ in 0..<50 {
                    #expect(loop.inEventLoop)
                    await Task.yield()
                    let seven = try await loop.submit { 7 }.get()
                    #expect(seven == 7)
                }
                return loop.inEventLoop
            }
            let stayed = try await task.value
            #expect(stayed)
        }
    }

    @Test("Tasks that keep each other busy do not keep timers waiting")
    func fairness() async throws {
        try await withLoop { loop in
            let isOver = Locked(false)
            let executor = LoopTaskExecutor(loop)
            let busy = Task(executorPreference: executor) {
                defer { withExtendedLifetime(executor) {} }
                while !isOver.withLock({ $0 }) { await Task.yield() }
            }
            try await loop.scheduleTask(in: .milliseconds(5)) { isOver.withLock { $0 = true } }.futureResult
                .get()
            await busy.value
        }
    }

    @Test("What was posted before the end still runs, and the end is told once to each who asked")
    func stopping() async throws {
        let loop = try SocketLoop(name: "test")
        let log = Log<Int>()
        for number in 0..<100 { loop.execute { log.add(number) } }
        try await within {
            try await loop.shutdownGracefully()
            try await loop.shutdownGracefully()
        }
        #expect(log.entries == Array(0..<100))
        #expect(!loop.inEventLoop)
    }

    @Test("A group has as many loops as it was asked for, and takes turns with them")
    func group() async throws {
        let group = try SocketLoopGroup(count: 3)
        let first = (0..<3).map { _ in ObjectIdentifier(group.next()) }
        let second = (0..<3).map { _ in ObjectIdentifier(group.next()) }
        #expect(Set(first).count == 3)
        #expect(first == second)
        #expect(group.makeIterator().map { ObjectIdentifier($0) }.count == 3)
        try await within { try await group.shutdownGracefully() }
    }
}
#endif
