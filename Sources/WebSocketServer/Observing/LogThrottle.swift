import NIOCore
import Synchronization

/// Admits so many lines a second to a log, and counts those it leaves out: a flood of clients must not fill a disk.
final class LogThrottle: Sendable {
    private struct State {
        var began: NIODeadline?
        var admitted = 0
        var leftOut = 0
    }

    enum Verdict: Equatable {
        case log
        /// - Parameter isFirst: whether it is the first of this second, so that somebody must see to it that
        ///   ``takeLeftOut()`` is called when the second is over.
        case leaveOut(isFirst: Bool)
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: lines a second.
    init(limit: Int) { self.limit = limit }

    func judge(at now: NIODeadline) -> Verdict {
        state.withLock { state in
            if state.began.map({ now >= $0 + .seconds(1) }) ?? true {
                state.began = now
                state.admitted = 0
            }
            if state.admitted < limit {
                state.admitted += 1
                return .log
            }
            state.leftOut += 1
            return .leaveOut(isFirst: state.leftOut == 1)
        }
    }

    /// How many were left out since this was asked before.
    func takeLeftOut() -> Int {
        state.withLock { state in
            defer { state.leftOut = 0 }
            return state.leftOut
        }
    }
}
