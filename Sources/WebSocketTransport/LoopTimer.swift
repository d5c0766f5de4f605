package import NIOCore

/// Whoever owns a ``LoopTimer``.
package protocol LoopTimerOwner: AnyObject {
    var timer: LoopTimer { get set }
    /// The time has come; the timer is not set any more.
    func timerFired()
}

/// The one timer of a connection, or of an opening handshake: what there is to wait for changes, but it is one
/// thing at a time.
///
/// On a loop of ours it is an entry in the loop's heap and costs no object; elsewhere it is a scheduled task.
/// To be used on the loop only.
package struct LoopTimer {
    /// Where the loop's heap has it.
    var place: Int32 = TimerHeap.nowhere
    /// Elsewhere. In a box, since nearly all connections have none.
    private var scheduled: ScheduledBox?

    private final class ScheduledBox {
        let task: Scheduled<Void>
        init(_ task: Scheduled<Void>) { self.task = task }
    }

    package init() {}

    static func set(_ owner: any LoopTimerOwner, at deadline: NIODeadline, on eventLoop: any EventLoop) {
        #if os(Linux)
        if let loop = eventLoop as? EpollLoop { return loop.timers.set(owner, at: deadline) }
        #endif
        owner.timer.scheduled?.task.cancel()
        let bound = NIOLoopBound(owner, eventLoop: eventLoop)
        owner.timer.scheduled = ScheduledBox(
            eventLoop.scheduleTask(deadline: deadline) {
                bound.value.timer.scheduled = nil
                bound.value.timerFired()
            }
        )
    }

    static func cancel(_ owner: any LoopTimerOwner, on eventLoop: any EventLoop) {
        #if os(Linux)
        if let loop = eventLoop as? EpollLoop { return loop.timers.remove(owner) }
        #endif
        owner.timer.scheduled?.task.cancel()
        owner.timer.scheduled = nil
    }
}

extension LoopTimerOwner {
    /// Sets the timer, in place of what it was set to.
    package func setTimer(at deadline: NIODeadline, on eventLoop: any EventLoop) {
        LoopTimer.set(self, at: deadline, on: eventLoop)
    }

    package func cancelTimer(on eventLoop: any EventLoop) { LoopTimer.cancel(self, on: eventLoop) }
}
