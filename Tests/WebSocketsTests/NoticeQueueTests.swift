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
}
