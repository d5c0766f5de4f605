import NIOCore

/// Counts the frames that a client of HTTP/2 sends and that cost it nothing: what carries no request and no message
/// must be answered or looked at all the same (CVE-2019-9512, -9515, -9518 and their kin).
///
/// It looks at the header of every frame in the bytes as they come, before anybody acts on it. What is not HTTP/2 is
/// for others to find.
struct FrameMeter {
    /// More of them than is allowed.
    enum Flood: Error, Hashable, CustomStringConvertible {
        case controlFrames(limit: Int)
        case windowUpdates

        var description: String {
            switch self {
            case .controlFrames(let limit):
                "more than \(limit) frames without content in \(FrameMeter.seconds) seconds"
            case .windowUpdates: "more frames of WINDOW_UPDATE than what was sent to it explains"
            }
        }
    }

    static let seconds = 10
    private static let interval = TimeAmount.seconds(Int64(seconds))
    static let headerSize = 9
    /// What a client says first (RFC 9113 §3.4).
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// One for the stream and one for the connection, and as many again for a cautious client.
    private static let updatesPerFrame = 4
    private static let mostCredit = 1 << 20

    private let limit: Int
    private var began: NIODeadline
    private var counted = 0
    private var updatesLeft: Int
    /// Bytes to pass over: the preface, later the rest of a payload.
    private var skip = Self.preface.count
    /// A header that came in pieces: its bytes so far, the first in the highest place.
    private var partial: (bits: UInt64, count: Int) = (0, 0)

    init(limit: Int, now: NIODeadline) {
        self.limit = max(limit, 1)
        updatesLeft = self.limit
        began = now
    }

    /// A frame of `DATA` was sent, which the client will make room for again.
    mutating func sentData() { updatesLeft = min(updatesLeft + Self.updatesPerFrame, Self.mostCredit) }

    mutating func count(_ bytes: UnsafeRawBufferPointer, at now: NIODeadline) throws(Flood) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let passed = min(skip, rest.count)
            skip -= passed
            rest = rest.dropFirst(passed)
            while partial.count < Self.headerSize, let byte = rest.popFirst() {
                if partial.count < 8 { partial.bits = partial.bits << 8 | UInt64(byte) }
                partial.count += 1
            }
            guard partial.count == Self.headerSize else { return }
            // Length 24 bits, type 8, flags 8; then 24 of the stream's 32.
            let header = partial.bits
            partial = (0, 0)
            skip = Int(header >> 40)
            try frame(
                type: UInt8(header >> 32 & 0xFF),
                flags: UInt8(header >> 24 & 0xFF),
                size: skip,
                at: now
            )
        }
    }

    private mutating func frame(type: UInt8, flags: UInt8, size: Int, at now: NIODeadline) throws(Flood) {
        let endsStream = flags & 1 != 0
        switch type {
        // Messages, bounded by the stream's window, and requests, bounded by the number of streams.
        case 0 where size > 0 || endsStream: return
        case 1: return
        case 8:
            startInterval(now)
            updatesLeft -= 1
            guard updatesLeft >= 0 else { throw .windowUpdates }
        default:
            startInterval(now)
            counted += 1 + size / 64
            guard counted <= limit else { throw .controlFrames(limit: limit) }
        }
    }

    private mutating func startInterval(_ now: NIODeadline) {
        guard now >= began + Self.interval else { return }
        began = now
        counted = 0
        updatesLeft = max(updatesLeft, limit)
    }
}
