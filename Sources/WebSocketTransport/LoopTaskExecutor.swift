public import NIOCore

/// Runs tasks on an event loop, so that a task which serves a connection of that loop reads and writes
/// without a hop to another thread.
///
/// Such a task must not block: it holds up every connection of the loop.
public final class LoopTaskExecutor: TaskExecutor {
    public let eventLoop: any EventLoop

    public init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        #if os(Linux)
        if let loop = eventLoop as? SocketLoop { return loop.enqueue(job, on: asUnownedTaskExecutor()) }
        #endif
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
