/// A closure that can be told from others, so that it can be removed again (DOM §2.7).
///
/// What it throws goes to ``EventTarget/reportUncaught(_:from:)``, and the other listeners are called all the same.
public final class EventListener {
    let callback: (Event) throws -> Void
    /// What was set as a handler, to be read back.
    let original: Any?

    public convenience init(_ callback: @escaping (Event) throws -> Void) {
        self.init(callback, original: nil)
    }

    init(_ callback: @escaping (Event) throws -> Void, original: Any?) {
        self.callback = callback
        self.original = original
    }
}

/// The name of an event together with the class its events are of.
public struct EventType<Kind: Event>: Sendable, Hashable {
    public let name: String

    /// A type of a program's own.
    public init(_ name: String) { self.name = name }
}

extension EventType where Kind == Event {
    /// The connection is open (WebSockets §6).
    public static var open: EventType { EventType("open") }
    /// A signal was aborted (DOM §3.2).
    public static var abort: EventType { EventType("abort") }
}

extension EventType where Kind == MessageEvent {
    /// A message came (WebSockets §6).
    public static var message: EventType { EventType("message") }
}

extension EventType where Kind == ErrorEvent {
    /// The connection failed, or did not open (WebSockets §6).
    public static var error: EventType { EventType("error") }
}

extension EventType where Kind == CloseEvent {
    /// The connection is closed (WebSockets §6).
    public static var close: EventType { EventType("close") }
}
