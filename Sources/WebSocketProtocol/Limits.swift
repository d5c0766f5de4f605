/// What a peer may cost this endpoint, in bytes *and* in parts.
public struct Limits: Sendable, Hashable {
    /// The largest payload of one frame, in bytes. Default `nil`: whatever fits the message limit.
    /// A larger frame is refused on its header, before a byte of payload is kept: close 1009.
    public var maxFrameSize: Int?

    /// The largest message, in bytes. Default 16 MiB; any `Int` will do, so 2 GiB and beyond on 64-bit
    /// systems. Costs at most this much memory per connection, and only as the bytes arrive: nothing is
    /// reserved on the word of a header. A larger message: close 1009. Without force while messages
    /// are delivered in parts (``Delivery/parts``).
    public var maxMessageSize: Int

    /// The most fragments of one message, empty ones included. Default `nil`: each fragment is charged
    /// ``fragmentCharge`` bytes against an allowance as large as ``maxMessageSize`` (at least 1,024
    /// fragments), which makes 262,144 under the default message limit. One more: close 1008.
    public var maxMessageFragments: Int?

    /// The largest HTTP head, start line and blank line included, in bytes. Default 16 KiB. A larger
    /// one: 431, or 414 when the start line alone is too long.
    public var maxHeadSize: Int

    /// The most header fields in an HTTP head. Default 100, never more than 65,534. One more: 431.
    public var maxHeadFields: Int

    /// What one fragment is charged when ``maxMessageFragments`` is left to the default, in bytes.
    public static let fragmentCharge = 64

    /// - Parameters: see the properties of the same names.
    public init(
        maxFrameSize: Int? = nil,
        maxMessageSize: Int = 16 << 20,
        maxMessageFragments: Int? = nil,
        maxHeadSize: Int = 16 << 10,
        maxHeadFields: Int = 100
    ) {
        self.maxFrameSize = maxFrameSize
        self.maxMessageSize = maxMessageSize
        self.maxMessageFragments = maxMessageFragments
        self.maxHeadSize = maxHeadSize
        self.maxHeadFields = maxHeadFields
    }

    /// The fragment limit in force.
    public var effectiveMaxMessageFragments: Int {
        maxMessageFragments ?? max(1024, maxMessageSize / Self.fragmentCharge)
    }
}

/// Limits that many connections have in common.
package final class SharedLimits: Sendable {
    package let limits: Limits
    /// The largest message that may come as one frame; below zero where not even an empty one may.
    let largestWholeMessage: Int

    package init(_ limits: Limits) {
        self.limits = limits
        largestWholeMessage =
            limits.effectiveMaxMessageFragments < 1
            ? -1 : min(limits.maxMessageSize, limits.maxFrameSize ?? .max)
    }
}

/// How received messages are handed out.
public enum Delivery: Sendable, Hashable {
    /// Each message once, whole.
    case messages
    /// Each message in the pieces it arrives in, so that one of any size needs no buffer.
    case parts
}
