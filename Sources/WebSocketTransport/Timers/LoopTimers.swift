import NIOCore

/// The timers of an event loop of SwiftNIO's: a ``TimerWheel``, and one scheduled task of the loop's that turns it
/// while anything is set, however many connections the loop has.
///
/// To be used on the loop only.
final class LoopTimers {
    private weak var eventLoop: (any EventLoop)?
    private var wheel = TimerWheel()
    private var wakeUp: Scheduled<Void>?
    private var wakesAt = NIODeadline.distantFuture
    /// Whether timers are going off, after which the next wake-up is planned once.
    private var isTurning = false

    // For tests.
    var count: Int { wheel.count }
    /// Tasks that the loop has scheduled for this.
    private(set) var scheduledTasks = 0

    init(of eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func isOf(_ eventLoop: any EventLoop) -> Bool { self.eventLoop === eventLoop }
    var isOfNobody: Bool { eventLoop == nil }

    func set(_ owner: any LoopTimerOwner, at deadline: NIODeadline, on eventLoop: any EventLoop) {
        wheel.set(owner, at: deadline, now: eventLoop.now)
        planWakeUp(on: eventLoop)
    }

    func remove(_ owner: any LoopTimerOwner, on eventLoop: any EventLoop) {
        wheel.remove(owner)
        planWakeUp(on: eventLoop)
    }

    private func planWakeUp(on eventLoop: any EventLoop) {
        guard !isTurning else { return }
        guard let next = wheel.nextLook else { return cancelWakeUp() }
        // Too early a look only finds nothing, which costs less than to move the task with each timer.
        if wakeUp != nil, wakesAt <= next { return }
        cancelWakeUp()
        // A loop whose clock a test turns would go back to a time that is past.
        wakesAt = max(next, eventLoop.now)
        scheduledTasks += 1
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        wakeUp = eventLoop.scheduleTask(deadline: wakesAt) { bound.value.turn(on: eventLoop) }
    }

    private func cancelWakeUp() {
        guard let wakeUp else { return }
        wakeUp.cancel()
        self.wakeUp = nil
        scheduledTasks -= 1
    }

    private func turn(on eventLoop: any EventLoop) {
        wakeUp = nil
        scheduledTasks -= 1
        isTurning = true
        let now = eventLoop.now
        while let owner = wheel.popDue(at: now) { owner.timerFired() }
        isTurning = false
        planWakeUp(on: eventLoop)
    }
}
