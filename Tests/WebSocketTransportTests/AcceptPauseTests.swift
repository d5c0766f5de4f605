import Foundation
import TestSupport
import Testing

@testable import WebSocketTransport

@Suite("Accepting without room")
struct AcceptPauseTests {
    @Test(
        "It pauses, tries again, and is over when there was room for a while; that there is none is news once"
    )
    func episode() {
        var pause = AcceptPause()
        #expect(!pause.isPaused)
        #expect(pause.begin() == true)
        for _ in 0..<3 {
            #expect(pause.isPaused)
            #expect(pause.timerFired() == .resume)
            #expect(!pause.isPaused)
            // There was room for none, or for one.
            #expect(pause.begin() == false)
        }
        #expect(pause.timerFired() == .resume)
        #expect(pause.timerFired() == .over)
        #expect(pause.begin() == true, "the next time is news again")
    }

    @Test(
        "Only want of room is one",
        arguments: [
            (EMFILE, true), (ENFILE, true), (ENOMEM, true), (ENOBUFS, true), (ECONNABORTED, false),
            (EAGAIN, false), (EINVAL, false),
        ]
    )
    func errors(_ error: CInt, _ isExhaustion: Bool) {
        #expect(AcceptPause.isExhaustion(error) == isExhaustion)
    }

    @Test("Of several listeners the first tells that there is no room, and the last that there is")
    func severalListeners() {
        let log = Log<Bool>()
        let exhaustion = AcceptExhaustion { log.add($0) }
        for _ in 0..<3 { exhaustion.begin() }
        #expect(log.entries == [true])
        exhaustion.end()
        exhaustion.end()
        #expect(log.takeAll() == [true])
        exhaustion.end()
        #expect(log.takeAll() == [false])
        exhaustion.begin()
        #expect(log.entries == [true])
    }
}
