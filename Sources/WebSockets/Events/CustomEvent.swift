/// An event of a program's own that brings something along (DOM §2.4).
public final class CustomEvent: Event {
    /// What it brings.
    public let detail: Any?

    public init(_ type: String, detail: Any? = nil, bubbles: Bool = false, cancelable: Bool = false) {
        self.detail = detail
        super.init(type, bubbles: bubbles, cancelable: cancelable)
    }
}
