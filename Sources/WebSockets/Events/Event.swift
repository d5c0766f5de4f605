/// Something that happened, as told to listeners (DOM §2.2).
open class Event {
    /// What happened: "open", "message", …
    public let type: String
    /// Whether the event would rise from its target to the target's parents. No target here has any.
    public let bubbles: Bool
    /// Whether ``preventDefault()`` has an effect.
    public let cancelable: Bool
    /// Milliseconds since the program's first event or signal.
    public let timeStamp: Double

    /// Whom the event was dispatched to.
    public internal(set) var target: EventTarget?
    /// Whose listener is running.
    public internal(set) var currentTarget: EventTarget?
    /// Where in the dispatch the event is.
    public internal(set) var eventPhase = Phase.none
    /// Whether a listener has called ``preventDefault()``.
    public private(set) var defaultPrevented = false
    /// Whether Duplex dispatched the event; false for those that a program dispatches.
    public internal(set) var isTrusted = false

    var isDispatched = false
    var isInPassiveListener = false
    private(set) var stopsPropagation = false
    private(set) var stopsImmediately = false

    /// The stages of a dispatch (DOM §2.2, `eventPhase`).
    public enum Phase: UInt16, Sendable {
        case none = 0
        case capturing = 1
        case atTarget = 2
        case bubbling = 3
    }

    /// An event to dispatch oneself.
    public init(_ type: String, bubbles: Bool = false, cancelable: Bool = false) {
        self.type = type
        self.bubbles = bubbles
        self.cancelable = cancelable
        timeStamp = Self.milliseconds(since: Self.epoch)
    }

    private static let epoch = ContinuousClock.now

    private static func milliseconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = start.duration(to: .now).components
        return Double(seconds) * 1e3 + Double(attoseconds) / 1e15
    }

    /// Keeps the event from targets beyond the current one.
    public func stopPropagation() { stopsPropagation = true }

    /// Keeps the event from all further listeners.
    public func stopImmediatePropagation() {
        stopsPropagation = true
        stopsImmediately = true
    }

    /// Makes ``EventTarget/dispatchEvent(_:)`` return false, if the event is ``cancelable``.
    public func preventDefault() {
        if cancelable, !isInPassiveListener { defaultPrevented = true }
    }

    /// The targets that listeners are called of: while the event is dispatched, its target.
    public func composedPath() -> [EventTarget] {
        guard isDispatched, let target else { return [] }
        return [target]
    }

    func endDispatch() {
        isDispatched = false
        eventPhase = .none
        currentTarget = nil
        stopsPropagation = false
        stopsImmediately = false
    }
}
