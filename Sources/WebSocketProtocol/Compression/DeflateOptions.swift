/// What this end does with permessage-deflate (RFC 7692): what it agrees to, and how it compresses.
public struct DeflateOptions: Sendable, Hashable {
    /// Whether this end's compressor remembers earlier messages ("context takeover"). Smaller messages,
    /// where they resemble each other; but each connection then keeps a compressor of its own for life
    /// (some 256 KiB with the default window and memory level), and what one message holds shows in the size
    /// of the next, so a secret beside text that an attacker chooses can be guessed (CRIME). Default: false.
    public var keepsOwnContext: Bool

    /// Whether the peer's compressor may remember earlier messages. Each connection then keeps a
    /// decompressor for life (some 40 KiB with the default window). Default: false.
    public var keepsPeerContext: Bool

    /// The largest window this end compresses with, as the base-2 logarithm of its bytes: 8 to 15.
    /// Default 15, 32 KiB. See ``Deflater`` for what 8 costs.
    public var ownMaxWindowBits: Int

    /// The largest window asked of the peer: 8 to 15. Default 15, which asks for nothing.
    public var peerMaxWindowBits: Int

    /// zlib's level, 1 (fastest) to 9 (smallest). Default 1: JSON of a kibibyte comes out some 7 % larger than
    /// at zlib's standard 6, in five sixths of the time (docs/performance.md).
    public var level: Int

    /// zlib's memory level, 1 to 9. Default 8, zlib's own.
    public var memoryLevel: Int

    /// Messages of fewer bytes are sent as they are. Default 512: JSON of that size shrinks to two fifths, for
    /// some ten microseconds of both ends' time; below, less is saved for nearly as much (docs/performance.md).
    public var threshold: Int

    /// The most bytes that one byte of a compressed message may become, counted once the message has
    /// inflated to more than ``ratioAllowance``. Default 500; one more: close 1009. No text comes near it,
    /// and zlib's own limit is 1,032.
    public var maxInflateRatio: Int

    /// How far a message inflates before its ratio is looked at, in bytes. Default 1 MiB.
    public static let ratioAllowance = 1 << 20

    /// What a client offers by default: to compress each of its messages by itself, and to take whatever
    /// the server does. A process has few clients, and what a server reveals of its own messages is the
    /// server's to decide.
    public static let client = DeflateOptions(keepsPeerContext: true)

    /// - Parameters: see the properties of the same names; numbers outside their range are moved to its end.
    public init(
        keepsOwnContext: Bool = false,
        keepsPeerContext: Bool = false,
        ownMaxWindowBits: Int = 15,
        peerMaxWindowBits: Int = 15,
        level: Int = 1,
        memoryLevel: Int = 8,
        threshold: Int = 512,
        maxInflateRatio: Int = 500
    ) {
        self.keepsOwnContext = keepsOwnContext
        self.keepsPeerContext = keepsPeerContext
        self.ownMaxWindowBits = min(max(ownMaxWindowBits, 8), 15)
        self.peerMaxWindowBits = min(max(peerMaxWindowBits, 8), 15)
        self.level = min(max(level, 1), 9)
        self.memoryLevel = min(max(memoryLevel, 1), 9)
        self.threshold = max(threshold, 0)
        self.maxInflateRatio = max(maxInflateRatio, 1)
    }
}
