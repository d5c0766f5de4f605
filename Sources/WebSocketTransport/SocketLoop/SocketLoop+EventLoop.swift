#if os(Linux)
package import Dispatch
package import NIOCore
import Synchronization

// What SwiftNIO asks of an event loop beyond running things.

extension SocketLoop {
    package func scheduleTask<T>(
        deadline: NIODeadline,
        _ task: @escaping @Sendable () throws -> T
    ) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        let call = ScheduledCall {
            do {
                promise.assumeIsolated().succeed(try task())
            } catch {
                promise.fail(error)
            }
        }
        onLoop { loop in loop.calls.set(call, at: deadline) }
        // SwiftNIO fails the promise itself.
        return Scheduled(promise: promise) { [self] in onLoop { loop in loop.calls.remove(call) } }
    }

    package func scheduleTask<T>(
        in delay: TimeAmount,
        _ task: @escaping @Sendable () throws -> T
    ) -> Scheduled<T> {
        scheduleTask(deadline: now + delay, task)
    }

    private func onLoop(_ body: @escaping @Sendable (SocketLoop) -> Void) {
        if inEventLoop { body(self) } else { execute { body(self) } }
    }

    /// Stops the loop; see ``SocketLoopGroup``.
    package func shutdownGracefully(
        queue: DispatchQueue,
        _ callback: @Sendable @escaping ((any Error)?) -> Void
    ) {
        stop { queue.async { callback(nil) } }
    }
}

/// Event loops of ours, one thread each.
package final class SocketLoopGroup: EventLoopGroup, Sendable {
    package let loops: [SocketLoop]
    private let turn = Atomic(0)

    /// - Parameter onRing: whether they wait by io_uring, not by epoll.
    /// - Throws: `IOError` when the system has no descriptors or threads left, or no io_uring.
    package init(count: Int, onRing: Bool = false) throws {
        var loops: [SocketLoop] = []
        do {
            for number in 0..<max(count, 1) {
                let name = onRing ? "duplex-uring-\(number)" : "duplex-epoll-\(number)"
                loops.append(try SocketLoop(name: name, onRing: onRing))
            }
        } catch {
            for loop in loops { loop.stop {} }
            throw error
        }
        self.loops = loops
    }

    /// Whether the system has an io_uring that loops can be on, and lets this process have it.
    package static let canBeOnRing = (try? Ring())?.enable() == true

    /// The process's own, one loop per core; they live as long as it does.
    ///
    /// - Throws: `IOError` when the system had no descriptors or threads left.
    package static func shared(onRing: Bool = false) throws -> SocketLoopGroup {
        try onRing ? madeOnRing.get() : made.get()
    }
    private static let made = Result { try SocketLoopGroup(count: System.coreCount) }
    private static let madeOnRing = Result { try SocketLoopGroup(count: System.coreCount, onRing: true) }

    package func next() -> any EventLoop {
        let number = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: number) % UInt(loops.count))]
    }
    package func makeIterator() -> EventLoopIterator { EventLoopIterator(loops) }

    package func shutdownGracefully(
        queue: DispatchQueue,
        _ callback: @Sendable @escaping ((any Error)?) -> Void
    ) {
        let group = DispatchGroup()
        for loop in loops {
            group.enter()
            loop.stop { group.leave() }
        }
        group.notify(queue: queue) { callback(nil) }
    }
}
#endif
