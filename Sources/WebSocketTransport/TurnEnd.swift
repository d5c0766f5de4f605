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
        if eventLoop is SocketLoop { return }
        #endif
        wait(NIOLoopBound(scratch, eventLoop: eventLoop), on: eventLoop, rounds: 0, quiet: 0)
    }

    /// Says that there is more for what was put off, so that it is worth waiting for yet more.
    package static func more() { LoopScratch.current.putOffMore = true }

    /// Has `take` called between the moment at which a connection of the calling loop learns what tasks beyond the loop
    /// have sent, and its sending it: what came from the same tasks by another way, and earlier, goes first. Until it
    /// returns false.
    package static func takesIn(_ take: @escaping () -> Bool) { LoopScratch.current.intakes.append(take) }

    /// Runs `body`, which sends what was taken in; what tasks beyond the loop have sent meanwhile, and may have sent
    /// after it was published, does not go out first.
    package static func whileOrdersWait(_ body: () -> Void) {
        let scratch = LoopScratch.current
        let waited = scratch.ordersWait
        scratch.ordersWait = true
        body()
        scratch.ordersWait = waited
    }

    /// SwiftNIO tells nobody when its turn ends. So one waits behind whatever is posted by now, and again for as
    /// long as that adds to what was put off: twice, since whoever publishes is first told that he may go on.
    private static func wait(
        _ scratch: NIOLoopBound<LoopScratch>,
        on eventLoop: any EventLoop,
        rounds: Int,
        quiet: Int
    ) {
        eventLoop.execute {
            let quiet = scratch.value.putOffMore ? 0 : quiet + 1
            scratch.value.putOffMore = false
            guard quiet < 2, rounds < maxRounds else { return scratch.value.doWhatWasPutOff() }
            wait(scratch, on: eventLoop, rounds: rounds + 1, quiet: quiet)
        }
    }

    private static let maxRounds = 64
}

extension LoopScratch {
    /// Takes in what has come by other ways than through connections, and does what is thereby put off.
    func takeIn() {
        guard !intakes.isEmpty else { return }
        // Apart, for what is taken in may bring others.
        var kept: [() -> Bool] = []
        swap(&kept, &intakes)
        kept.removeAll { take in !take() }
        intakes.insert(contentsOf: kept, at: 0)
        doWhatWasPutOff()
    }

    func putOff(_ work: @escaping () -> Void) { putOffWork.append(work) }

    func doWhatWasPutOff() {
        guard !putOffWork.isEmpty else { return }
        var work: [() -> Void] = []
        swap(&work, &putOffWork)
        for item in work { item() }
    }
}
