package import NIOCore

/// Work put off to the end of a loop's turn, so that what comes together in a turn goes out together.
package enum TurnEnd {
    /// Runs `work` when the turn of the calling loop ends, or as soon as a connection of the loop is to send
    /// anything else: so that nothing overtakes what was put off.
    package static func run(on eventLoop: any EventLoop, _ work: @escaping () -> Void) {
        let scratch = LoopScratch.current
        scratch.putOff(work)
        #if os(Linux)
        // It looks by itself.
        if eventLoop is EpollLoop { return }
        #endif
        let bound = NIOLoopBound(scratch, eventLoop: eventLoop)
        eventLoop.execute { bound.value.doWhatWasPutOff() }
    }

    /// Does now what was put off.
    package static func hasten() { LoopScratch.current.doWhatWasPutOff() }
}

extension LoopScratch {
    func putOff(_ work: @escaping () -> Void) { putOffWork.append(work) }

    func doWhatWasPutOff() {
        guard !putOffWork.isEmpty else { return }
        var work: [() -> Void] = []
        swap(&work, &putOffWork)
        for item in work { item() }
    }
}
