import Testing

@testable import WebSockets

@Suite("The count behind bufferedAmount")
struct SendCountTests {
    @Test("What is transmitted in a turn counts until its end, of earlier turns and of this one")
    func turn() {
        var count = SendCount()
        count.look()
        count.accept(100)
        count.turnEnds()
        count.hand(100)
        count.look()
        count.isHolding(40)
        #expect(count.buffered == 100)
        count.accept(10)
        count.hand(10)
        count.isHolding(0)
        #expect(count.buffered == 110)
        #expect(count.isInTurn)
        count.turnEnds()
        #expect(count.buffered == 0 && !count.isFalling)
    }

    @Test("Before the owner has looked, nothing is kept")
    func unseen() {
        var count = SendCount()
        count.accept(100)
        count.hand(100)
        count.isHolding(30)
        #expect(count.buffered == 30 && !count.isInTurn && count.isFalling)
        count.look()
        count.isHolding(20)
        // Looking again is the same turn.
        count.look()
        #expect(count.buffered == 30)
    }

    @Test("What is lost counts for ever, and what could not be sent goes back")
    func lost() {
        var count = SendCount()
        count.accept(5)
        count.hand(5)
        count.takeBack(5)
        count.isHolding(0)
        count.lose(7)
        count.turnEnds()
        #expect(count.buffered == 12 && count.waiting == 5)
    }
}
