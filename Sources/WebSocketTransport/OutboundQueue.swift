import NIOCore
import WebSocketProtocol

/// Messages that wait for their turn on the wire.
///
/// The queue is the message lock: only the message at its head is on the wire, so the fragments of two
/// messages never mix, whoever sends them.
struct OutboundQueue {
    /// Names the message a writer sends piece by piece.
    typealias StreamID = UInt64

    struct Entry {
        let kind: MessageKind
        /// Pieces not yet on the wire. The first may be partly sent: `offset` bytes of it are.
        var pieces: CircularBuffer<[UInt8]>
        var offset = 0
        /// Whether more pieces will come.
        var stream: StreamID?
        /// Whether a fragment went out already.
        var isUnderWay = false

        var isDone: Bool { pieces.isEmpty && stream == nil && isUnderWay }
    }

    private var entries = CircularBuffer<Entry>()
    /// Payload bytes that wait.
    private(set) var bytes = 0

    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ message: Message) {
        bytes += message.bytes.count
        entries.append(Entry(kind: message.kind, pieces: [message.bytes]))
    }

    mutating func beginStream(_ id: StreamID, kind: MessageKind) {
        entries.append(Entry(kind: kind, pieces: [], stream: id))
    }

    /// - Returns: false when there is no such stream (any more).
    mutating func append(_ piece: [UInt8], toStream id: StreamID, isLast: Bool) -> Bool {
        guard let index = entries.firstIndex(where: { $0.stream == id }) else { return false }
        // An empty piece matters only as the end of the message.
        if isLast || !piece.isEmpty {
            entries[index].pieces.append(piece)
            bytes += piece.count
        }
        if isLast { entries[index].stream = nil }
        return true
    }

    /// A fragment to put on the wire.
    struct Fragment {
        let kind: MessageKind
        let piece: [UInt8]
        /// The part of `piece` that is the fragment.
        let range: Range<Int>
        /// Whether it ends the message.
        let isLast: Bool
        /// Whether it is the message, first to last byte.
        let isWhole: Bool
    }

    /// The next fragment of the message at the head, at most `limit` bytes of it, or `nil` when there is
    /// nothing to send now.
    mutating func next(limit: Int) -> Fragment? {
        guard var entry = entries.first, let piece = entry.pieces.first else { return nil }
        let range = entry.offset..<min(piece.count, entry.offset + max(limit, 1))
        let isFirst = !entry.isUnderWay
        entry.isUnderWay = true
        bytes -= range.count
        if range.upperBound == piece.count {
            entry.pieces.removeFirst()
            entry.offset = 0
        } else {
            entry.offset = range.upperBound
        }
        entries.removeFirst()
        let isLast = entry.isDone
        if !isLast { entries.prepend(entry) }
        return Fragment(
            kind: entry.kind,
            piece: piece,
            range: range,
            isLast: isLast,
            isWhole: isFirst && isLast
        )
    }

    mutating func removeAll() {
        entries.removeAll()
        bytes = 0
    }
}
