import NIOConcurrencyHelpers

/// What events are dispatched to, and who has listeners for them (DOM §2.7).
///
/// Listeners are called one after the other, in the order they were added, where the dispatch happens.
open class EventTarget {
    // Guarded by a lock for the sake of sockets that belong to no actor: those get listeners in one task, and have
    // them called in another.
    private let lock = NIOLock()
    private var registrations: [Registration] = []
    /// The types of which events may come yet, once no others do; `nil`: any may.
    private var typesLeft: Set<String>?

    public init() {}

    /// One listener's being registered for one type.
    private final class Registration {
        let type: String
        var listener: EventListener
        let capture: Bool
        let once: Bool
        let passive: Bool
        /// Whether it stands for the handler property (`onmessage` and its like).
        let isHandler: Bool
        var isRemoved = false

        init(
            _ type: String,
            _ listener: EventListener,
            capture: Bool,
            once: Bool,
            passive: Bool,
            isHandler: Bool
        ) {
            self.type = type
            self.listener = listener
            self.capture = capture
            self.once = once
            self.passive = passive
            self.isHandler = isHandler
        }
    }

    // MARK: Listeners

    /// Has `listener` called for events of a type. Adding the same one again does nothing.
    ///
    /// - Parameters:
    ///   - type: the name of the event.
    ///   - listener: what is called.
    ///   - capture: distinguishes registrations; no target here has parents, so that it has no other effect.
    ///   - once: whether it is removed before its first call.
    ///   - passive: whether its calling ``Event/preventDefault()`` has no effect.
    ///   - signal: removes the listener when it is aborted. With one that is aborted already nothing is added.
    public func addEventListener(
        _ type: String,
        _ listener: EventListener,
        capture: Bool = false,
        once: Bool = false,
        passive: Bool = false,
        signal: AbortSignal? = nil
    ) {
        if let signal, signal.aborted { return }
        let isNew = lock.withLock {
            let isKnown = registrations.contains {
                $0.type == type && $0.listener === listener && $0.capture == capture && !$0.isHandler
            }
            guard !isKnown, isTaken(type) else { return false }
            registrations.append(
                Registration(type, listener, capture: capture, once: once, passive: passive, isHandler: false)
            )
            return true
        }
        guard isNew else { return }
        signal?.remove(listener, type, capture: capture, from: self)
        listenersChanged()
    }

    /// Has `listener` called for events of a type. See
    /// ``addEventListener(_:_:capture:once:passive:signal:)-(String,EventListener,_,_,_,_)``.
    ///
    /// - Returns: what ``removeEventListener(_:_:capture:)-(String,_,_)`` takes; closures have no identity of their own.
    @discardableResult
    public func addEventListener(
        _ type: String,
        capture: Bool = false,
        once: Bool = false,
        passive: Bool = false,
        signal: AbortSignal? = nil,
        _ listener: @escaping (Event) throws -> Void
    ) -> EventListener {
        let listener = EventListener(listener)
        addEventListener(type, listener, capture: capture, once: once, passive: passive, signal: signal)
        return listener
    }

    /// Has `listener` called for events of a type, as what they are:
    /// `socket.addEventListener(.message) { event in print(event.data) }`.
    ///
    /// Events of that name that are of another class, which only a program can dispatch, are not told.
    @discardableResult
    public func addEventListener<Kind: Event>(
        _ type: EventType<Kind>,
        capture: Bool = false,
        once: Bool = false,
        passive: Bool = false,
        signal: AbortSignal? = nil,
        _ listener: @escaping (Kind) throws -> Void
    ) -> EventListener {
        let listener = EventListener { if let event = $0 as? Kind { try listener(event) } }
        addEventListener(
            type.name,
            listener,
            capture: capture,
            once: once,
            passive: passive,
            signal: signal
        )
        return listener
    }

    /// Removes a listener; one that is not there is no error. A dispatch that is under way does not call it any more.
    public func removeEventListener(_ type: String, _ listener: EventListener, capture: Bool = false) {
        lock.withLock {
            remove { $0.type == type && $0.listener === listener && $0.capture == capture && !$0.isHandler }
        }
        listenersChanged()
    }

    /// Removes a listener. See ``removeEventListener(_:_:capture:)-(String,_,_)``.
    public func removeEventListener<Kind: Event>(
        _ type: EventType<Kind>,
        _ listener: EventListener,
        capture: Bool = false
    ) {
        removeEventListener(type.name, listener, capture: capture)
    }

    private func remove(where matches: (Registration) -> Bool) {
        registrations.removeAll {
            guard matches($0) else { return false }
            $0.isRemoved = true
            return true
        }
    }

    // MARK: Handlers

    /// HTML §8.1.8.1: a handler property is a listener like others. It is called where in their order it was set
    /// first; setting it to `nil` gives the place up.
    func setHandler<Kind: Event>(_ type: EventType<Kind>, _ handler: ((Kind) throws -> Void)?) {
        let listener = handler.map { handler in
            EventListener({ if let event = $0 as? Kind { try handler(event) } }, original: handler)
        }
        // Let go of outside the lock: a closure's end may end what removes its listeners then.
        var replaced: EventListener?
        lock.withLock {
            let old = registrations.first { $0.type == type.name && $0.isHandler }
            replaced = old?.listener
            switch (old, listener) {
            case (let old?, let listener?): old.listener = listener
            case (nil, let listener?) where isTaken(type.name):
                registrations.append(
                    Registration(
                        type.name,
                        listener,
                        capture: false,
                        once: false,
                        passive: false,
                        isHandler: true
                    )
                )
            case (nil, _?): break
            case (_, nil): remove { $0.type == type.name && $0.isHandler }
            }
        }
        _ = consume replaced
        listenersChanged()
    }

    func handler<Kind: Event>(_ type: EventType<Kind>) -> ((Kind) throws -> Void)? {
        lock.withLock {
            registrations.first { $0.type == type.name && $0.isHandler }?.listener.original
                as? (Kind) throws -> Void
        }
    }

    // MARK: Dispatching

    /// Calls the listeners of the event's type.
    ///
    /// - Returns: false if the event is ``Event/cancelable`` and a listener called ``Event/preventDefault()``.
    /// - Throws: ``DOMException`` of the name ``DOMException/Name/invalidState`` for an event that is being dispatched.
    @discardableResult
    public func dispatchEvent(_ event: Event) throws(DOMException) -> Bool {
        guard !event.isDispatched else {
            throw DOMException("the event \"\(event.type)\" is being dispatched already", name: .invalidState)
        }
        event.isTrusted = false
        return dispatch(event)
    }

    /// Dispatches an event of our own making.
    @discardableResult
    func fire(_ event: Event) -> Bool {
        event.isTrusted = true
        return dispatch(event)
    }

    private func dispatch(_ event: Event) -> Bool {
        event.isDispatched = true
        event.target = self
        event.currentTarget = self
        event.eventPhase = .atTarget
        // DOM §2.9: at the target too, capturing listeners come first.
        for capture in [true, false] where !event.stopsPropagation {
            // Those added from here on are not called; those removed are not called any more.
            let present = lock.withLock {
                registrations.filter { $0.type == event.type && $0.capture == capture }
            }
            for registration in present {
                guard let listener = take(registration) else { continue }
                event.isInPassiveListener = registration.passive
                do {
                    try listener.callback(event)
                } catch {
                    reportUncaught(error, from: event)
                }
                event.isInPassiveListener = false
                if event.stopsImmediately { break }
            }
        }
        event.endDispatch()
        return !event.defaultPrevented
    }

    /// The listener to call, unless it has been removed.
    private func take(_ registration: Registration) -> EventListener? {
        let listener: EventListener? = lock.withLock {
            guard !registration.isRemoved else { return nil }
            if registration.once { remove { $0 === registration } }
            return registration.listener
        }
        if listener != nil, registration.once { listenersChanged() }
        return listener
    }

    /// Called with what a listener throws (DOM §2.9, "report an exception"). By default it goes to standard error, as a
    /// browser's goes to its console.
    open func reportUncaught(_ error: any Error, from event: Event) {
        UncaughtError.print(error, from: event.type)
    }

    // MARK: For what has listeners

    /// Called after listeners were added or removed.
    func listenersChanged() {}

    func hasListener(_ type: String) -> Bool {
        lock.withLock { registrations.contains { $0.type == type } }
    }

    /// To be called with the lock held: whether a listener for a type may still be called.
    private func isTaken(_ type: String) -> Bool { typesLeft?.contains(type) ?? true }

    /// Lets all listeners go, and takes no more: one that is never called would only hold what it holds.
    ///
    /// - Parameter types: those of which events come yet.
    func removeAllListeners(except types: [String] = []) {
        let removed = lock.withLock {
            typesLeft = Set(types)
            defer { remove { !isTaken($0.type) } }
            return registrations
        }
        // Let go of outside the lock: a closure's end may end whatever it holds.
        _ = consume removed
        listenersChanged()
    }
}
