import Testing
import WebSocketTransport

@testable import WebSockets

/// What a socket has yet to tell its owner.
@Suite("Notices that wait")
struct NoticeQueueTests {
    @Test("An owner that never catches up gets all in order, and what it was told takes no memory any more")
    func neverEmpty() {
        var queue = NoticeQueue()
        queue.begin(with: .opened)
        for number in 0..<100 { queue.append(Message("\(number)")) }
        guard case .opened = queue.next() else {
            Issue.record("the opening comes first")
            return
        }
        var most = 0
        for number in 0..<100_000 {
            queue.append(Message("\(number + 100)"))
            guard case .message(let message) = queue.next() else {
                Issue.record("message \(number) is missing")
                return
            }
            #expect(message.text == "\(number)")
            most = max(most, queue.storedCount)
        }
        #expect(most <= 300)
    }

    @Test("Order, across the places where memory is given back")
    func order() {
        var queue = NoticeQueue()
        queue.begin(with: .opened)
        _ = queue.next()
        var (added, taken) = (0, 0)
        while taken < 5000 {
            for _ in 0..<(added < 5000 ? 7 : 0) {
                queue.append(Message("\(added)"))
                added += 1
            }
            for _ in 0..<6 where taken < added {
                guard case .message(let message)? = queue.next() else {
                    Issue.record("no message \(taken)")
                    return
                }
                #expect(message.text == "\(taken)")
                taken += 1
            }
        }
        let rest = (taken..<added).map { "\($0)".utf8.count + ConnectionOptions.messageCharge }
        #expect(queue.cost == rest.reduce(0, +))
    }

    @Test("An end that came before the opening waits for it, until there is none to come")
    func noOpening() {
        var queue = NoticeQueue()
        queue.append(Message("early"))
        queue.end(with: .closed(code: 1006, reason: "", wasClean: false, failed: true), isUnopened: false)
        #expect(queue.isEmpty)
        if queue.next() != nil { Issue.record("told too early") }
        queue.opensNoMore()
        guard case .message = queue.next(), case .closed = queue.next() else {
            Issue.record("the message and the end are not told")
            return
        }
        #expect(queue.isEmpty)
    }
}
