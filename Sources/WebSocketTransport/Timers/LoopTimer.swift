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
/// It is an entry in the ``TimerWheel`` of its event loop and costs no object. To be used on the loop only.
package struct LoopTimer {
    /// Where the wheel has it.
    var place = TimerWheel.nowhere

    package init() {}
}

extension LoopTimerOwner {
    /// Sets the timer, in place of what it was set to. It goes off at `deadline` or up to 5 ms later
    /// (``TimerWheel/resolution``), never before; at a time that is past already, as soon as the loop looks.
    package func setTimer(at deadline: NIODeadline, on eventLoop: any EventLoop) {
        #if os(Linux)
        if let loop = eventLoop as? SocketLoop { return loop.timers.set(self, at: deadline, now: .now()) }
        #endif
        LoopScratch.current.timers(of: eventLoop).set(self, at: deadline, on: eventLoop)
    }

    package func cancelTimer(on eventLoop: any EventLoop) {
        #if os(Linux)
        if let loop = eventLoop as? SocketLoop { return loop.timers.remove(self) }
        #endif
        guard timer.place != TimerWheel.nowhere else { return }
        LoopScratch.current.timers(of: eventLoop).remove(self, on: eventLoop)
    }
}
