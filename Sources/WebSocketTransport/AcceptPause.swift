package import NIOCore
import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// What a listener does when the process or the system has no room for another connection: it accepts nobody for a
/// moment, since the connection that waits would wake it at once again, and says so once. When all has been well for
/// a while, it says that too: at its limit, a server finds room and loses it again with each connection that ends.
///
/// Pure: it answers what to do; the listener has the clock.
package struct AcceptPause {
    private enum State {
        case accepting
        case paused
        /// Accepting again, and not sure yet that there is room to stay.
        case recovering
    }

    /// How long nobody is accepted: only connections that end make room.
    package static let pause = TimeAmount.milliseconds(100)
    /// How long there must have been room, for it to be worth telling.
    package static let calm = TimeAmount.seconds(5)

    private var state = State.accepting

    package init() {}

    package var isPaused: Bool { state == .paused }

    /// Whether a call of `accept` that failed so failed for want of room.
    package static func isExhaustion(_ errno: CInt) -> Bool {
        switch errno {
        case EMFILE, ENFILE, ENOMEM, ENOBUFS: true
        default: false
        }
    }

    /// There is no room. The timer is to be set to ``pause``, whatever it was set to.
    ///
    /// - Returns: whether that is news.
    package mutating func begin() -> Bool {
        defer { state = .paused }
        return state == .accepting
    }

    package enum Step: Equatable {
        /// Accept again, and set the timer to ``calm``.
        case resume
        /// There has been room long enough.
        case over
    }

    package mutating func timerFired() -> Step {
        guard state == .paused else {
            state = .accepting
            return .over
        }
        state = .recovering
        return .resume
    }
}

/// Tells once when the first of a server's listeners finds no room, and once when the last has found some again.
package final class AcceptExhaustion: Sendable {
    private let count = Atomic(0)
    private let onChange: @Sendable (_ isExhausted: Bool) -> Void

    package init(_ onChange: @escaping @Sendable (_ isExhausted: Bool) -> Void) { self.onChange = onChange }

    package func begin() {
        if count.wrappingAdd(1, ordering: .relaxed).oldValue == 0 { onChange(true) }
    }

    package func end() {
        if count.wrappingSubtract(1, ordering: .relaxed).newValue == 0 { onChange(false) }
    }
}
