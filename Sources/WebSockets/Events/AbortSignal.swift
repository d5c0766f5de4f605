import NIOConcurrencyHelpers

/// Tells work that it is not wanted any more (DOM §3.2).
///
/// It can be aborted anywhere and looked at anywhere. Its listeners are called where ``AbortController/abort(_:)`` is.
public final class AbortSignal: EventTarget, @unchecked Sendable {
    // Sendable: what is here is guarded by `lock`, and listeners by EventTarget's own. A listener is called in the
    // task that aborts, which the documentation says.
    private let lock = NIOLock()
    private var cause: (any Error)?
    /// What to do then, in the order in which it was asked for.
    private var actions: [(number: Int, act: () -> Void)] = []
    private var lastNumber = 0
    /// What ``any(_:)`` was given, which has to live to tell this.
    private var sources: [AbortSignal] = []

    override init() { super.init() }

    /// Whether it has been aborted.
    public var aborted: Bool { reason != nil }

    /// Why, once it has been aborted.
    public var reason: (any Error)? { lock.withLock { cause } }

    /// Called once when it is aborted.
    public var onabort: ((Event) throws -> Void)? {
        get { handler(.abort) }
        set { setHandler(.abort, newValue) }
    }

    /// Throws ``reason`` if it has been aborted.
    public func throwIfAborted() throws {
        if let reason { throw reason }
    }

    /// A signal that is aborted already.
    public static func abort(
        _ reason: any Error = DOMException("the operation was aborted", name: .abort)
    ) -> AbortSignal {
        let signal = AbortSignal()
        signal.abort(because: reason)
        return signal
    }

    /// A signal that is aborted with a ``DOMException/Name/timeout`` after a time.
    public static func timeout(_ time: Duration) -> AbortSignal {
        let signal = AbortSignal()
        // Held until then: whoever listens need not hold it.
        Task {
            try? await Task.sleep(for: time)
            signal.abort(because: DOMException("the operation took more than \(time)", name: .timeout))
        }
        return signal
    }

    /// A signal that is aborted as soon as one of several is, with its reason.
    public static func any(_ signals: [AbortSignal]) -> AbortSignal {
        let signal = AbortSignal()
        signal.lock.withLock { signal.sources = signals }
        for source in signals {
            if let reason = source.reason {
                signal.abort(because: reason)
                break
            }
            source.perform { [weak signal, weak source] in
                if let reason = source?.reason { signal?.abort(because: reason) }
            }
        }
        return signal
    }

    func abort(because reason: any Error) {
        let actions: [(number: Int, act: () -> Void)]? = lock.withLock {
            guard cause == nil else { return nil }
            cause = reason
            defer {
                self.actions = []
                sources = []
            }
            return self.actions
        }
        guard let actions else { return }
        // DOM §3.2: what was asked for comes before the listeners.
        for action in actions { action.act() }
        fire(Event("abort"))
    }

    /// Does something when this is aborted; at once if it has been.
    ///
    /// - Returns: what ``forget(_:)`` takes.
    @discardableResult
    func perform(_ action: @escaping @Sendable () -> Void) -> Int { add(action) }

    /// Thinks better of what ``perform(_:)`` was asked for: a signal may live as long as the program.
    func forget(_ number: Int) {
        // Let go of outside the lock: it may hold whatever it likes.
        let forgotten = lock.withLock {
            actions.firstIndex { $0.number == number }.map { actions.remove(at: $0) }
        }
        _ = consume forgotten
    }

    /// What waits for an abort, for tests.
    var actionCount: Int { lock.withLock { actions.count } }

    /// Removes a listener when this is aborted: what an event target does is guarded by its lock, in whatever task.
    /// Holds neither of them: a signal may live as long as the program.
    func remove(_ listener: EventListener, _ type: String, capture: Bool, from target: EventTarget) {
        add { [weak target, weak listener] in
            if let listener { target?.removeEventListener(type, listener, capture: capture) }
        }
    }

    @discardableResult
    private func add(_ action: @escaping () -> Void) -> Int {
        let number = lock.withLock { () -> Int? in
            guard cause == nil else { return nil }
            lastNumber += 1
            actions.append((lastNumber, action))
            return lastNumber
        }
        guard let number else {
            action()
            return 0
        }
        return number
    }
}

/// Makes a signal and aborts it (DOM §3.1).
public final class AbortController: Sendable {
    public let signal = AbortSignal()

    public init() {}

    /// Aborts the signal. Doing so again does nothing.
    public func abort(_ reason: any Error = DOMException("the operation was aborted", name: .abort)) {
        signal.abort(because: reason)
    }
}
